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
# Every browser on iOS names Safari too, which the web views of apps do not.
_BROWSER_ON_IOS = re.compile(r"\bSafari/")
# Android's own mark of a page inside an app.
_WEB_VIEW = re.compile(r"; wv\)")
# What tablets that ask for desktop pages, as iPads do unless told otherwise, say they are.
_TABLETS: tuple[tuple[re.Pattern[str], Wallet], ...] = (
    (re.compile(r"\(Macintosh;"), Wallet.APPLE),
    (re.compile(r"\(X11; Linux"), Wallet.GOOGLE),
)


@dataclass(frozen=True)
class Device:
    """The kind of device, and whether the page is open inside another app."""

    kind: Kind
    # The wallet that such a device has; of a computer, that it has if it is a tablet.
    own_wallet: Wallet | None = None
    in_app: bool = False


def device_of(user_agent: str) -> Device:
    """The device that sends this header. A tablet that asks for desktop pages looks like a computer."""
    if _IPHONE.search(user_agent):
        in_app = bool(_IN_APP.search(user_agent)) or not _BROWSER_ON_IOS.search(user_agent)
        return Device("iphone", Wallet.APPLE, in_app=in_app)
    if _ANDROID.search(user_agent):
        in_app = bool(_IN_APP.search(user_agent) or _WEB_VIEW.search(user_agent))
        return Device("android", Wallet.GOOGLE, in_app=in_app)
    if not _COMPUTER.search(user_agent):
        return Device("unknown")
    tablets = (wallet for pattern, wallet in _TABLETS if pattern.search(user_agent))
    return Device("computer", next(tablets, None))
