"""The devices that people open a link on, as playwright describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.1 Mobile/15E148 Safari/604.1"
)
_CHROME = (
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Mobile Safari/537.36"
)
# As an iPad has it unless it is told otherwise.
_IPAD = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.1 Safari/605.1.15"
)
_INSTAGRAM = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/22B83 Instagram 350.0.0.20.94"
)


@dataclass(frozen=True)
class Profile:
    """A device by name, and how its browser comes along."""

    name: str
    options: dict[str, Any]


IPHONE = Profile(
    "iphone",
    {
        "user_agent": _SAFARI,
        "viewport": {"width": 390, "height": 760},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
)
PIXEL = Profile(
    "pixel",
    {
        "user_agent": _CHROME,
        "viewport": {"width": 412, "height": 800},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
)
IPAD = Profile(
    "ipad",
    {
        "user_agent": _IPAD,
        "viewport": {"width": 820, "height": 1180},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
)
DESKTOP = Profile("desktop", {"viewport": {"width": 1280, "height": 860}})
INSTAGRAM = Profile("instagram", {**IPHONE.options, "user_agent": _INSTAGRAM})
NARROW = Profile("narrow", {**IPHONE.options, "viewport": {"width": 320, "height": 600}})

PROFILES = (IPHONE, PIXEL, DESKTOP)
