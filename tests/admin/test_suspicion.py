"""What looked suspicious stands where an admin looks: at the credential, in the trail, and by address."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from credentials.models import Account
from credentials.suspicion import Rule, report
from redemption.models import GuessingAddress
from tests import factories


def test_a_credential_and_the_trail_name_the_rule(root: Client, acme: Account) -> None:
    credential = factories.credential(acme)
    report(credential, rule=Rule.CLAIMS_WHILE_IN_USE, now=timezone.now())
    pages = [
        f"/admin/credentials/credential/{credential.pk}/change/",
        "/admin/credentials/event/?type=security.suspicious_activity",
    ]
    for path in pages:
        page = root.get(path).content.decode()
        assert "security.suspicious_activity" in page
        assert "claims while in use" in page


def test_addresses_that_guess_are_listed_and_stay_as_they_are(root: Client) -> None:
    now = timezone.now()
    seen = GuessingAddress.objects.create(address="203.0.113.9", first_seen_at=now, last_seen_at=now)
    listed = root.get("/admin/redemption/guessingaddress/?q=203.0")
    assert "203.0.113.9" in listed.content.decode()
    page = f"/admin/redemption/guessingaddress/{seen.pk}/change/"
    assert root.get(page).status_code == 200
    assert root.post(page, {"address": "192.0.2.1"}).status_code == 403
    assert root.get("/admin/redemption/guessingaddress/add/").status_code == 403
