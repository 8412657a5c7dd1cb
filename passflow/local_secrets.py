"""Secrets of a machine that was given none: made once, kept in `var/`, readable by the owner only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def local_secret(path: Path, *, mint: Callable[[], str]) -> str:
    """The text in `path`; made with `mint` when the file does not exist yet.

    Two processes may start at once: the file is linked into place whole, so both read the same secret.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(mint())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
