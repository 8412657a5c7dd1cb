"""The accounts' issuers at Google Wallet: imported with a key, kept encrypted, replaced without a restart."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from credentials.errors import Invalid, Unavailable
from credentials.event_types import EventType
from credentials.events import record
from credentials.models import Account, CredentialType
from redemption.google import updates
from redemption.google.errors import GoogleFailure, Missing, NotInvited, Rejected
from redemption.google.rest import Google
from redemption.google.service_accounts import KeyFile, encrypted_key, read_key_file
from redemption.models import GoogleClass, GoogleIssuer

logger = logging.getLogger(__name__)

# Google's own have 13 to 22 digits.
ISSUER_ID = re.compile(r"[0-9]{1,22}")
MOST_REDEMPTION_ISSUERS = 20


def import_issuer(
    account: Account,
    *,
    issuer_id: str,
    service_account: bytes,
    actor: str,
    redemption_issuers: Sequence[str] | None = None,
) -> GoogleIssuer:
    """Checks and stores an issuer with the JSON key file of its service account; in use at once.

    An account has one issuer. Importing it again replaces the key. `redemption_issuers` says whose Smart Tap
    readers get the value; None leaves that as it is. Nothing is asked of Google. Raises `Invalid` naming the
    input at fault.
    """
    _check_id(issuer_id, field="issuer_id")
    columns = _columns(read_key_file(service_account), issuer_id=issuer_id)
    if redemption_issuers is not None:
        columns["redemption_issuers"] = _redeemers(redemption_issuers)
    try:
        return _store(account, columns=columns, actor=actor)
    except IntegrityError as error:
        # Another account was faster.
        raise _taken(issuer_id) from error


def check_issuer(issuer: GoogleIssuer, *, actor: str) -> None:
    """Asks Google whether the service account may act for the issuer, and remembers the answer.

    Raises `Unavailable` with what is wrong, in words.
    """
    try:
        Google(issuer).list_classes()
    except NotInvited as failure:
        note_refusal(issuer, sentence=failure.sentence, actor=actor)
        raise Unavailable(failure.sentence) from failure
    except (Missing, Rejected) as failure:
        raise Unavailable(f"Google knows no issuer {issuer.issuer_id}: {failure.sentence}") from failure
    except GoogleFailure as failure:
        raise Unavailable(failure.sentence) from failure
    note_success(issuer)


def note_refusal(issuer: GoogleIssuer, *, sentence: str, actor: str) -> None:
    """Keeps that Google refuses the service account, and why; one event for each time that begins."""
    now = timezone.now()
    longest = GoogleIssuer._meta.get_field("refusal").max_length
    refusal = sentence[:longest]
    with transaction.atomic():
        # A key that was imported meanwhile was not refused.
        same_key = GoogleIssuer.objects.filter(pk=issuer.pk, imported_at=issuer.imported_at)
        if same_key.filter(refused_at=None).update(refused_at=now, refusal=refusal):
            record(
                EventType.GOOGLE_ISSUER_REFUSED,
                account=issuer.account,
                actor=actor,
                now=now,
                data={"issuer_id": issuer.issuer_id, "refusal": refusal},
            )
            logger.error("Google refuses issuer %s: %s", issuer.issuer_id, refusal)
        else:
            same_key.update(refusal=refusal)


def note_success(issuer: GoogleIssuer) -> None:
    """Forgets a refusal, since Google has done what was asked."""
    GoogleIssuer.objects.filter(pk=issuer.pk, refused_at__isnull=False).update(refused_at=None, refusal="")


def ready_issuers(account_id: int) -> QuerySet[GoogleIssuer]:
    """The account's issuer, if it has a key: what is promised must also be sent."""
    return GoogleIssuer.objects.filter(account=account_id, private_key__isnull=False)


def _check_id(issuer_id: str, *, field: str) -> None:
    if not ISSUER_ID.fullmatch(issuer_id):
        raise Invalid(field, "An issuer id has digits only, as the Google Pay & Wallet Console shows it.")


def _redeemers(issuer_ids: Sequence[str]) -> list[str]:
    for issuer_id in issuer_ids:
        _check_id(issuer_id, field="redemption_issuers")
    if len(issuer_ids) > MOST_REDEMPTION_ISSUERS:
        raise Invalid("redemption_issuers", f"There can be at most {MOST_REDEMPTION_ISSUERS} of them.")
    return list(dict.fromkeys(issuer_ids))


def _columns(checked: KeyFile, *, issuer_id: str) -> dict[str, Any]:
    return {
        "issuer_id": issuer_id,
        "service_account_email": checked.email,
        "project_id": checked.project_id,
        "private_key_id": checked.key_id,
        "token_uri": checked.token_uri,
        "private_key": encrypted_key(checked, issuer_id=issuer_id),
        # A refusal was about the former key.
        "refused_at": None,
        "refusal": "",
    }


@transaction.atomic
def _store(account: Account, *, columns: dict[str, Any], actor: str) -> GoogleIssuer:
    issuer_id = columns["issuer_id"]
    if GoogleIssuer.objects.filter(issuer_id=issuer_id).exclude(account=account).exists():
        raise _taken(issuer_id)
    former = GoogleIssuer.objects.select_for_update().filter(account=account).first()
    if former is not None and former.issuer_id != issuer_id:
        _check_unused(former)
    now = timezone.now()
    issuer, _ = GoogleIssuer.objects.update_or_create(
        account=account, defaults={**columns, "imported_at": now}
    )
    if former is not None and former.redemption_issuers != issuer.redemption_issuers:
        # Every class and card says whose readers it answers: as after a change of their design.
        smart_tap = CredentialType.objects.filter(account=account, google_smart_tap=True)
        smart_tap.update(refreshed_version=0)
    updates.hurry(issuer, now=now)
    names = ("issuer_id", "service_account_email", "private_key_id")
    data = {name: columns[name] for name in names}
    record(EventType.GOOGLE_ISSUER_IMPORTED, account=account, actor=actor, now=now, data=data)
    return issuer


def _taken(issuer_id: str) -> Invalid:
    return Invalid("issuer_id", f"Issuer {issuer_id} belongs to another account.")


def _check_unused(former: GoogleIssuer) -> None:
    """Classes and objects stay with the issuer that made them, and nothing at Google can be deleted."""
    if GoogleClass.objects.filter(issuer=former, sent_version__isnull=False).exists():
        raise Invalid(
            "issuer_id",
            f"This account's passes belong to issuer {former.issuer_id}, and cannot move to another.",
        )
