"""What Apple refuses in a push before it looks for the phone."""

from __future__ import annotations

import re
from collections import Counter

PUSH_TYPES = {
    *("alert", "background", "complication", "fileprovider", "liveactivity", "location", "mdm", "voip"),
}
LARGEST_PAYLOAD = 4096
LONGEST_COLLAPSE_ID = 64


def first_fault(fields: list[tuple[str, str]], body: bytes, *, topic: str) -> tuple[int, str] | None:
    """Return status and reason of the first rule that a request breaks (Apple's table of APNs errors)."""
    headers = dict(fields)
    duplicates = [name for name, count in Counter(name for name, _ in fields).items() if count > 1]
    push_type = headers.get("apns-push-type", "alert")
    priorities = {"1", "5"} if push_type == "background" else {"1", "5", "10"}
    path = re.fullmatch(r"/3/device/([^/]*)", headers[":path"])
    token = path[1] if path else ""
    rules = [
        (headers[":method"] != "POST", 405, "MethodNotAllowed"),
        (path is None, 404, "BadPath"),
        (not token, 400, "MissingDeviceToken"),
        (re.fullmatch(r"([0-9A-Fa-f]{2})+", token) is None, 400, "BadDeviceToken"),
        (bool(duplicates), 400, "DuplicateHeaders"),
        ("apns-topic" not in headers, 400, "MissingTopic"),
        (not headers.get("apns-topic", "").startswith("pass."), 400, "BadTopic"),
        (headers.get("apns-topic") != topic, 400, "TopicDisallowed"),
        (push_type not in PUSH_TYPES, 400, "InvalidPushType"),
        (headers.get("apns-priority", "10") not in priorities, 400, "BadPriority"),
        (not re.fullmatch(r"\d{1,10}", headers.get("apns-expiration", "0")), 400, "BadExpirationDate"),
        (len(headers.get("apns-collapse-id", "").encode()) > LONGEST_COLLAPSE_ID, 400, "BadCollapseId"),
        (not body, 400, "PayloadEmpty"),
        (len(body) > LARGEST_PAYLOAD, 413, "PayloadTooLarge"),
    ]  # fmt: skip
    return next(((status, reason) for broken, status, reason in rules if broken), None)
