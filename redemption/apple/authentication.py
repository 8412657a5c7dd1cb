"""`Authorization: ApplePass <authenticationToken>`: which pass a device speaks for, and with which token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.http import HttpRequest

from credentials import tokens
from credentials.errors import NotFound
from redemption.models import AppleAuthenticationToken, ApplePass

SCHEME = "ApplePass"


@dataclass(frozen=True)
class Presented:
    """A live token that was presented for its own pass."""

    apple_pass: ApplePass
    token: AppleAuthenticationToken
    text: str = field(repr=False)


@contextmanager
def held(request: HttpRequest, *, pass_type_identifier: str, serial_number: str) -> Iterator[Presented]:
    """A transaction that holds the credential of the pass behind the request's token; raises as `presented`.

    On SQLite a transaction has the one write lock from its beginning: a stranger is refused before.
    """
    if connection.vendor == "sqlite":
        presented(request, pass_type_identifier=pass_type_identifier, serial_number=serial_number)
    with transaction.atomic():
        yield presented(
            request, pass_type_identifier=pass_type_identifier, serial_number=serial_number, lock=True
        )


def presented(
    request: HttpRequest, *, pass_type_identifier: str, serial_number: str, lock: bool = False
) -> Presented:
    """The pass behind the request's token, in one query; with `lock` its credential is held.

    Raises `NotFound` alike for no header, another scheme, an unknown token and another pass's token.
    """
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME.lower() or not text:
        raise NotFound("No authentication token was presented.")
    rows = AppleAuthenticationToken.objects.select_related(
        "apple_pass__pass_type",
        "apple_pass__wallet_pass__value_key",
        "apple_pass__wallet_pass__credential__person",
        "apple_pass__wallet_pass__credential__credential_type__account",
        "apple_pass__wallet_pass__credential__account",
    )
    if lock:
        # As in WalletPass.objects.held(): the credential first, and the pass as it is after the wait.
        held = ("apple_pass__wallet_pass__credential", "apple_pass__wallet_pass")
        rows = rows.select_for_update(of=held, no_key=True)
    token = rows.filter(
        digest=tokens.digest(text.strip()),
        apple_pass__pass_type__pass_type_identifier=pass_type_identifier,
        apple_pass__wallet_pass__serial_number=serial_number,
    ).first()
    if token is None:
        raise NotFound("This authentication token is not one of this pass.")
    return Presented(token.apple_pass, token, text.strip())
