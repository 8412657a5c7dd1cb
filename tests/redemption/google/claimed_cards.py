"""Cards that a passholder claimed, and what Google has of them."""

from __future__ import annotations

from credentials.models import Account, Credential
from redemption import claims
from redemption.google import patches
from redemption.models import GoogleClass, GooglePass
from tests import factories
from tests.fakes.android import Card
from tests.fakes.google import FakeGoogle


def claim(account: Account, **design: object) -> Credential:
    """A credential whose card is at Google, with nothing owed."""
    kind = factories.credential_type(account, **design)
    credential, url = factories.credential_and_url(account, credential_type=kind)
    claims.claim_google(factories.url_token(url))
    patches.send_due()
    assert not owed()
    return credential


def shown(google: FakeGoogle, credential: Credential) -> Card:
    """The newest card of a credential as it is at Google."""
    object_id = GooglePass.objects.filter(wallet_pass__credential=credential).latest("pk").object_id
    return Card(google.resources.objects[object_id], google.resources.class_of(object_id))


def owed() -> int:
    rows = (GoogleClass.objects, GooglePass.objects)
    return sum(each.filter(patch_due_at__isnull=False).count() for each in rows)


def row() -> GooglePass:
    return GooglePass.objects.get()


def patched(google: FakeGoogle) -> int:
    return sum(one.method == "PATCH" for one in google.asked("rest"))
