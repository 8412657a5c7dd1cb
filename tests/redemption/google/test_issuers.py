"""Issuers: checked, kept so that nobody reads the key, replaced without a restart, asked about at Google."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone

from credentials.encryption import Undecryptable
from credentials.errors import Invalid, Unavailable
from credentials.models import Account, CredentialType, Event
from redemption.google import service_accounts
from redemption.google.issuers import check_issuer, import_issuer, note_refusal
from redemption.google.rest import Google
from redemption.google.service_accounts import signer_of
from redemption.models import GoogleClass, GoogleIssuer, GooglePass
from tests import factories
from tests.credentials.simultaneous import at_once
from tests.fakes.google import FakeGoogle
from tests.fakes.google_accounts import ServiceAccount, a_key
from tests.fakes.google_wire import Answer

ISSUER_ID = "3388000000022000001"
ACCOUNT = ServiceAccount(token_uri="https://oauth2.googleapis.com/token")


def take(account: Account, key: ServiceAccount = ACCOUNT, **changes: Any) -> GoogleIssuer:
    """Imports an issuer as Google's consoles describe it."""
    given = {"issuer_id": ISSUER_ID, "service_account": key.file()}
    return import_issuer(account, actor="admin:root", **{**given, **changes})


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def made_class(issuer: GoogleIssuer, **columns: Any) -> GoogleClass:
    kind = factories.credential_type(issuer.account, google_smart_tap=True)
    return GoogleClass.objects.create(issuer=issuer, credential_type=kind, **columns)


def test_an_import_is_recorded_with_what_is_public(acme: Account) -> None:
    issuer = take(acme, redemption_issuers=["3388000000000000009"])
    assert (issuer.account, issuer.issuer_id, issuer.token_uri) == (acme, ISSUER_ID, ACCOUNT.token_uri)
    assert (issuer.service_account_email, issuer.project_id) == (ACCOUNT.email, ACCOUNT.project_id)
    assert issuer.redemption_issuers == ["3388000000000000009"]
    event = Event.objects.get()
    assert (event.type, event.account, event.actor) == ("google_issuer.imported", acme, "admin:root")
    assert event.data == {
        "issuer_id": ISSUER_ID,
        "service_account_email": ACCOUNT.email,
        "private_key_id": ACCOUNT.private_key_id,
    }


def test_the_key_is_kept_encrypted_for_this_issuer_alone(acme: Account, globex: Account) -> None:
    other = ServiceAccount(token_uri=ACCOUNT.token_uri, key=a_key(1))
    take(acme)
    take(globex, other, issuer_id="3388000000022000002")
    stored, theirs = GoogleIssuer.objects.get(account=acme), GoogleIssuer.objects.get(account=globex)
    assert b"PRIVATE KEY" not in bytes(stored.private_key or b"")
    signature = signer_of(stored).sign(b"message")
    assert signature == signer_of(stored).sign(b"message")
    assert signature != signer_of(theirs).sign(b"message")
    stored.private_key = theirs.private_key
    with pytest.raises(Undecryptable):
        signer_of(stored)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"type": "authorized_user"}, "not the key of a service account"),
        ({"type": None}, "not the key of a service account"),
        ({"client_email": "passes"}, "client_email"),
        ({"client_email": None}, "client_email"),
        ({"client_email": 7}, "client_email"),
        ({"client_email": f"a@{'b.' * 130}example"}, "client_email"),
        ({"project_id": ""}, "project_id"),
        ({"project_id": "x" * 101}, "project_id"),
        ({"private_key_id": 7}, "private_key_id"),
        ({"private_key_id": "two\nlines"}, "private_key_id"),
        ({"token_uri": None}, "token_uri"),
        ({"token_uri": "http://oauth2.googleapis.com/token"}, "token_uri"),
        ({"token_uri": "https://"}, "token_uri"),
        ({"token_uri": "https://host:port/token"}, "token_uri"),
        ({"token_uri": "https://[::1/token"}, "token_uri"),
        ({"token_uri": "file:///etc/passwd"}, "token_uri"),
        ({"token_uri": f"https://oauth2.googleapis.com/{'x' * 200}"}, "token_uri"),
        ({"private_key": None}, "no private key that can be read"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\n…"}, "no private key that can be read"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "not an RSA key"),
        ({"private_key": pem(rsa.generate_private_key(65537, 1024))}, "1024 bits"),  # noqa: S505 - too weak
    ],
)
def test_a_key_file_with_a_fault_is_refused(acme: Account, changed: dict[str, object], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        take(acme, service_account=ACCOUNT.file(**changed))
    assert caught.value.field == "service_account"
    assert words in caught.value.sentence
    assert "BEGIN" not in caught.value.sentence
    assert not GoogleIssuer.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"null", b"{", b"[" * 50_000, b'{"a":' * 15_000, b" " * 100_001 + b"{}"],
    ids=["empty", "binary", "list", "null", "cut", "deep lists", "deep objects", "large"],
)
def test_what_is_no_key_file_is_refused(acme: Account, content: bytes) -> None:
    with pytest.raises(Invalid, match="not the JSON file") as caught:
        take(acme, service_account=content)
    assert caught.value.field == "service_account"


