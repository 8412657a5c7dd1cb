"""The fake Google is as strict as Google is known to be: what it lets pass was said right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from google.auth.crypt import RSASigner
from google.auth.exceptions import RefreshError
from google.auth.transport import requests as transport
from google.oauth2 import service_account

from tests.fakes.google import FakeGoogle, Fault, Slow
from tests.fakes.google_accounts import ServiceAccount
from tests.fakes.google_signing import public_text
from tests.fakes.google_tokens import AUDIENCE, GRANT, SCOPE
from tests.fakes.google_wire import Answer, Refused

ISSUER = "3388000000022141777"
CLASS_ID = f"{ISSUER}.membership"
OBJECT_ID = f"{ISSUER}.card-1"


def text(words: str) -> dict[str, Any]:
    return {"defaultValue": {"language": "en", "value": words}}


CARD = {"id": OBJECT_ID, "classId": CLASS_ID, "cardTitle": text("Acme Gym"), "header": text("Ada Lovelace")}


@pytest.fixture
def fake() -> Iterator[FakeGoogle]:
    with FakeGoogle() as fake:
        yield fake


@pytest.fixture
def account(fake: FakeGoogle) -> ServiceAccount:
    return fake.open_account(ISSUER)


@pytest.fixture
def session(fake: FakeGoogle, account: ServiceAccount) -> Iterator[requests.Session]:
    """Whoever has a token, which Google's own client library got."""
    with session_of(account) as session:
        yield session


def session_of(account: ServiceAccount, *, scope: str = SCOPE) -> requests.Session:
    signer = RSASigner(account.key, account.private_key_id)
    credentials = service_account.Credentials(signer, account.email, account.token_uri, scopes=[scope])
    with requests.Session() as plain:
        credentials.refresh(transport.Request(plain))
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {credentials.token}"
    return session


