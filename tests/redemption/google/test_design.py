"""A class says who may hold its cards, where Google reports to, and which field stands where."""

from __future__ import annotations

from typing import Any

import pytest

from credentials.models import Account
from redemption.google.classes import class_for
from redemption.google.design import class_body, lay_out, without_unset
from redemption.models import GoogleClass
from tests import factories
from tests.fakes.google_rules import class_faults
from tests.fakes.google_schema import faults

AREAS = {"header": 3, "primary": 2, "secondary": 4, "auxiliary": 5, "back": 2}
EVERYTHING = [
    {"area": area, "key": f"{area}{number}", "label": area.title(), "value": f"{area} {number}"}
    for area, count in AREAS.items()
    for number in range(1, count + 1)
]


def class_of(account: Account, *, redemption_issuers: list[str] | None = None, **design: Any) -> GoogleClass:
    issuer = factories.google_issuer(account, redemption_issuers=redemption_issuers or [])
    return class_for(issuer, factories.credential_type(account, **design))


def keys(row: dict[str, Any]) -> list[str]:
    """The fields of a row or an item, from start to end."""
    if "firstValue" in row:
        (field,) = row["firstValue"]["fields"]
        return [field["fieldPath"].removeprefix("object.textModulesData['").removesuffix("']")]
    return [key for part in row.values() for key in keys(part)]


def front(body: dict[str, Any]) -> list[list[str]]:
    override = body["classTemplateInfo"]["cardTemplateOverride"]
    return [keys(row) for row in override["cardRowTemplateInfos"]] if override else []


def beneath(body: dict[str, Any]) -> list[str]:
    infos = body["classTemplateInfo"]["detailsTemplateOverride"]["detailsItemInfos"]
    return [key for info in infos for key in keys(info["item"])]


def test_a_class_says_what_all_its_cards_share(acme: Account) -> None:
    google_class = class_of(acme)
    issuer_id = google_class.issuer.issuer_id
    assert class_body(google_class) == {
        "id": f"{issuer_id}.{google_class.suffix}",
        "callbackOptions": {"url": f"http://127.0.0.1:8000/google/callback/{issuer_id}"},
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
        "viewUnlockRequirement": "UNLOCK_NOT_REQUIRED",
        "enableSmartTap": False,
        "redemptionIssuers": None,
        "classTemplateInfo": {
            "cardTemplateOverride": None,
            "detailsTemplateOverride": {
                "detailsItemInfos": [
                    {"item": {"firstValue": {"fields": [{"fieldPath": f"object.textModulesData['{key}']"}]}}}
                    for key in ("status", "terms")
                ]
            },
        },
    }


@pytest.mark.parametrize(
    "design",
    [
        {},
        {"fields": []},
        {"fields": EVERYTHING},
        {"google_smart_tap": True, "google_view_unlock_requirement": "UNLOCK_REQUIRED_TO_VIEW"},
    ],
    ids=["plain", "no fields", "every field", "Smart Tap"],
)
def test_google_can_read_every_class(acme: Account, design: dict[str, Any]) -> None:
    body = class_body(class_of(acme, redemption_issuers=["3388000000011111111"], **design))
    assert list(faults(body, "GenericClass")) == []
    assert list(class_faults(without_unset(body))) == []


def test_smart_tap_needs_readers(acme: Account, globex: Account) -> None:
    without = class_body(class_of(acme, google_smart_tap=True))
    assert (without["enableSmartTap"], without["redemptionIssuers"]) == (False, None)
    body = class_body(class_of(globex, google_smart_tap=True, redemption_issuers=["338800000001"]))
    assert (body["enableSmartTap"], body["redemptionIssuers"]) == (True, ["338800000001"])


def test_the_phone_must_be_unlocked_where_the_design_says_so(acme: Account) -> None:
    google_class = class_of(acme, google_view_unlock_requirement="UNLOCK_REQUIRED_TO_VIEW")
    assert class_body(google_class)["viewUnlockRequirement"] == "UNLOCK_REQUIRED_TO_VIEW"


def test_the_front_shows_a_row_for_each_area(acme: Account) -> None:
    fields = [field for field in EVERYTHING if field["key"][-1] in "12" and field["key"] != "primary2"]
    body = class_body(class_of(acme, fields=fields))
    assert front(body) == [["header1", "header2"], ["secondary1", "secondary2"], ["auxiliary1", "auxiliary2"]]
    assert beneath(body) == ["status", "back1", "back2"]


def test_what_has_no_room_on_the_front_stands_beneath(acme: Account) -> None:
    body = class_body(class_of(acme, fields=EVERYTHING))
    # Google takes three rows of three; the second primary field of a boarding pass comes first.
    assert front(body) == [["primary2"], ["header1", "header2", "header3"], ["secondary1", "secondary2"]]
    assert beneath(body) == [
        *("status", "secondary3", "secondary4"),
        *(f"auxiliary{number}" for number in range(1, 6)),
        *("back1", "back2"),
    ]


@pytest.mark.parametrize(("count", "rows"), [(1, [1]), (2, [2]), (3, [3]), (4, [2, 2]), (5, [3, 2])])
def test_a_long_row_is_shared_out_evenly(acme: Account, count: int, rows: list[int]) -> None:
    fields = [field for field in EVERYTHING if field["area"] == "auxiliary"][:count]
    body = class_body(class_of(acme, fields=fields))
    assert [len(row) for row in front(body)] == rows
    named = {1: {"oneItem"}, 2: {"twoItems"}, 3: {"threeItems"}}
    override = body["classTemplateInfo"]["cardTemplateOverride"]
    assert [set(row) for row in override["cardRowTemplateInfos"]] == [named[length] for length in rows]


def test_every_field_has_one_place(acme: Account) -> None:
    layout = lay_out(factories.credential_type(acme, fields=EVERYTHING))
    assert layout.title is not None
    placed = [layout.title, *(field for row in layout.rows for field in row), *layout.details]
    assert sorted(field.key for field in placed) == sorted(str(field["key"]) for field in EVERYTHING)


def test_the_class_of_a_type_is_made_once(acme: Account) -> None:
    google_class = class_of(acme)
    assert class_for(google_class.issuer, google_class.credential_type) == google_class
    assert GoogleClass.objects.count() == 1
