"""What a User-Agent is taken for; headers as real browsers and apps send them."""

from __future__ import annotations

import pytest

from redemption.devices import Device, device_of

APPLE = "like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 {APPLE}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 19_1 {APPLE}"
ANDROID = "Mozilla/5.0 (Linux; Android 16; Pixel 10"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko)"

IN_PHONES: dict[str, Device] = {
    f"{IPHONE} Version/19.1 Mobile/15E148 Safari/604.1": Device("iphone"),
    f"{IPHONE} CriOS/142.0.0.0 Mobile/15E148 Safari/604.1": Device("iphone"),
    f"{IPAD} Version/19.1 Mobile/15E148 Safari/604.1": Device("iphone"),
    f"{ANDROID}) {CHROME} Chrome/142.0.0.0 Mobile Safari/537.36": Device("android"),
}
IN_APPS: dict[str, Device] = {
    f"{IPHONE} Mobile/22B83 Instagram 350.0.0.20.94 (iPhone17,1; iOS 19_1)": Device("iphone", in_app=True),
    f"{IPHONE} Mobile/22B83 [FBAN/FBIOS;FBAV/490.0.0.38.107;]": Device("iphone", in_app=True),
    f"{IPHONE} Mobile/22B83 Safari Line/14.19.0": Device("iphone", in_app=True),
    f"{IPHONE} Mobile/22B83 MicroMessenger/8.0.50(0x1800323a)": Device("iphone", in_app=True),
    f"{ANDROID}; wv) {CHROME} Version/4.0 Chrome/142.0 Mobile": Device("android", in_app=True),
    f"{ANDROID}; wv) {CHROME} Chrome/142 Mobile [FB_IAB/FB4A;FBAV/490]": Device("android", in_app=True),
}
OTHERS: dict[str, Device] = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Chrome/142.0 Safari/537.36": Device("computer"),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME} Safari/605.1.15": Device("computer"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": Device("computer"),
    "curl/8.5.0": Device("unknown"),
    "": Device("unknown"),
    "\0" * 10_000: Device("unknown"),
}


@pytest.mark.parametrize(("user_agent", "device"), {**IN_PHONES, **IN_APPS, **OTHERS}.items())
def test_a_device_is_known_by_what_it_sends(user_agent: str, device: Device) -> None:
    assert device_of(user_agent) == device
