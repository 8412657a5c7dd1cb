"""Claims of cards: at Google before anybody gets a link, and on record only while the URL is good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from credentials import designs, issuing, lifecycle, people
from credentials.errors import Conflict, Gone, InUse, NotFound, Suspended
from credentials.models import Account, Credential, CredentialType, Event, WalletPass
from credentials.states import Wallet
from credentials.values import value_of
from redemption import claims
from redemption.apple import identities
from redemption.google import classes, offers
from redemption.google.errors import Rejected
from redemption.google.offers import GoogleUnavailable
from redemption.google.rest import Body, Google
from redemption.models import AppleIdentity, GoogleClass, GoogleIssuer, GooglePass
from tests import factories
from tests.fakes.android import AndroidPhone, Card
from tests.fakes.google import FakeGoogle, Fault
from tests.fakes.google_wire import Answer
from tests.redemption import standings

NOON = datetime(2026, 6, 1, 12, 0, 0, 987_654, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
Queries = Callable[[int], AbstractContextManager[object]]


@pytest.fixture(autouse=True)
def clock(issuer: GoogleIssuer) -> Iterator[time_machine.Traveller]:
    """It is a little after noon."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def token(acme: Account) -> str:
    """The secret of a URL that is ready to be claimed."""
    return factories.url_token(factories.credential_and_url(acme)[1])


def opened(google: FakeGoogle, link: str) -> Card:
    """The card to which a link leads."""
    with AndroidPhone(google) as phone:
        [object_id] = phone.look(link)
        return phone.card(object_id)


def sent(google: FakeGoogle) -> list[tuple[str, str]]:
    """What was asked of Google: methods and kinds."""
    return [(one.method, one.path.split("/")[3]) for one in google.asked("rest")]


def offered() -> list[str]:
    return list(WalletPass.objects.order_by("id").values_list("state", flat=True))


def test_a_claim_leads_to_a_card_that_is_at_google(token: str, google: FakeGoogle, acme: Account) -> None:
    card = opened(google, claims.claim_google(token))
    offer = WalletPass.objects.get()
    assert (offer.state, offer.wallet, offer.offered_at) == ("offered", "google", NOON)
    assert card.value == value_of(offer)
    assert card.resource_class["multipleDevicesAndHoldersAllowedStatus"] == "ONE_USER_ALL_DEVICES"
    row = GooglePass.objects.get()
    assert (row.wallet_pass, row.object_id) == (offer, card.object_id)
    # Nothing is owed, and in a minute Google is asked whether somebody saved it.
    assert (row.patch_due_at, row.check_due_at) == (None, NOON + timedelta(minutes=1))
    assert not Event.objects.filter(type="credential.added_to_wallet").exists()


def test_only_the_first_card_of_a_type_needs_its_class(acme: Account, google: FakeGoogle) -> None:
    kind = factories.credential_type(acme)
    for _ in range(2):
        url = factories.credential_and_url(acme, credential_type=kind)[1]
        claims.claim_google(factories.url_token(url))
    assert sent(google) == [("POST", "genericClass"), ("POST", "genericObject"), ("POST", "genericObject")]
    assert GoogleClass.objects.get().sent_version == kind.version


def test_a_class_that_is_there_already_is_left_as_it_is(token: str, google: FakeGoogle) -> None:
    issuer = GoogleIssuer.objects.select_related("account").get()
    google_class = classes.class_at_google(CredentialType.objects.get(), google=Google(issuer))
    there = dict(google.resources.classes[google_class.class_id])
    GoogleClass.objects.update(sent_version=None)
    CredentialType.objects.update(google_view_unlock_requirement="UNLOCK_REQUIRED_TO_VIEW")
    claims.claim_google(token)
    assert google.resources.classes[google_class.class_id] == there


def test_asking_again_leads_to_the_same_card_for_ten_minutes(
    token: str, google: FakeGoogle, clock: time_machine.Traveller
) -> None:
    first = opened(google, claims.claim_google(token))
    clock.shift(timedelta(minutes=10) - INSTANT)
    assert opened(google, claims.claim_google(token.upper())).object_id == first.object_id
    clock.shift(INSTANT)
    assert opened(google, claims.claim_google(token)).object_id != first.object_id
    assert offered() == ["offered", "offered"]


