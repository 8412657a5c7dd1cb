"""What Google refuses in a class or an object that is of the right form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

MOST_MESSAGES = 10
ID = re.compile(r"(?P<issuer>\d+)\.[A-Za-z0-9._-]+")


def issuer_of(identifier: object) -> str:
    """The issuer in the id of a class or an object; empty when it is no id."""
    match = ID.fullmatch(identifier) if isinstance(identifier, str) else None
    return match["issuer"] if match else ""


def class_faults(resource: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a class as a whole."""
    callback = resource.get("callbackOptions", {}).get("url")
    if callback is not None and not _is_secure(callback):
        yield f"Invalid callback URL: {callback}"
    if "redemptionIssuers" in resource and not resource.get("enableSmartTap"):
        yield "redemptionIssuers needs enableSmartTap."
    yield from _shared_faults(resource)


def object_faults(resource: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an object as a whole, its class left aside."""
    for name in ("cardTitle", "header"):
        if name not in resource:
            yield f"Missing required field: {name}."
    if not str(resource.get("smartTapRedemptionValue", "")).isascii():
        yield "smartTapRedemptionValue must be ASCII."
    if "type" not in resource.get("barcode", {"type": ""}):
        yield "Barcode type is required."
    yield from _colour_faults(resource.get("hexBackgroundColor", "#000000"))
    yield from _interval_faults(resource.get("validTimeInterval", {}))
    yield from _rotation_faults(resource.get("rotatingBarcode"))
    yield from _shared_faults(resource)


def _shared_faults(resource: Mapping[str, Any]) -> Iterator[str]:
    if len(resource.get("messages", [])) > MOST_MESSAGES:
        yield f"At most {MOST_MESSAGES} messages are allowed."
    for name, value in _members(resource):
        if name in ("defaultValue", "translatedValues") and not _is_translated(value):
            yield f"{name} needs a language and a value."
        if name == "sourceUri" and not _is_secure(value.get("uri", "")):
            yield f"Invalid image URI: {value.get('uri')}"
    for text in _localized(resource):
        if "defaultValue" not in text:
            yield "A localized string needs a default value."


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member at any depth, those of lists one by one."""
    if isinstance(value, list):
        for item in value:
            yield from _members(item)
    if isinstance(value, dict):
        for name, member in value.items():
            for item in member if isinstance(member, list) else [member]:
                yield name, item
            yield from _members(member)


def _localized(resource: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    names = {"cardTitle", "header", "subheader", "contentDescription"}
    # In modules and messages a header is plain text.
    return (
        value
        for name, value in _members(resource)
        if isinstance(value, dict) and (name in names or name.startswith("localized"))
    )


def _is_translated(text: Mapping[str, Any]) -> bool:
    return bool(text.get("language") and text.get("value"))


def _is_secure(url: str) -> bool:
    """Google asks for https; plain http leads nowhere but to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme, parts.hostname) in (
        ("http", "127.0.0.1"),
        ("http", "localhost"),
    )


def _colour_faults(colour: str) -> Iterator[str]:
    if not re.fullmatch(r"#([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})", colour):
        yield f"Invalid color: {colour}"


def _interval_faults(interval: Mapping[str, Any]) -> Iterator[str]:
    dates = {name: interval[name].get("date", "") for name in ("start", "end") if name in interval}
    try:
        read = {name: datetime.fromisoformat(date) for name, date in dates.items()}
    except ValueError:
        yield f"Invalid date in validTimeInterval: {dates}"
        return
    if len(read) == 2 and (read["start"].tzinfo is None) != (read["end"].tzinfo is None):
        yield "Start and end of validTimeInterval must both have an offset, or neither."
    elif len(read) == 2 and read["start"] > read["end"]:
        yield "validTimeInterval ends before it starts."


def _rotation_faults(barcode: Mapping[str, Any] | None) -> Iterator[str]:
    if barcode is None:
        return
    totp = barcode.get("totpDetails", {})
    parameters = totp.get("parameters", [])
    if "type" not in barcode or "{totp_" not in barcode.get("valuePattern", ""):
        yield "A rotating barcode needs a type and a value pattern."
    if totp.get("algorithm") != "TOTP_SHA1" or int(totp.get("periodMillis", 0)) <= 0:
        yield "A rotating barcode needs TOTP_SHA1 and a period."
    if not all(re.fullmatch(r"([0-9A-Fa-f]{2})+", one.get("key", "")) for one in parameters):
        yield "The key of a rotating barcode must be Base16."
    for number in re.findall(r"\{totp_value_(\d+)\}", barcode.get("valuePattern", "")):
        if int(number) >= len(parameters):
            yield f"The value pattern names parameter {number}, which is not there."