def test_a_key_too_long_for_save_links_is_refused(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_accounts, "MOST_BITS", 2047)
    with pytest.raises(Invalid, match="2048 bits"):
        take(acme)


@pytest.mark.parametrize(
    "token_uri", ["http://127.0.0.1:9/token", "http://[::1]:9/token", "http://localhost/t"]
)
def test_a_token_endpoint_of_this_machine_is_taken(acme: Account, token_uri: str) -> None:
    assert take(acme, service_account=ACCOUNT.file(token_uri=token_uri)).token_uri == token_uri


@pytest.mark.parametrize("issuer_id", ["", "acme", "-1", "33 88", "3388\n", "3388.1", "٣٣٨٨", "1" * 23])
def test_an_issuer_id_has_digits_only(acme: Account, issuer_id: str) -> None:
    with pytest.raises(Invalid, match="digits only") as caught:
        take(acme, issuer_id=issuer_id)
    assert caught.value.field == "issuer_id"
    with pytest.raises(Invalid, match="digits only") as caught:
        take(acme, redemption_issuers=[ISSUER_ID, issuer_id])
    assert caught.value.field == "redemption_issuers"


def test_redemption_issuers_are_few_and_different(acme: Account) -> None:
    assert take(acme, redemption_issuers=["2", "1", "2"]).redemption_issuers == ["2", "1"]
    with pytest.raises(Invalid, match="at most 20"):
        take(acme, redemption_issuers=[str(number) for number in range(21)])


def test_an_issuer_belongs_to_one_account(acme: Account, globex: Account) -> None:
    take(acme)
    with pytest.raises(Invalid, match="belongs to another account") as caught:
        take(globex)
    assert caught.value.field == "issuer_id"
    assert GoogleIssuer.objects.get().account == acme


def test_importing_again_replaces_the_key_and_what_google_said_of_it(
    acme: Account, issuer: GoogleIssuer, google: FakeGoogle
) -> None:
    GoogleIssuer.objects.update(redemption_issuers=["3388000000000000009"])
    note_refusal(issuer, sentence="Permission denied.", actor="google")
    Google(issuer).list_classes()
    former = google.accounts.pop("passes@acme-wallet.iam.gserviceaccount.com")
    renewed = google.open_account(ISSUER_ID, email=former.email)
    again = take(acme, renewed)
    assert again.pk == issuer.pk
    again.refresh_from_db()
    assert (again.refused_at, again.refusal) == (None, "")
    assert again.redemption_issuers == ["3388000000000000009"]
    Google(again).list_classes()
    assert len(google.tokens.granted) == 2


def test_what_waits_for_a_key_is_due_again_with_the_next(acme: Account, issuer: GoogleIssuer) -> None:
    later = timezone.now() + timedelta(hours=1)
    waiting = made_class(issuer, patch_due_at=later, patch_attempts=9)
    done = made_class(issuer)
    wallet_pass = factories.wallet_pass(factories.credential(acme), wallet="google")
    card = GooglePass.objects.create(
        wallet_pass=wallet_pass, google_class=done, modified_at=later, patch_due_at=later, patch_attempts=9
    )
    take(acme)
    for row in (waiting, card):
        row.refresh_from_db()
        assert row.patch_due_at is not None
        assert row.patch_due_at <= timezone.now()
        assert row.patch_attempts == 0
    done.refresh_from_db()
    assert done.patch_due_at is None


def test_other_readers_change_every_design_that_answers_them(acme: Account, globex: Account) -> None:
    issuer = take(acme)
    answering = made_class(issuer).credential_type
    silent, theirs = factories.credential_type(acme), factories.credential_type(globex, google_smart_tap=True)
    take(acme)
    versions = CredentialType.objects.values_list("refreshed_version", flat=True)
    assert set(versions) == {1}
    take(acme, redemption_issuers=["3388000000000000009"])
    assert versions.get(pk=answering.pk) == 0
    assert {versions.get(pk=silent.pk), versions.get(pk=theirs.pk)} == {1}


