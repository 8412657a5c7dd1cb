"""Secrets of a machine that was given none: made once, kept in `var/`, readable by the owner only."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def local_secret(path: Path, *, mint: Callable[[], str]) -> str:
    """The text in `path`; made with `mint` when the file does not exist yet.

    Two processes may start at once: the file is linked into place whole, so both read the same secret.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own, and mode 0600: in containers, two processes with one folder may share a pid.
        with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-") as draft:
            draft.write(mint())
            draft.flush()
            os.fsync(draft.fileno())
            with suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text().strip()