class Api:
    """The REST API, as short as a test wants it."""

    def __init__(self, fake: FakeGoogle, session: requests.Session) -> None:
        self._base, self._session = fake.api_url, session

    def __call__(self, method: str, path: str, body: object = None) -> requests.Response:
        return self._session.request(method, f"{self._base}/{path}", json=body, timeout=5)

    def error(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        answer = self(method, path, body)
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        return answer.status_code, error["message"]


@pytest.fixture
def api(fake: FakeGoogle, session: requests.Session) -> Api:
    return Api(fake, session)


@pytest.fixture
def card(api: Api) -> Api:
    """The API, with a class and a card there."""
    assert api("POST", "genericClass", {"id": CLASS_ID}).status_code == 200
    assert api("POST", "genericObject", CARD).status_code == 200
    return api


# --- Tokens -------------------------------------------------------------------------------------------


def test_googles_own_library_gets_a_token_and_uses_it(fake: FakeGoogle, api: Api) -> None:
    assert api("POST", "genericClass", {"id": CLASS_ID}).json() == {"id": CLASS_ID}
    assert [len(fake.asked("token")), len(fake.asked("rest"))] == [1, 1]


def test_a_key_that_is_not_the_accounts_gets_no_token(fake: FakeGoogle, account: ServiceAccount) -> None:
    stranger = ServiceAccount(token_uri=fake.token_uri, private_key_id="another")
    with pytest.raises(RefreshError, match="invalid_grant"):
        session_of(stranger)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"exp": 0}, "invalid_grant"),
        ({"iat": "1700000000"}, "invalid_grant"),
        ({"scope": ""}, "invalid_scope"),
        ({"iss": "nobody@acme-wallet.iam.gserviceaccount.com"}, "invalid_grant"),
    ],
)
def test_a_wrong_assertion_is_refused(
    changed: dict[str, object], error: str, fake: FakeGoogle, account: ServiceAccount
) -> None:
    now = int(time.time())
    claims = {"iss": account.email, "aud": AUDIENCE, "scope": SCOPE, "iat": now, "exp": now + 3600}
    form = {"grant_type": GRANT, "assertion": account.sign(claims | changed)}
    answer = requests.post(fake.token_uri, data=form, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_without_a_token_or_the_scope_nothing_is_answered(fake: FakeGoogle, account: ServiceAccount) -> None:
    url = f"{fake.api_url}/genericClass/{CLASS_ID}"
    for header in ({}, {"Authorization": "Bearer ya29.made-up"}):
        assert requests.get(url, headers=header, timeout=5).status_code == 401
    with session_of(account, scope="https://www.googleapis.com/auth/drive") as session:
        assert session.get(url).status_code == 403


# --- REST ---------------------------------------------------------------------------------------------


def test_who_was_not_invited_is_refused(fake: FakeGoogle, api: Api) -> None:
    fake.resources.invited[ISSUER].clear()
    answer = api("POST", "genericClass", {"id": CLASS_ID})
    assert answer.status_code == 403
    assert answer.json() == {
        "error": {
            "code": 403,
            "message": "Permission denied.",
            "errors": [
                {"message": "Permission denied.", "domain": "walletobjects", "reason": "permissionDenied"}
            ],
        }
    }


def test_an_object_is_inserted_once_and_shown_with_its_users(fake: FakeGoogle, card: Api) -> None:
    assert card("GET", f"genericObject/{OBJECT_ID}").json() == CARD
    status, message = card.error("POST", "genericObject", CARD)
    assert (status, OBJECT_ID in message) == (409, True)
    fake.resources.save(OBJECT_ID, user="ada")
    assert card("GET", f"genericObject/{OBJECT_ID}?fields=hasUsers").json() == {"hasUsers": True}
    assert card("POST", "genericClass", {"id": CLASS_ID}).status_code == 409


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"id": "no-issuer"}, 400, "Invalid resource ID"),
        ({"id": f"{ISSUER}.with space"}, 400, "Invalid resource ID"),
        ({"id": "999.card"}, 403, "Permission denied"),
        ({"classId": f"{ISSUER}.unknown"}, 404, "not found"),
        ({"cardTitle": None}, 400, "cardTitle"),
        ({"header": {"translatedValues": []}}, 400, "default value"),
        ({"header": {"defaultValue": {"language": "en", "value": ""}}}, 400, "defaultValue"),
        ({"colour": "red"}, 400, "Unknown name \"colour\" at 'resource'"),
        ({"barcode": {"kind": "QR"}}, 400, "Unknown name \"kind\" at 'resource.barcode'"),
        ({"barcode": {"value": "x"}}, 400, "Barcode type"),
        ({"state": "SUSPENDED"}, 400, "Invalid value at 'resource.state'"),
        ({"hexBackgroundColor": "red"}, 400, "color"),
        ({"smartTapRedemptionValue": "naïve"}, 400, "ASCII"),
        ({"validTimeInterval": {"end": {"date": "soon"}}}, 400, "date"),
        ({"logo": {"sourceUri": {"uri": "http://acme.example/logo.png"}}}, 400, "image URI"),
        ({"rotatingBarcode": {"type": "QR_CODE", "valuePattern": "{totp_value_0}"}}, 400, "TOTP_SHA1"),
    ],
)
def test_a_wrong_object_is_refused_by_name(
    changed: dict[str, object], status: int, words: str, card: Api
) -> None:
    refused, message = card.error("POST", "genericObject", CARD | {"id": f"{ISSUER}.new"} | changed)
    assert (refused, words in message) == (status, True), message


