"""Secrets that must be used again, at rest: Fernet (AES-128-CBC + HMAC) under rotating keys.

Every ciphertext carries, inside, the name of what it is for. A row whose ciphertext was swapped with
another row's is refused instead of being used (Fernet itself binds no context).
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Undecryptable(Exception):
    """The ciphertext is damaged, belongs elsewhere, or its key is no longer in `PASSFLOW_FIELD_KEYS`."""


def encrypt(secret: bytes, *, purpose: str) -> bytes:
    """`secret` under the first key of `PASSFLOW_FIELD_KEYS`, bound to `purpose`."""
    return _keys(tuple(settings.FIELD_KEYS)).encrypt(_label(purpose) + secret)


def decrypt(ciphertext: bytes, *, purpose: str) -> bytes:
    """What `encrypt` was given; raises `Undecryptable`, never returns something else."""
    try:
        labelled = _keys(tuple(settings.FIELD_KEYS)).decrypt(bytes(ciphertext))
    except InvalidToken as error:
        raise Undecryptable(f"{purpose}: no key of PASSFLOW_FIELD_KEYS opens it") from error
    label = _label(purpose)
    if not labelled.startswith(label):
        raise Undecryptable(f"{purpose}: it was encrypted for something else")
    return labelled[len(label) :]


@lru_cache(maxsize=4)
def _keys(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _label(purpose: str) -> bytes:
    return purpose.encode() + b"\0"
