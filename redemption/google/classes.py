"""The class of each credential type at Google: made once, there before any card that needs it."""

from __future__ import annotations

from contextlib import suppress

from django.db.models import F
from django.utils import timezone

from credentials.models import CredentialType
from redemption.google.design import class_body, without_unset
from redemption.google.errors import AlreadyThere
from redemption.google.rest import Google
from redemption.models import GoogleClass, GoogleIssuer


def class_for(issuer: GoogleIssuer, credential_type: CredentialType) -> GoogleClass:
    """The class of a credential type, with both; a new one is owed to Google at once."""
    google_class, _ = GoogleClass.objects.get_or_create(
        issuer=issuer, credential_type=credential_type, defaults={"patch_due_at": timezone.now()}
    )
    google_class.issuer, google_class.credential_type = issuer, credential_type
    return google_class


def ensure_class(google_class: GoogleClass, *, google: Google) -> None:
    """Has the class at Google, which lets nobody insert an object without one. Raises a `GoogleFailure`.

    What is there already is left as it is: keeping it in step is the sender's work, so that an older
    design never replaces a newer one.
    """
    if google_class.sent_version is not None:
        return
    insert_class(google_class, google=google)
    unsent = GoogleClass.objects.filter(pk=google_class.pk, sent_version=None)
    unsent.update(sent_version=google_class.credential_type.version)


def insert_class(google_class: GoogleClass, *, google: Google) -> None:
    """Inserts the class unless it is there, in whatever state. Raises a `GoogleFailure`."""
    with suppress(AlreadyThere):
        google.insert_class(without_unset(class_body(google_class)))


def make_missing() -> int:
    """Makes the class of every credential type that is offered for Google; how many there were.

    The first passholder then need not wait for it.
    """
    offered = CredentialType.objects.filter(
        google_enabled=True, account__google_issuer__private_key__isnull=False
    )
    missing = offered.exclude(google_classes__issuer=F("account__google_issuer"))
    rows = missing.values_list("pk", "account__google_issuer", named=False)
    made = [
        GoogleClass(issuer_id=issuer, credential_type_id=kind, patch_due_at=timezone.now())
        for kind, issuer in rows
    ]
    GoogleClass.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)
