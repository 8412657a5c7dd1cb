"""The fields of a design: read from JSON, refused in words, filled with what is true of one holder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from credentials.characters import control_in
from credentials.errors import Invalid
from credentials.models.designs import BarcodeFormat, Style

PLACEHOLDERS = ("first_name", "last_name", "full_name", "email", "system_id", "label", "value", "expires_at")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# What a pass on the front shows (Apple, "Pass Design and Creation"); its back is a list.
FIELD_COUNTS: Mapping[str, int] = {"header": 3, "primary": 1, "secondary": 4, "auxiliary": 4}
BOARDING_PASS_COUNTS: Mapping[str, int] = {**FIELD_COUNTS, "primary": 2, "auxiliary": 5}
BESIDE_SQUARE_BARCODE = 4
AREAS = (*FIELD_COUNTS, "back")
# The keys of the fields that a pass adds of its own accord, to say where it stands.
RESERVED_KEYS = ("status", "standing")
MOST_FIELDS = 50
# The control characters that texts on a pass are laid out with.
LAYOUT = "\t\n"

_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST: Mapping[str, int] = {"key": 50, "label": 100, "value": 2000, "change_message": 200}
_STYLES_OF_DATES = ("", "none", "short", "medium", "long", "full")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "area": AREAS,
    "text_alignment": ("", "left", "center", "right", "natural"),
    "date_style": _STYLES_OF_DATES,
    "time_style": _STYLES_OF_DATES,
}


@dataclass(frozen=True)
class PassField:
    """One field of a pass; `value` may hold placeholders such as `{full_name}`."""

    area: str
    key: str
    value: str
    label: str = ""
    change_message: str = ""
    text_alignment: str = ""
    date_style: str = ""
    time_style: str = ""
    is_relative: bool = False

    @property
    def is_date(self) -> bool:
        """Whether the device formats the value, which then is a time stamp."""
        return bool(self.date_style or self.time_style)


def read_fields(written: Sequence[object]) -> tuple[PassField, ...]:
    """The fields that a design's JSON holds. Raises `Invalid` for `fields`, naming the one at fault."""
    if len(written) > MOST_FIELDS:
        raise _refusal(f"There are {len(written)} fields; a design has at most {MOST_FIELDS}.")
    read = tuple(_read(member, number=number) for number, member in enumerate(written, start=1))
    for key, times in Counter(field.key for field in read).items():
        if times > 1:
            raise _refusal(f"The key “{key}” is used {times} times.")
    return read


def check_counts(read: Sequence[PassField], *, style: str, barcode_format: str) -> None:
    """Raises `Invalid` for `fields` when there are more in one area than a pass of this style shows."""
    counts = Counter(field.area for field in read)
    is_boarding_pass = style == Style.BOARDING_PASS
    for area, most in (BOARDING_PASS_COUNTS if is_boarding_pass else FIELD_COUNTS).items():
        if counts[area] > most:
            raise _refusal(f"There are {counts[area]} {area} fields; a pass of this style shows {most}.")
    beside = counts["secondary"] + counts["auxiliary"]
    is_square = barcode_format in (BarcodeFormat.QR, BarcodeFormat.AZTEC)
    if is_square and not is_boarding_pass and beside > BESIDE_SQUARE_BARCODE:
        raise _refusal(
            f"There are {beside} secondary and auxiliary fields; "
            f"together with a square barcode a pass shows {BESIDE_SQUARE_BARCODE}."
        )


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its placeholders replaced, in one pass: a placeholder inside a name stays what it is."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1]) or "", text).strip()


def _read(member: object, *, number: int) -> PassField:
    if not isinstance(member, dict):
        raise _refusal(f"Field {number} must be an object.")
    named = f"Field {number} (“{member['key']}”)" if isinstance(member.get("key"), str) else f"Field {number}"
    _check_members(member, named=named)
    field = PassField(**member)
    _check_texts(field, named=named)
    if not _KEY.fullmatch(field.key) or field.key in RESERVED_KEYS:
        raise _refusal(
            f"{named}: this key cannot be used; write letters, digits, _ and -, but not status or standing."
        )
    _check_value(field, named=named)
    return field


def _check_members(member: dict[str, Any], *, named: str) -> None:
    for missing in [name for name in ("area", "key", "value") if not member.get(name)]:
        raise _refusal(f"{named} has no {missing}.")
    known = {field.name: bool if field.name == "is_relative" else str for field in fields(PassField)}
    for name, value in member.items():
        if name not in known:
            raise _refusal(f"{named}: there is no member “{name}”; there are {', '.join(known)}.")
        if not isinstance(value, known[name]):
            raise _refusal(f"{named}: {name} must be {'true or false' if known[name] is bool else 'a text'}.")


def _check_texts(field: PassField, *, named: str) -> None:
    for name, longest in _LONGEST.items():
        text = getattr(field, name)
        if len(text) > longest:
            raise _refusal(f"{named}: {name} has {len(text)} characters, at most {longest}.")
        if control := control_in(text, allowed=LAYOUT):
            raise _refusal(f"{named}: {name} holds the control character {control}.")
    for name, choices in _CHOICES.items():
        if getattr(field, name) not in choices:
            raise _refusal(f"{named}: {name} must be one of {', '.join(filter(None, choices))}.")


def _check_value(field: PassField, *, named: str) -> None:
    unknown = set(PLACEHOLDER.findall(field.value)) - set(PLACEHOLDERS)
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise _refusal(f"{named}: there is no placeholder {{{min(unknown)}}}; there are {known}.")
    if field.is_date and field.value != "{expires_at}" and not _is_time(field.value):
        raise _refusal(
            f"{named}: to be shown as a date, value must be {{expires_at}} or an ISO 8601 time with its zone."
        )
    if field.change_message and "%@" not in field.change_message:
        raise _refusal(f"{named}: change_message must hold %@, or the device shows no message.")


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _refusal(sentence: str) -> Invalid:
    return Invalid("fields", sentence)