def test_a_link_that_is_asked_for_again_asks_google_for_nothing(
    token: str, google: FakeGoogle, django_assert_num_queries: Queries
) -> None:
    claims.claim_google(token)
    google.go_down()
    with django_assert_num_queries(7):
        claims.claim_google(token)


def test_a_claim_needs_few_queries(
    token: str, google: FakeGoogle, acme: Account, django_assert_max_num_queries: Queries
) -> None:
    kind = CredentialType.objects.get()
    other = factories.url_token(factories.credential_and_url(acme, credential_type=kind)[1])
    claims.claim_google(other)
    with django_assert_max_num_queries(26):
        claims.claim_google(token)


def test_at_most_five_offers_are_open_and_the_oldest_go(
    token: str, google: FakeGoogle, clock: time_machine.Traveller
) -> None:
    for _ in range(7):
        claims.claim_google(token)
        clock.shift(timedelta(minutes=10))
    assert offered() == ["voided"] * 2 + ["offered"] * 5
    # Its link may still be out: Google is owed word of those that went.
    owed = GooglePass.objects.filter(patch_due_at__isnull=False).values_list("wallet_pass__state", flat=True)
    assert list(owed) == ["voided"] * 2


def test_offers_of_both_wallets_count_together(
    token: str, acme_identity: AppleIdentity, google: FakeGoogle, clock: time_machine.Traveller
) -> None:
    AppleIdentity.objects.update(not_before=NOON, not_after=NOON + timedelta(days=1))
    assert identities.valid_identities(CredentialType.objects.get()).exists()
    for claim in (claims.claim_apple, claims.claim_google, claims.claim_apple):
        claim(token)
    wallets = WalletPass.objects.order_by("pk").values_list("wallet", "state")
    assert list(wallets) == [(Wallet.APPLE, "offered"), (Wallet.GOOGLE, "offered")]


@pytest.mark.parametrize(
    ("standing", "refusal"),
    [("in_use", InUse), ("suspended", Suspended), ("revoked", Gone), ("expired", Gone), ("replaced", Gone)],
)
def test_only_a_ready_url_can_be_claimed(
    acme: Account, google: FakeGoogle, standing: str, refusal: type[Exception]
) -> None:
    token = standings.STANDINGS[standing][0](acme).rpartition("/")[2]
    with pytest.raises(refusal):
        claims.claim_google(token)
    assert not google.requests


def test_an_unknown_url_asks_google_for_nothing(google: FakeGoogle) -> None:
    with pytest.raises(NotFound):
        claims.claim_google("0123456789abcdefghjkmnpqrs")
    assert not google.requests


def test_a_design_without_google_cannot_be_claimed_for_it(token: str, google: FakeGoogle) -> None:
    CredentialType.objects.update(google_enabled=False)
    with pytest.raises(Conflict):
        claims.claim_google(token)
    assert not google.requests


def test_without_an_issuer_that_can_sign_nothing_is_promised(
    token: str, globex: Account, google: FakeGoogle
) -> None:
    GoogleIssuer.objects.update(private_key=None)
    factories.google_issuer(globex)
    with pytest.raises(GoogleUnavailable):
        claims.claim_google(token)
    assert offered() == []


