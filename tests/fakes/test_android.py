"""Cards go where a save link lets them, and every move of one is a callback that verifies as Google's do."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.fakes.android import AndroidPhone, SaveRefused
from tests.fakes.google import FakeGoogle
from tests.fakes.google_accounts import ServiceAccount
from tests.fakes.google_callbacks import CallbackComplaint
from tests.fakes.google_signing import PROTOCOL, SENDER, new_key, signed_bytes

ISSUER = "3388000000022141777"
CLASS_ID = f"{ISSUER}.membership"
OBJECT_ID = f"{ISSUER}.card-1"
VECTORS = Path(__file__).parent.with_name("redemption") / "google" / "vectors"
GENUINE = json.loads((VECTORS / "google-callback.json").read_text())


class Inbox(ThreadingHTTPServer):
    """An issuer who takes callbacks, with `status`, unless robots.txt keeps them out."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Inbound)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/google/callback/{ISSUER}"
        self.status = 200
        self.robots = b"User-agent: *\nDisallow: /passes/\n"
        self.bodies: list[bytes] = []


class _Inbound(BaseHTTPRequestHandler):
    server: Inbox

    def do_GET(self) -> None:
        self._answer(200, self.server.robots)

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.server.status, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing on the terminal."""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        thread = threading.Thread(target=inbox.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield inbox
        inbox.shutdown()
        thread.join()


@pytest.fixture
def fake(inbox: Inbox) -> Iterator[FakeGoogle]:
    """Google, with one card of a class that allows one user."""
    with FakeGoogle() as fake:
        fake.resources.classes[CLASS_ID] = {
            "id": CLASS_ID,
            "callbackOptions": {"url": inbox.url},
            "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
        }
        fake.resources.objects[OBJECT_ID] = {
            "id": OBJECT_ID,
            "classId": CLASS_ID,
            "header": {
                "defaultValue": {"language": "en", "value": "Member"},
                "translatedValues": [{"language": "de", "value": "Mitglied"}],
            },
            "barcode": {"type": "QR_CODE", "value": "1234"},
            "logo": {"sourceUri": {"uri": "https://acme.example/logo.png"}},
        }
        yield fake


@pytest.fixture
def account(fake: FakeGoogle) -> ServiceAccount:
    return fake.open_account(ISSUER)


@pytest.fixture
def phone(fake: FakeGoogle) -> Iterator[AndroidPhone]:
    with AndroidPhone(fake) as phone:
        yield phone


def link(fake: FakeGoogle, account: ServiceAccount, **changed: Any) -> str:
    claims = {
        "iss": account.email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": int(time.time()),
        "payload": {"genericObjects": [{"id": OBJECT_ID, "classId": CLASS_ID}]},
    }
    return fake.save_url + account.sign(claims | changed)


def test_looking_saves_nothing_and_saving_is_reported(
    fake: FakeGoogle, account: ServiceAccount, phone: AndroidPhone, inbox: Inbox
) -> None:
    assert phone.look(link(fake, account)) == [OBJECT_ID]
    assert (phone.cards, fake.callbacks.pending) == ([], [])
    card = phone.save(link(fake, account))
    assert (card.object_id, card.value, card.is_dead) == (OBJECT_ID, "1234", False)
    assert card.pictures() == ["https://acme.example/logo.png"]
    assert (card.words(), card.words("de")) == (["Member"], ["Mitglied"])
    assert fake.callbacks.deliver() == [200]
    assert json.loads(json.loads(inbox.bodies[0])["signedMessage"])["eventType"] == "save"
    # The card is there already, on this phone or another one of the same user.
    phone.save(link(fake, account))
    assert fake.callbacks.pending == []


def test_one_user_at_a_time_has_the_card(
    fake: FakeGoogle, account: ServiceAccount, phone: AndroidPhone
) -> None:
    phone.save(link(fake, account))
    with AndroidPhone(fake, user="eve@gmail.com") as another:
        with pytest.raises(SaveRefused, match="another user"):
            another.save(link(fake, account))
        phone.remove(OBJECT_ID)
        assert another.save(link(fake, account)).object_id == OBJECT_ID
    assert phone.cards == []
    events = [one.message["eventType"] for one in fake.callbacks.pending]
    assert events == ["save", "del", "save"]
    assert len({one.message["nonce"] for one in fake.callbacks.pending}) == 3


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"aud": "https://elsewhere.example"}, "aud"),
        ({"typ": "JWT"}, "savetowallet"),
        ({"iat": "1700000000"}, "iat"),
        ({"iat": int(time.time()) + 3600}, "iat"),
        ({"payload": {}}, "no object"),
        ({"payload": {"genericObjects": [{"id": f"{ISSUER}.unknown"}]}}, "no object"),
        ({"payload": {"genericObjects": [{"id": OBJECT_ID, "classId": f"{ISSUER}.other"}]}}, "class"),
        ({"payload": {"genericObjects": [{"id": OBJECT_ID, "state": "ACTIVE"}]}}, "skinny"),
        ({"origins": ["https://acme.example"] * 100}, "characters"),
        ({"iss": "stranger@example.com"}, "Signature"),
    ],
)
def test_a_wrong_link_saves_nothing(
    changed: dict[str, object], words: str, fake: FakeGoogle, account: ServiceAccount, phone: AndroidPhone
) -> None:
    with pytest.raises(SaveRefused, match=words):
        phone.save(link(fake, account, **changed))
    assert fake.callbacks.pending == []


def test_a_link_of_somebody_who_was_not_invited_saves_nothing(
    fake: FakeGoogle, account: ServiceAccount, phone: AndroidPhone
) -> None:
    fake.resources.invited[ISSUER].clear()
    with pytest.raises(SaveRefused, match="no user of the issuer"):
        phone.save(link(fake, account))


def test_has_users_follows_at_once_or_when_told_to(
    fake: FakeGoogle, account: ServiceAccount, phone: AndroidPhone
) -> None:
    holders = fake.resources.holders
    fake.resources.has_users_lags = True
    phone.save(link(fake, account))
    assert holders[OBJECT_ID].shown is None
    fake.resources.catch_up()
    assert holders[OBJECT_ID].shown is True
    fake.resources.has_users_lags = False
    phone.remove(OBJECT_ID)
    assert holders[OBJECT_ID].shown is False


def test_callbacks_are_lost_doubled_and_sent_again_unchanged(
    fake: FakeGoogle, account: ServiceAccount, phone: AndroidPhone, inbox: Inbox
) -> None:
    phone.save(link(fake, account))
    fake.callbacks.double()
    assert fake.callbacks.deliver() == [200, 200]
    phone.remove(OBJECT_ID)
    inbox.status = 503
    assert fake.callbacks.deliver() == [503]
    inbox.status = 200
    assert fake.callbacks.deliver() == [200]
    assert inbox.bodies[0] == inbox.bodies[1] != inbox.bodies[2] == inbox.bodies[3]
    phone.save(link(fake, account))
    assert fake.callbacks.lose() == 1
    assert fake.callbacks.deliver() == []


def test_an_issuer_who_breaks_down_or_keeps_google_out_is_complained_of(
    fake: FakeGoogle, account: ServiceAccount, phone: AndroidPhone, inbox: Inbox
) -> None:
    phone.save(link(fake, account))
    inbox.status = 500
    with pytest.raises(CallbackComplaint, match="answered 500"):
        fake.callbacks.deliver()
    inbox.robots = b"User-agent: *\nDisallow: /google/\n"
    with FakeGoogle() as another, pytest.raises(CallbackComplaint, match=r"robots\.txt"):
        another.callbacks.post(inbox.url, b"{}")


# --- What is signed ---------------------------------------------------------------------------------------


def verify(body: bytes, *, root_keys: dict[str, Any], issuer_id: str) -> dict[str, Any]:
    """The message in an envelope, by nothing but what is written of the protocol. Raises InvalidSignature."""
    envelope = json.loads(body)
    signed_key = envelope["intermediateSigningKey"]["signedKey"]
    [vouched] = envelope["intermediateSigningKey"]["signatures"]
    root = public_key(root_keys["keys"][0]["keyValue"])
    root.verify(b64decode(vouched), signed_bytes(SENDER, PROTOCOL, signed_key), ec.ECDSA(SHA256()))
    said = signed_bytes(SENDER, issuer_id, PROTOCOL, envelope["signedMessage"])
    intermediate = public_key(json.loads(signed_key)["keyValue"])
    intermediate.verify(b64decode(envelope["signature"]), said, ec.ECDSA(SHA256()))
    message: dict[str, Any] = json.loads(envelope["signedMessage"])
    return message


def public_key(text: str) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(b64decode(text, validate=True))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def form(body: bytes) -> Any:
    """The members of an envelope in their order, with the kinds of their values, JSON in strings opened."""

    def kind(value: Any) -> Any:
        if isinstance(value, dict):
            return [(name, kind(member)) for name, member in value.items()]
        if isinstance(value, str) and value.startswith("{"):
            return ("JSON", " " in value, "=" in value, kind(json.loads(value)))
        return [kind(item) for item in value] if isinstance(value, list) else type(value).__name__

    assert b": " not in body
    return kind(json.loads(body))


def test_what_is_sent_has_the_form_of_a_genuine_callback(
    fake: FakeGoogle, account: ServiceAccount, phone: AndroidPhone
) -> None:
    genuine = GENUINE["positive"][0]
    phone.save(link(fake, account))
    [sent] = fake.callbacks.pending
    assert form(sent.body) == form(genuine["raw_body"].encode())
    assert verify(sent.body, root_keys=fake.root_keys, issuer_id=ISSUER) == sent.message
    assert verify(
        genuine["raw_body"].encode(), root_keys=GENUINE["root_keys"], issuer_id=genuine["issuer_id"]
    )
    assert [sorted(key) for key in fake.root_keys["keys"]] == [sorted(GENUINE["root_keys"]["keys"][0])]


def test_a_forgery_does_not_verify(fake: FakeGoogle) -> None:
    message = {"objectId": OBJECT_ID, "nonce": "naïve"}
    good = fake.signer.envelope(message, recipient=ISSUER)
    assert verify(good, root_keys=fake.root_keys, issuer_id=ISSUER) == message
    stranger = new_key()
    lies: list[dict[str, Any]] = [{"root": stranger}, {"hand": stranger}, {"sender": "Google"}]
    forged = [fake.signer.but(**lie).envelope(message, recipient=ISSUER) for lie in lies]
    forged += [fake.signer.envelope(message, recipient="999"), good.replace(b"card-1", b"card-2")]
    for body in forged:
        with pytest.raises(InvalidSignature):
            verify(body, root_keys=fake.root_keys, issuer_id=ISSUER)
