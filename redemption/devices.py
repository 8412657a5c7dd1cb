"""What a visitor holds, as far as `User-Agent` tells: it decides what comes first, never what is allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from credentials.states import Wallet

Kind = Literal["iphone", "android", "computer", "unknown"]

_IPHONE = re.compile(r"\b(?:iPhone|iPad|iPod)\b")
_ANDROID = re.compile(r"\bAndroid\b")
_COMPUTER = re.compile(r"\b(?:Windows NT|Macintosh|X11|CrOS)\b")
# Browsers inside other apps, by the mark that the app leaves; they often cannot hand a file to a wallet.
_IN_APP = re.compile(
    r"\bFBA[NV]/|\bInstagram\b|\bLine/|\bMicroMessenger/|\bSnapchat\b|\bTwitter|\bLinkedInApp\b|\bPinterest/"
    r"|\bmusical_ly|\bBytedanceWebview|\bTikTok\b|\bKAKAOTALK\b|\bGSA/|\bTelegram|\bWhatsApp/|\bSlack"
)
# Android's own mark of a page inside an app.
_WEB_VIEW = re.compile(r"; wv\)")

_OWN_WALLET: dict[Kind, Wallet] = {"iphone": Wallet.APPLE, "android": Wallet.GOOGLE}


@dataclass(frozen=True)
class Device:
    """The kind of device, and whether the page is open inside another app."""

    kind: Kind
    in_app: bool = False

    @property
    def own_wallet(self) -> Wallet | None:
        """The wallet that such a device has."""
        return _OWN_WALLET.get(self.kind)


def device_of(user_agent: str) -> Device:
    """The device that sends this header. An iPad that asks for desktop pages looks like a Mac."""
    if _IPHONE.search(user_agent):
        return Device("iphone", in_app=bool(_IN_APP.search(user_agent)))
    if _ANDROID.search(user_agent):
        in_app = bool(_IN_APP.search(user_agent) or _WEB_VIEW.search(user_agent))
        return Device("android", in_app=in_app)
    return Device("computer" if _COMPUTER.search(user_agent) else "unknown")