def test_an_account_may_change_its_issuer_until_something_is_at_google(acme: Account) -> None:
    first = take(acme)
    unsent = made_class(first)
    moved = take(acme, issuer_id="3388000000022000002")
    assert (moved.pk, moved.issuer_id) == (first.pk, "3388000000022000002")
    assert signer_of(moved).key_id == ACCOUNT.private_key_id
    GoogleClass.objects.filter(pk=unsent.pk).update(sent_version=1)
    with pytest.raises(Invalid, match="belong to issuer 3388000000022000002") as caught:
        take(acme)
    assert caught.value.field == "issuer_id"
    assert GoogleIssuer.objects.get().issuer_id == "3388000000022000002"


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_make_one_issuer(acme: Account) -> None:
    made = at_once([lambda: take(acme), lambda: take(acme)])
    assert [type(one) for one in made] == [GoogleIssuer, GoogleIssuer]
    assert GoogleIssuer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_accounts_at_once_cannot_share_an_issuer(acme: Account, globex: Account) -> None:
    made = at_once([lambda: take(acme), lambda: take(globex)])
    assert {type(one) for one in made} == {GoogleIssuer, Invalid}
    assert GoogleIssuer.objects.count() == 1
    assert Event.objects.filter(type="google_issuer.imported").count() == 1


# --- What Google says of it -----------------------------------------------------------------------------


def test_google_confirms_an_issuer_that_works(issuer: GoogleIssuer, google: FakeGoogle) -> None:
    note_refusal(issuer, sentence="Permission denied.", actor="google")
    check_issuer(issuer, actor="admin:root")
    issuer.refresh_from_db()
    assert (issuer.refused_at, issuer.refusal) == (None, "")
    (request,) = google.asked("rest")
    assert request.query == {"issuerId": ISSUER_ID, "maxResults": "1"}


def test_a_refusal_is_told_kept_and_recorded_once(issuer: GoogleIssuer, google: FakeGoogle) -> None:
    google.resources.invited.clear()
    for _ in range(2):
        with pytest.raises(Unavailable, match="Invite this address"):
            check_issuer(issuer, actor="admin:root")
    issuer.refresh_from_db()
    assert issuer.refused_at is not None
    assert "Invite this address" in issuer.refusal
    event = Event.objects.get(type="google_issuer.refused")
    assert (event.actor, event.data["issuer_id"]) == ("admin:root", ISSUER_ID)
    assert event.data["refusal"] == issuer.refusal


def test_a_refusal_of_the_former_key_says_nothing_of_the_next(acme: Account, issuer: GoogleIssuer) -> None:
    take(acme)
    note_refusal(issuer, sentence="Permission denied.", actor="google")
    assert GoogleIssuer.objects.get().refused_at is None
    assert not Event.objects.filter(type="google_issuer.refused").exists()


def test_a_long_refusal_is_cut(issuer: GoogleIssuer) -> None:
    note_refusal(issuer, sentence="x" * 1000, actor="google")
    note_refusal(issuer, sentence="y" * 1000, actor="google")
    issuer.refresh_from_db()
    assert issuer.refusal == "y" * 300


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (404, "issuerNotFound", f"Google knows no issuer {ISSUER_ID}"),
        (400, "invalid", f"Google knows no issuer {ISSUER_ID}"),
        (503, "backendError", "cannot answer for now"),
        (429, "rateLimitExceeded", "no more requests for now"),
    ],
)
def test_what_else_is_wrong_is_told_and_no_refusal(
    issuer: GoogleIssuer, google: FakeGoogle, status: int, reason: str, words: str
) -> None:
    errors = [{"message": "No.", "domain": "walletobjects", "reason": reason}]
    google.always(Answer(status, {"error": {"code": status, "message": "No.", "errors": errors}}), "rest")
    with pytest.raises(Unavailable) as caught:
        check_issuer(issuer, actor="admin:root")
    assert words in caught.value.sentence
    issuer.refresh_from_db()
    assert issuer.refused_at is None


def test_the_key_is_in_no_representation() -> None:
    checked = service_accounts.read_key_file(ACCOUNT.file())
    assert b"PRIVATE KEY" in checked.key_pem
    assert "PRIVATE" not in repr(checked)
