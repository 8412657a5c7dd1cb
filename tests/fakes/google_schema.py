"""The form of a GenericClass and a GenericObject, from Google's discovery document `walletobjects.v1`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

TEXT, FLAG, NUMBER, INT64 = "TYPE_STRING", "TYPE_BOOL", "TYPE_INT32", "TYPE_INT64"
# A member's kind: a scalar of above, the name of another schema, a list of either, or the words it may be.
Kind = str | list[str] | frozenset[str]


def _one_of(*words: str) -> frozenset[str]:
    return frozenset(words)


_MODULES: dict[str, Kind] = {
    "appLinkData": "AppLinkData",
    "id": TEXT,
    "imageModulesData": ["ImageModuleData"],
    "linksModuleData": "LinksModuleData",
    "merchantLocations": ["MerchantLocation"],
    "messages": ["Message"],
    "textModulesData": ["TextModuleData"],
    "valueAddedModuleData": ["ValueAddedModuleData"],
}
SCHEMAS: Mapping[str, Mapping[str, Kind]] = {
    "GenericClass": {
        **_MODULES,
        "callbackOptions": "CallbackOptions",
        "classTemplateInfo": "ClassTemplateInfo",
        "enableSmartTap": FLAG,
        "multipleDevicesAndHoldersAllowedStatus": _one_of(
            "STATUS_UNSPECIFIED", "MULTIPLE_HOLDERS", "ONE_USER_ALL_DEVICES", "ONE_USER_ONE_DEVICE"
        ),
        "redemptionIssuers": [INT64],
        "securityAnimation": "SecurityAnimation",
        "viewUnlockRequirement": _one_of(
            "VIEW_UNLOCK_REQUIREMENT_UNSPECIFIED", "UNLOCK_NOT_REQUIRED", "UNLOCK_REQUIRED_TO_VIEW"
        ),
    },
    "GenericObject": {
        **_MODULES,
        "barcode": "Barcode",
        "cardTitle": "LocalizedString",
        "classId": TEXT,
        "genericType": TEXT,
        "groupingInfo": "GroupingInfo",
        "hasUsers": FLAG,
        "header": "LocalizedString",
        "heroImage": "Image",
        "hexBackgroundColor": TEXT,
        "linkedObjectIds": [TEXT],
        "logo": "Image",
        "notifications": "Notifications",
        "passConstraints": "PassConstraints",
        "rotatingBarcode": "RotatingBarcode",
        "saveRestrictions": "SaveRestrictions",
        "smartTapRedemptionValue": TEXT,
        "state": _one_of("STATE_UNSPECIFIED", "ACTIVE", "COMPLETED", "EXPIRED", "INACTIVE"),
        "subheader": "LocalizedString",
        "validTimeInterval": "TimeInterval",
        "wideLogo": "Image",
    },
    "AppLinkData": {"displayText": "LocalizedString", "uriTarget": "AppTarget"},
    "AppTarget": {"targetUri": "Uri"},
    "Barcode": {
        "alternateText": TEXT,
        "renderEncoding": _one_of("RENDER_ENCODING_UNSPECIFIED", "UTF_8"),
        "showCodeText": "LocalizedString",
        "type": _one_of(
            *("AZTEC", "CODE_39", "CODE_128", "CODABAR", "DATA_MATRIX", "EAN_8", "EAN_13", "ITF_14"),
            *("PDF_417", "QR_CODE", "UPC_A", "TEXT_ONLY"),
        ),
        "value": TEXT,
    },
    "CallbackOptions": {"url": TEXT, "updateRequestUrl": TEXT},
    "CardBarcodeSectionDetails": {
        "firstBottomDetail": "BarcodeSectionDetail",
        "firstTopDetail": "BarcodeSectionDetail",
        "secondTopDetail": "BarcodeSectionDetail",
    },
    "BarcodeSectionDetail": {"fieldSelector": "FieldSelector"},
    "CardRowOneItem": {"item": "TemplateItem"},
    "CardRowTemplateInfo": {
        "oneItem": "CardRowOneItem",
        "threeItems": "CardRowThreeItems",
        "twoItems": "CardRowTwoItems",
    },
    "CardRowThreeItems": {
        "endItem": "TemplateItem",
        "middleItem": "TemplateItem",
        "startItem": "TemplateItem",
    },
    "CardRowTwoItems": {"endItem": "TemplateItem", "startItem": "TemplateItem"},
    "CardTemplateOverride": {"cardRowTemplateInfos": ["CardRowTemplateInfo"]},
    "ClassTemplateInfo": {
        "cardBarcodeSectionDetails": "CardBarcodeSectionDetails",
        "cardTemplateOverride": "CardTemplateOverride",
        "detailsTemplateOverride": "DetailsTemplateOverride",
        "listTemplateOverride": "ListTemplateOverride",
    },
    "DateTime": {"date": TEXT},
    "DetailsItemInfo": {"item": "TemplateItem"},
    "DetailsTemplateOverride": {"detailsItemInfos": ["DetailsItemInfo"]},
    "FieldReference": {"dateFormat": TEXT, "fieldPath": TEXT},
    "FieldSelector": {"fields": ["FieldReference"]},
    "FirstRowOption": {"fieldOption": "FieldSelector", "transitOption": TEXT},
    "GroupingInfo": {"groupingId": TEXT, "sortIndex": NUMBER},
    "Image": {"contentDescription": "LocalizedString", "privateImageId": TEXT, "sourceUri": "ImageUri"},
    "ImageModuleData": {"id": TEXT, "mainImage": "Image"},
    "ImageUri": {"description": TEXT, "localizedDescription": "LocalizedString", "uri": TEXT},
    "LinksModuleData": {"uris": ["Uri"]},
    "ListTemplateOverride": {
        "firstRowOption": "FirstRowOption",
        "secondRowOption": "FieldSelector",
        "thirdRowOption": "FieldSelector",
    },
    "LocalizedString": {"defaultValue": "TranslatedString", "translatedValues": ["TranslatedString"]},
    "MerchantLocation": {"latitude": NUMBER, "longitude": NUMBER},
    "Message": {
        "body": TEXT,
        "displayInterval": "TimeInterval",
        "header": TEXT,
        "id": TEXT,
        "localizedBody": "LocalizedString",
        "localizedHeader": "LocalizedString",
        "messageType": _one_of(
            "MESSAGE_TYPE_UNSPECIFIED", "TEXT", "EXPIRATION_NOTIFICATION", "TEXT_AND_NOTIFY"
        ),
    },
    "Notifications": {
        "expiryNotification": "ExpiryNotification",
        "upcomingNotification": "UpcomingNotification",
    },
    "ExpiryNotification": {"enableNotification": FLAG},
    "UpcomingNotification": {"enableNotification": FLAG},
    "PassConstraints": {
        "nfcConstraint": [TEXT],
        "screenshotEligibility": _one_of("SCREENSHOT_ELIGIBILITY_UNSPECIFIED", "ELIGIBLE", "INELIGIBLE"),
    },
    "RotatingBarcode": {
        "alternateText": TEXT,
        "initialRotatingBarcodeValues": "RotatingBarcodeValues",
        "renderEncoding": _one_of("RENDER_ENCODING_UNSPECIFIED", "UTF_8"),
        "showCodeText": "LocalizedString",
        "totpDetails": "RotatingBarcodeTotpDetails",
        "type": _one_of("QR_CODE", "PDF_417"),
        "valuePattern": TEXT,
    },
    "RotatingBarcodeTotpDetails": {
        "algorithm": _one_of("TOTP_ALGORITHM_UNSPECIFIED", "TOTP_SHA1"),
        "parameters": ["RotatingBarcodeTotpDetailsTotpParameters"],
        "periodMillis": INT64,
    },
    "RotatingBarcodeTotpDetailsTotpParameters": {"key": TEXT, "valueLength": NUMBER},
    "RotatingBarcodeValues": {"periodMillis": INT64, "startDateTime": TEXT, "values": [TEXT]},
    "SaveRestrictions": {"restrictToEmailSha256": [TEXT]},
    "SecurityAnimation": {"animationType": _one_of("ANIMATION_UNSPECIFIED", "FOIL_SHIMMER")},
    "TemplateItem": {"firstValue": "FieldSelector", "predefinedItem": TEXT, "secondValue": "FieldSelector"},
    "TextModuleData": {
        "body": TEXT,
        "header": TEXT,
        "id": TEXT,
        "localizedBody": "LocalizedString",
        "localizedHeader": "LocalizedString",
    },
    "TimeInterval": {"end": "DateTime", "start": "DateTime"},
    "TranslatedString": {"language": TEXT, "value": TEXT},
    "Uri": {"description": TEXT, "id": TEXT, "localizedDescription": "LocalizedString", "uri": TEXT},
    "ValueAddedModuleData": {
        "body": "LocalizedString",
        "header": "LocalizedString",
        "image": "Image",
        "sortIndex": NUMBER,
        "uri": TEXT,
    },
}  # fmt: skip


def faults(value: object, kind: Kind, *, at: str = "resource") -> Iterator[str]:
    """What is not of the kind, each in Google's words with its place; null means that nothing is there."""
    if value is None:
        return
    if isinstance(kind, list):
        yield from _faults_of_list(value, kind[0], at=at)
    elif isinstance(kind, frozenset):
        if value not in kind:
            yield f"Invalid value at '{at}' (TYPE_ENUM), {json.dumps(value)}"
    elif kind in SCHEMAS:
        yield from _faults_of_message(value, kind, at=at)
    elif not _is_scalar(value, kind):
        yield f"Invalid value at '{at}' ({kind}), {json.dumps(value)}"


def _faults_of_list(value: object, kind: str, *, at: str) -> Iterator[str]:
    if not isinstance(value, list):
        value = [value]
    for number, item in enumerate(value):
        if item is None:
            yield f"Invalid value at '{at}[{number}]' ({kind}), null"
        yield from faults(item, kind, at=f"{at}[{number}]")


def _faults_of_message(value: object, kind: str, *, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        kind = f"type.googleapis.com/google.walletobjects.v1.{kind}"
        yield f"Invalid value at '{at}' ({kind}), {json.dumps(value)}"
        return
    for name, member in value.items():
        if name not in SCHEMAS[kind]:
            yield f"Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."
        else:
            yield from faults(member, SCHEMAS[kind][name], at=f"{at}.{name}")


def _is_scalar(value: Any, kind: str) -> bool:
    match kind:
        case "TYPE_STRING":
            return isinstance(value, str)
        case "TYPE_BOOL":
            return isinstance(value, bool)
        case "TYPE_INT64":
            return re.fullmatch(r"-?\d{1,19}", str(value)) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)
