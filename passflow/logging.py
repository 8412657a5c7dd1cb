"""Log records as JSON lines, with everything that opens a door blanked before a handler sees it."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from passflow.request_id import current_request_id

# One alternative for each kind of secret that a path, a header or a repr may carry.
_SECRETS = re.compile(
    r"(?P<path>/passes/)[^\s/'\"?&<>]+"
    r"|(?P<header>\b(?:(?i:ApplePass|Bearer)|Basic)\s+)[^\s'\",]+"
    r"|(?P<key>\bpf_[a-z]+_)[0-9A-Za-z]+"
    r"|(?P<hook>\bwh(?:sec|sk)_)[0-9A-Za-z+/=]+"
)


def redact(text: str) -> str:
    """`text` with redemption tokens, API keys, authentication tokens and webhook secrets blanked."""
    return _SECRETS.sub(lambda match: f"{match[match.lastgroup or 0]}[redacted]", text)


class RedactSecrets(logging.Filter):
    """Renders the message and the traceback once, redacted, so that no formatter can leak them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(_message(record))
        record.args = ()
        if record.exc_info:
            record.exc_text = redact(record.exc_text or logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
        # Django attaches the whole request, path and headers included.
        record.__dict__.pop("request", None)
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request id, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id.get():
            line["request_id"] = request_id
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (KeyError, TypeError, ValueError):
        # What does not fit together must not become an error where it is logged: filters are not guarded.
        return f"{record.msg} {record.args}"
