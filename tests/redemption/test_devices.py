"""What a User-Agent is taken for; headers as real browsers and apps send them."""

from __future__ import annotations

import pytest

from credentials.states import Wallet
from redemption.devices import Device, device_of

APPLE = "like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 {APPLE}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 19_1 {APPLE}"
ANDROID = "Mozilla/5.0 (Linux; Android 16; Pixel 10"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko)"

ON_IPHONES = [
    f"{IPHONE} Version/19.1 Mobile/15E148 Safari/604.1",
    f"{IPHONE} CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
    f"{IPHONE} FxiOS/145.0 Mobile/15E148 Safari/605.1.15",
    f"{IPHONE} Version/19.0 EdgiOS/142.0.3595.53 Mobile/15E148 Safari/605.1.15",
    f"{IPHONE} Version/19.1 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
    f"{IPHONE} Version/19.1 Mobile/15E148 Safari/604.1 OPT/6.1.2",
    f"{IPAD} Version/19.1 Mobile/15E148 Safari/604.1",
]
IN_APPS_ON_IPHONES = [
    f"{IPHONE} Mobile/22B83 Instagram 350.0.0.20.94 (iPhone17,1; iOS 19_1; de_DE; de; scale=3.00; 1206x2622)",
    f"{IPHONE} Mobile/22B83 [FBAN/FBIOS;FBAV/490.0.0.38.107;FBDV/iPhone17,1;FBSN/iOS;FBSV/19.1;FBSS/3]",
    f"{IPHONE} Mobile/15E148 Safari Line/14.19.0",
    f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.50(0x1800323a) NetType/WIFI Language/zh_CN",
    f"{IPHONE} Mobile/22B83 Barcelona 356.0.0.29.109 (iPhone17,1; iOS 19_1; en_US; en; scale=3.00)",
    f"{IPHONE} Mobile/15E148 musical_ly_36.5.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en",
    f"{IPHONE} Mobile/15E148 BytedanceWebview/d8a21c6",
    f"{IPHONE} Mobile/15E148 TeamsMobile-iOS",
    f"{IPHONE} Mobile/15E148 NAVER(inapp; search; 2000; 12.9.3; 17PRO)",
    f"{IPHONE} Mobile/15E148 Weibo (iPhone17,1__weibo__14.11.0__iphone__os19.1)",
    f"{IPHONE} Mobile/15E148 QQ/9.1.20.613 V1_IPH_SQ_9.1.20_1_APP_A Pixel/1170",
    # As Viber, Discord and many more have it.
    f"{IPHONE} Mobile/15E148",
    # Of Google's own app, which hands nothing on though it names Safari.
    f"{IPHONE} GSA/342.0.693598186 Mobile/15E148 Safari/604.1",
    f"{IPAD} Mobile/22B83 Instagram 350.0.0.20.94 (iPad14,3; iPadOS 19_1; en_US; en; scale=2.00)",
]
ON_ANDROID = [
    f"{ANDROID}) {CHROME} Chrome/142.0.0.0 Mobile Safari/537.36",
    f"{ANDROID}) {CHROME} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
]
IN_APPS_ON_ANDROID = [
    f"{ANDROID}; wv) {CHROME} Version/4.0 Chrome/142.0 Mobile Safari/537.36",
    f"{ANDROID}; wv) {CHROME} Version/4.0 Chrome/142 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/490;]",
    f"{ANDROID}; wv) {CHROME} Version/4.0 Chrome/142 Mobile Safari/537.36 Instagram 350.0.0.20 Android",
    f"{ANDROID}; wv) {CHROME} Version/4.0 Chrome/142 Mobile Safari/537.36 Line/14.19.0/IAB",
    f"{ANDROID}; wv) {CHROME} Version/4.0 Chrome/142 Mobile Safari/537.36 Barcelona 356.0.0.29 Android",
    f"{ANDROID}) {CHROME} Version/4.0 Chrome/142 Mobile Safari/537.36 XWEB/1300 MicroMessenger/8.0.50",
    f"{ANDROID}) {CHROME} Chrome/142 Mobile Safari/537.36 trill_360503 BytedanceWebview/d8a21c6",
]
OTHERS: dict[str, Device] = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Chrome/142.0 Safari/537.36": Device("computer"),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Chrome/142.0 Safari/537.36": Device("computer"),
    # These may be tablets that ask for desktop pages.
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME} Version/19.1 Safari/605.1.15": Device(
        "computer", Wallet.APPLE
    ),
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Chrome/142.0.0.0 Safari/537.36": Device(
        "computer", Wallet.GOOGLE
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": Device(
        "computer", Wallet.GOOGLE
    ),
    "curl/8.5.0": Device("unknown"),
    "": Device("unknown"),
    "\0" * 10_000: Device("unknown"),
}


KNOWN: dict[str, Device] = {
    **dict.fromkeys(ON_IPHONES, Device("iphone", Wallet.APPLE)),
    **dict.fromkeys(IN_APPS_ON_IPHONES, Device("iphone", Wallet.APPLE, in_app=True)),
    **dict.fromkeys(ON_ANDROID, Device("android", Wallet.GOOGLE)),
    **dict.fromkeys(IN_APPS_ON_ANDROID, Device("android", Wallet.GOOGLE, in_app=True)),
    **OTHERS,
}


@pytest.mark.parametrize(("user_agent", "device"), KNOWN.items())
def test_a_device_is_known_by_what_it_sends(user_agent: str, device: Device) -> None:
    assert device_of(user_agent) == device
