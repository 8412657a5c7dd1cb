"""What Google is owed reaches it: states, names, designs, and what was there before is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction

from credentials import designs, lifecycle, people
from credentials.models import Account, Credential, WalletPass
from credentials.states import Evidence
from credentials.values import value_of
from redemption import tasks
from redemption.google import evidence, patches
from redemption.models import GoogleClass, GoogleIssuer
from tests import factories
from tests.fakes.google import FakeGoogle
from tests.redemption import standings
from tests.redemption.google.claimed_cards import claim, owed, row, shown

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(issuer: GoogleIssuer) -> Iterator[time_machine.Traveller]:
    """It is noon, until the test moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def credential(acme: Account, google: FakeGoogle) -> Credential:
    """Its card is at Google."""
    return claim(acme)


def test_a_revocation_reaches_the_card(google: FakeGoogle, credential: Credential) -> None:
    assert shown(google, credential).value == value_of(WalletPass.objects.get())
    lifecycle.revoke(credential, actor="test")
    assert row().patch_due_at is not None
    assert patches.send_due() == 1
    card = shown(google, credential)
    assert (card.resource["state"], card.codes) == ("EXPIRED", {})
    assert "Revoked" in card.words()
    done = row()
    assert (done.patch_due_at, done.patched_at, done.patch_attempts, done.sending_until) == (
        None,
        NOON,
        0,
        None,
    )
    assert patches.send_due() == 0


def test_a_suspension_is_taken_back(google: FakeGoogle, credential: Credential) -> None:
    lifecycle.suspend(credential, actor="test")
    patches.send_due()
    assert (shown(google, credential).resource["state"], shown(google, credential).codes) == ("INACTIVE", {})
    lifecycle.resume(credential, actor="test")
    patches.send_due()
    card = shown(google, credential)
    assert (card.resource["state"], card.value) == ("ACTIVE", value_of(WalletPass.objects.get()))
    assert card.words().count("Active") == 1


def test_an_end_reaches_the_card(
    google: FakeGoogle, credential: Credential, clock: time_machine.Traveller
) -> None:
    Credential.objects.update(expires_at=NOON + timedelta(hours=1))
    clock.shift(timedelta(hours=2))
    assert lifecycle.expire(Credential.objects.get())
    patches.send_due()
    assert shown(google, credential).codes == {}
    assert "Expired" in shown(google, credential).words()


def test_nothing_is_left_of_what_a_card_was(acme: Account, google: FakeGoogle) -> None:
    """PATCH merges what is nested: what is not named stays."""
    issuer = GoogleIssuer.objects.get()
    issuer.redemption_issuers = ["3388000000011111111"]
    issuer.save()
    credential = claim(
        acme,
        barcode_alt_text=True,
        google_smart_tap=True,
        google_view_unlock_requirement="UNLOCK_REQUIRED_TO_VIEW",
    )
    people.update_person(credential.person, valid_to=NOON + timedelta(days=1), actor="test")
    patches.send_due()
    value = value_of(WalletPass.objects.get())
    before = shown(google, credential).resource
    assert (before["barcode"]["alternateText"], before["smartTapRedemptionValue"]) == (value, value)
    designs.update_credential_type(
        credential.credential_type,
        actor="test",
        barcode_alt_text=False,
        google_smart_tap=False,
        fields=[],
    )
    people.update_person(credential.person, valid_to=None, actor="test")
    tasks.refresh_passes.run()
    patches.send_due()
    card = shown(google, credential)
    assert card.resource["barcode"] == {"type": "QR_CODE", "value": value}
    assert not {"smartTapRedemptionValue", "validTimeInterval", "subheader"} & card.resource.keys()
    assert card.resource_class["enableSmartTap"] is False
    assert "redemptionIssuers" not in card.resource_class


def test_a_changed_design_reaches_class_and_cards(google: FakeGoogle, credential: Credential) -> None:
    kind = credential.credential_type
    designs.update_credential_type(
        kind,
        background_color="#abcdef",
        google_view_unlock_requirement="UNLOCK_REQUIRED_TO_VIEW",
        actor="test",
    )
    tasks.refresh_passes.run()
    assert patches.send_due() == 2
    card = shown(google, credential)
    assert card.resource["hexBackgroundColor"] == "#abcdef"
    assert card.resource_class["viewUnlockRequirement"] == "UNLOCK_REQUIRED_TO_VIEW"
    assert GoogleClass.objects.get().sent_version == 2


def test_a_name_that_the_card_shows_reaches_it(google: FakeGoogle, credential: Credential) -> None:
    people.update_person(credential.person, last_name="King", actor="test")
    patches.send_due()
    assert "Ada King" in shown(google, credential).words()


def test_a_card_that_nobody_has_stays_true(google: FakeGoogle, credential: Credential) -> None:
    """Its link may still be out, and bring it back."""

    def is_held(*, has_users: bool) -> None:
        with transaction.atomic():
            held, google_pass = evidence.hold(row().pk)
            evidence.believe(held, google_pass, has_users=has_users, by=Evidence.RECONCILED)

    is_held(has_users=True)
    is_held(has_users=False)
    people.update_person(credential.person, last_name="King", actor="test")
    patches.send_due()
    assert "Ada King" in shown(google, credential).words()


def test_every_type_has_its_class_before_anybody_claims(
    acme: Account, globex: Account, google: FakeGoogle
) -> None:
    kind = factories.credential_type(acme)
    factories.credential_type(acme, google_enabled=False)
    factories.credential_type(globex)
    tasks.refresh_passes.run()
    tasks.refresh_passes.run()
    assert GoogleClass.objects.get().credential_type == kind
    tasks.send_google.run()
    assert list(google.resources.classes) == [GoogleClass.objects.get().class_id]
    assert GoogleClass.objects.get().sent_version == 1


def test_a_type_that_changes_before_its_class_was_sent_is_sent_as_it_is(
    acme: Account, google: FakeGoogle
) -> None:
    kind = factories.credential_type(acme)
    google.go_down()
    tasks.refresh_passes.run()
    tasks.send_google.run()
    designs.update_credential_type(
        kind, google_view_unlock_requirement="UNLOCK_REQUIRED_TO_VIEW", actor="test"
    )
    tasks.refresh_passes.run()
    google.recover()
    tasks.send_google.run()
    (sent,) = google.resources.classes.values()
    assert sent["viewUnlockRequirement"] == "UNLOCK_REQUIRED_TO_VIEW"
    assert GoogleClass.objects.get().sent_version == 2
    assert not owed()


def test_what_google_has_lost_is_inserted_anew(google: FakeGoogle, credential: Credential) -> None:
    google.resources.objects.clear()
    google.resources.classes.clear()
    lifecycle.suspend(credential, actor="test")
    assert patches.send_due() == 1
    assert shown(google, credential).resource["state"] == "INACTIVE"


def test_a_card_that_was_removed_ends_with_its_credential(google: FakeGoogle, credential: Credential) -> None:
    standings.report(credential.wallet_passes.get())
    with transaction.atomic():
        held = WalletPass.objects.held().get()
        lifecycle.remove_from_wallet(held, devices=0, actor="google")
    lifecycle.revoke(credential, actor="test")
    assert patches.send_due() == 1
    assert shown(google, credential).resource["state"] == "EXPIRED"
