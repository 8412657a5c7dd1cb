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


def class_for(issuer: GoogleIssuer, credential_type: CredentialType, **columns: object) -> GoogleClass:
    """The class of a credential type, with both; a new one, of these columns, is owed to Google at once."""
    google_class, _ = GoogleClass.objects.get_or_create(
        issuer=issuer,
        credential_type=credential_type,
        defaults={"patch_due_at": timezone.now(), **columns},
    )
    google_class.issuer, google_class.credential_type = issuer, credential_type
    return google_class


def class_at_google(credential_type: CredentialType, *, google: Google) -> GoogleClass:
    """The class of a credential type, which is at Google by then. Raises a `GoogleFailure`.

    Google lets nobody insert an object without one. Nothing is written unless Google has it. What is there
    already is left as it is: keeping it in step is the sender's work, so that an older design never
    replaces a newer one.
    """
    issuer = google.issuer
    found = GoogleClass.objects.filter(issuer=issuer, credential_type=credential_type).first()
    if found is None:
        new = GoogleClass(issuer=issuer, credential_type=credential_type)
        insert_class(new, google=google)
        found = class_for(issuer, credential_type, suffix=new.suffix, sent_version=credential_type.version)
    found.issuer, found.credential_type = issuer, credential_type
    if found.sent_version is None:
        insert_class(found, google=google)
        unsent = GoogleClass.objects.filter(pk=found.pk, sent_version=None)
        unsent.update(sent_version=credential_type.version)
    return found


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