def test_a_patch_takes_away_merges_and_replaces_lists(card: Api) -> None:
    path = f"genericObject/{OBJECT_ID}"
    modules = [{"id": "one", "body": "1"}, {"id": "two", "body": "2"}]
    barcode = {"type": "QR_CODE", "value": "secret", "alternateText": "1234"}
    card("PATCH", path, {"barcode": barcode, "textModulesData": modules})
    changed = card("PATCH", path, {"barcode": {"value": "new"}, "textModulesData": modules[:1]}).json()
    assert changed["barcode"] == barcode | {"value": "new"}
    assert changed["textModulesData"] == modules[:1]
    assert "barcode" not in card("PATCH", path, {"barcode": None, "state": "EXPIRED"}).json()
    assert card.error("PATCH", path, {"header": None})[0] == 400
    assert card("PUT", path, {**CARD, "state": "INACTIVE"}).json() == {**CARD, "state": "INACTIVE"}
    assert card.error("PATCH", f"genericObject/{ISSUER}.unknown", {})[0] == 404


def test_what_the_platform_sets_cannot_be_set(card: Api) -> None:
    assert "hasUsers" not in card("PATCH", f"genericObject/{OBJECT_ID}", {"hasUsers": True}).json()


def test_messages_are_added_and_lists_listed(card: Api) -> None:
    message = {"header": "Closed", "body": "on Monday", "messageType": "TEXT"}
    added = card("POST", f"genericObject/{OBJECT_ID}/addMessage", {"message": message}).json()
    assert added["resource"]["messages"] == [message]
    listed = card("GET", f"genericObject?classId={CLASS_ID}").json()
    assert [one["id"] for one in listed["resources"]] == [OBJECT_ID]
    assert card("GET", f"genericClass?issuerId={ISSUER}").json()["resources"] == [{"id": CLASS_ID}]
    assert card.error("DELETE", f"genericObject/{OBJECT_ID}")[0] == 404


# --- When Google is not itself -----------------------------------------------------------------------------


def test_the_quota_is_refused_either_way_and_fills_again(fake: FakeGoogle, card: Api) -> None:
    fake.quota = 2
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: card("GET", f"genericClass/{CLASS_ID}").status_code, range(6)))
    assert 429 in statuses
    fake.quota_refusal = Refused(403, "Quota exceeded for issuer.", reason="quotaExceeded")
    answers = [card("GET", f"genericClass/{CLASS_ID}") for _ in range(4)]
    refused = next(answer for answer in answers if answer.status_code == 403)
    assert refused.json()["error"]["errors"][0]["reason"] == "quotaExceeded"
    fake.quota = 1000
    time.sleep(0.01)
    assert card("GET", f"genericClass/{CLASS_ID}").status_code == 200


def test_it_can_be_down_and_come_back(fake: FakeGoogle, card: Api) -> None:
    fake.go_down()
    with pytest.raises(requests.ConnectionError, match="refused"):
        card("GET", f"genericClass/{CLASS_ID}")
    fake.recover()
    assert card("GET", f"genericClass/{CLASS_ID}").status_code == 200


def test_an_answer_can_be_lost_after_the_work(fake: FakeGoogle, card: Api) -> None:
    fake.script("rest", [Fault.LOSE, Fault.DROP, Answer(503, "<h1>Unavailable</h1>"), Slow(0.05)])
    for state in ("EXPIRED", "INACTIVE"):
        with pytest.raises(requests.ConnectionError):
            card("PATCH", f"genericObject/{OBJECT_ID}", {"state": state})
    unavailable = card("GET", f"genericObject/{OBJECT_ID}")
    assert (unavailable.status_code, unavailable.headers["content-type"]) == (503, "text/html; charset=UTF-8")
    assert card("GET", f"genericObject/{OBJECT_ID}").json()["state"] == "EXPIRED"


def test_it_can_fall_silent(fake: FakeGoogle, account: ServiceAccount) -> None:
    fake.always(Fault.SILENCE)
    with pytest.raises(requests.ReadTimeout):
        requests.get(fake.root_keys_url, timeout=0.1)
    fake.recover()
    answer = requests.get(fake.root_keys_url, timeout=5)
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.json()["keys"][0]["keyValue"] == public_text(fake.signer.root)
    assert len(fake.asked("keys")) == 2
