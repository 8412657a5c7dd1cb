"""Log records as JSON lines, with everything that opens a door blanked before any handler sees it."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from passflow.request_id import current_request_id

# One alternative for each kind of secret that a path, a header or a repr may carry; its group is what stays.
_SECRETS = re.compile(
    r"(?P<path>(?i:/passes/))[^\s/'\"?&<>]+"
    r"|(?P<header>\b(?:(?i:ApplePass|Bearer)|Basic)\s+)[^\s'\",]+"
    r"|(?P<key>\bpf_[a-z]+_)[0-9A-Za-z]+"
    r"|(?P<jwt>\beyJ)[\w-]+\.[\w-]+\.[\w-]+"
    r"|(?P<google>\bya29\.)[\w.-]+"
    r"|(?P<hook>\bwh(?:sec|sk)_)[0-9A-Za-z+/=]+"
    # A redemption URL's secret by its shape alone (credentials/tokens.py), as a path can be spelled in many
    # ways. How Django or a browser writes a character before it would else look like its beginning.
    r"|(?P<shape>(?<![0-9A-Za-z])|%[0-9A-Fa-f]{2}|\\(?:[nrt]|x.{2}|u.{4}|U.{8}))"
    r"(?i:[0-9a-hjkmnp-tv-z]{26})(?![0-9A-Za-z])"
)


def redact(text: str) -> str:
    """`text` with URLs' tokens, API keys, authentication tokens, webhook secrets and JWTs blanked."""
    return _SECRETS.sub(lambda match: f"{match[match.lastgroup or 0]}[redacted]", text)


class RedactedRecord(logging.LogRecord):
    """A record that never held a secret, whichever handler or formatter gets to see it.

    Message and traceback are rendered and redacted when the record is made; the arguments and the exception,
    which a handler could render again, are let go.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.msg = redact(_message(self))
        self.args = ()
        if self.exc_info:
            self.exc_text = redact(logging.Formatter().formatException(self.exc_info))
            self.exc_info = None


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
        # What does not fit together must not become an error where it is logged: nothing guards this.
        return f"{record.msg} {record.args}"