class Interloper:
    """Somebody who does something between Google's answer and our record of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
        insert = offers.insert

        def insert_and_act(offer: WalletPass) -> offers.InsertedCard:
            card = insert(offer)
            monkeypatch.undo()
            act()
            return card

        monkeypatch.setattr(offers, "insert", insert_and_act)


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (lambda credential: lifecycle.revoke(credential, actor="test"), Gone),
        (lambda credential: lifecycle.suspend(credential, actor="test"), Suspended),
        (lambda credential: issuing.renew_url(credential, actor="test"), Gone),
        (standings.install, InUse),
    ],
    ids=["revoked", "suspended", "replaced", "in use"],
)
def test_what_changes_while_google_is_asked_still_counts(
    token: str,
    google: FakeGoogle,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Credential], object],
    refusal: type[Exception],
) -> None:
    Interloper(monkeypatch, lambda: act(Credential.objects.get()))
    with pytest.raises(refusal):
        claims.claim_google(token)
    assert not GooglePass.objects.exists()
    assert not WalletPass.objects.filter(wallet=Wallet.GOOGLE).exists()


def test_of_two_who_claim_at_once_both_get_one_card(
    token: str, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[str] = []
    Interloper(monkeypatch, lambda: links.append(claims.claim_google(token)))
    links.append(claims.claim_google(token))
    assert len({opened(google, link).object_id for link in links}) == 1
    assert offered() == ["offered"]


def test_what_changes_on_the_card_meanwhile_is_owed(
    token: str, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = Credential.objects.get()
    Interloper(monkeypatch, lambda: people.update_person(credential.person, last_name="King", actor="test"))
    claims.claim_google(token)
    assert GooglePass.objects.get().patch_due_at == NOON


def test_a_design_that_changes_meanwhile_is_owed(
    token: str, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = CredentialType.objects.get()
    Interloper(
        monkeypatch,
        lambda: designs.update_credential_type(kind, background_color="#123456", actor="test"),
    )
    claims.claim_google(token)
    assert GooglePass.objects.get().patch_due_at == NOON


def test_of_two_who_make_a_class_at_once_both_use_one(
    token: str, google: FakeGoogle, issuer: GoogleIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's may be on record, and not at Google yet."""
    kind = CredentialType.objects.get()
    insert = Google.insert_class

    def come_second(self: Google, body: Body) -> Body:
        monkeypatch.undo()
        classes.class_for(issuer, kind)
        return insert(self, body)

    monkeypatch.setattr(Google, "insert_class", come_second)
    card = opened(google, claims.claim_google(token))
    assert card.resource["classId"] == GoogleClass.objects.get().class_id


DOWN: dict[str, Callable[[FakeGoogle], None]] = {
    "refused": FakeGoogle.go_down,
    "cut off": lambda google: google.always(Fault.DROP),
    "lost": lambda google: google.always(Fault.LOSE),
    "broken": lambda google: google.always(Answer(503, "Service Unavailable"), "rest"),
    "no tokens": lambda google: google.always(Answer(500, "Internal Server Error"), "token"),
    "over quota": lambda google: google.always(google.quota_refusal.answer, "rest"),
}


@pytest.mark.parametrize("how", DOWN)
def test_while_google_does_nothing_nothing_is_promised(token: str, google: FakeGoogle, how: str) -> None:
    DOWN[how](google)
    with pytest.raises(GoogleUnavailable):
        claims.claim_google(token)
    assert offered() == []
    google.recover()
    assert opened(google, claims.claim_google(token)).value


def test_an_account_that_nobody_invited_is_told(token: str, google: FakeGoogle, issuer: GoogleIssuer) -> None:
    google.resources.invited.clear()
    with pytest.raises(GoogleUnavailable):
        claims.claim_google(token)
    issuer.refresh_from_db()
    assert "Invite this address" in issuer.refusal
    assert Event.objects.filter(type="google_issuer.refused").count() == 1
    google.resources.invited[issuer.issuer_id] = {issuer.service_account_email}
    claims.claim_google(token)
    issuer.refresh_from_db()
    assert issuer.refused_at is None


def test_what_google_rejects_is_logged_for_those_who_can_mend_it(
    token: str, google: FakeGoogle, caplog: pytest.LogCaptureFixture
) -> None:
    CredentialType.objects.update(background_color="red")
    with pytest.raises(GoogleUnavailable) as refused:
        claims.claim_google(token)
    assert isinstance(refused.value.__cause__, Rejected)
    assert "Invalid color: red" in caplog.text
    assert offered() == []


def test_the_page_leads_to_google(client: Client, acme: Account, google: FakeGoogle) -> None:
    path = standings.ready(acme)
    answer = client.post(f"{path}/google")
    assert answer.status_code == 303
    assert answer["Location"].startswith(google.save_url)
    assert google.url in answer["Content-Security-Policy"]


def test_the_page_says_that_google_cannot_be_reached(
    client: Client, acme: Account, issuer: GoogleIssuer, google: FakeGoogle
) -> None:
    path = standings.ready(acme)
    google.go_down()
    answer = client.post(f"{path}/google")
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Google Wallet cannot be reached at the moment, and nothing has changed." in page
    assert f'action="{path}/google"' in page
    assert not WalletPass.objects.exists()
