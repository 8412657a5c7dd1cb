"""What can be ordered about a credential: revoke, suspend, resume, a fresh URL, a mail, another end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from credentials import lifecycle, tokens
from credentials.event_types import EventType
from credentials.models import Account, Credential, Event, Invitation, Person, RedemptionUrl
from credentials.timestamps import rfc3339
from tests import factories
from tests.callers import Caller

# Every order that has an address of its own, with the status of its success.
ORDERS = {"url": 201, "email": 202, "suspend": 200, "resume": 200, "reopen": 200}


@pytest.fixture
def credential(acme: Account) -> Credential:
    return factories.credential(acme)


def told(credential: Credential) -> list[str]:
    return list(Event.objects.filter(credential=credential).order_by("pk").values_list("type", flat=True))


def end(credential: Credential) -> None:
    Credential.objects.filter(pk=credential.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("address", ["{credential}", "people/{person}/{credential}"])
def test_revoking_is_done_once(caller: Caller, credential: Credential, address: str) -> None:
    below = f"credentials/{credential.public_id}"
    path = address.format(person=credential.person_id, credential=below)
    first, second = caller.delete(path), caller.delete(path)
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json() == caller.get(path).json()
    assert first.json()["status"] == "revoked"
    assert first.json()["revoked_at"] is not None
    assert told(credential) == [EventType.CREDENTIAL_CREATED, EventType.CREDENTIAL_REVOKED]


def test_what_has_expired_cannot_be_revoked(caller: Caller, credential: Credential) -> None:
    end(credential)
    lifecycle.expire(credential)
    answer = caller.delete(f"credentials/{credential.public_id}")
    assert answer.status_code == 409
    assert answer.json()["error"] == "conflict"
    assert "expired" in answer.json()["detail"]


def test_suspending_and_resuming_are_each_done_once(caller: Caller, credential: Credential) -> None:
    path = f"credentials/{credential.public_id}"
    for order, suspended in (("suspend", True), ("suspend", True), ("resume", False), ("resume", False)):
        answer = caller.post(f"{path}/{order}")
        assert answer.status_code == 200
        assert (answer.json()["suspended_at"] is not None) is suspended
        assert answer.json() == caller.get(path).json()
    assert told(credential) == [
        EventType.CREDENTIAL_CREATED,
        EventType.CREDENTIAL_SUSPENDED,
        EventType.CREDENTIAL_RESUMED,
    ]


def test_a_fresh_url_replaces_the_former_one(caller: Caller, credential: Credential) -> None:
    answers = [caller.post(f"credentials/{credential.public_id}/url") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert all(answer.json().keys() == {"url", "url_expires_at"} for answer in answers)
    first, second = (factories.url_token(answer.json()["url"]) for answer in answers)
    current = RedemptionUrl.objects.get(credential=credential, replaced_at=None)
    assert bytes(current.digest) == tokens.url_token_digest(second) != tokens.url_token_digest(first)
    assert told(credential)[1:] == [EventType.CREDENTIAL_URL_ISSUED] * 2


def test_a_mail_is_owed_and_no_url_exists_before_it_is_sent(caller: Caller, credential: Credential) -> None:
    answer = caller.post(f"credentials/{credential.public_id}/email")
    assert answer.status_code == 202
    assert answer.json() == caller.get(f"credentials/{credential.public_id}").json()
    invitation = Invitation.objects.get()
    assert (invitation.credential, invitation.sent_at) == (credential, None)
    assert invitation.due_at <= timezone.now()
    assert invitation.actor.startswith("api_key:")
    assert RedemptionUrl.objects.count() == 1


def test_a_person_without_an_address_gets_no_mail(caller: Caller, credential: Credential) -> None:
    Person.objects.update(email="")
    answer = caller.post(f"credentials/{credential.public_id}/email")
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"email"}
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("order", ORDERS)
def test_what_has_ended_takes_no_orders(caller: Caller, credential: Credential, order: str) -> None:
    caller.delete(f"credentials/{credential.public_id}")
    answer = caller.post(f"credentials/{credential.public_id}/{order}")
    assert answer.status_code == 409
    assert answer.json()["error"] == "conflict"
    assert told(credential) == [EventType.CREDENTIAL_CREATED, EventType.CREDENTIAL_REVOKED]


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_of_another_account_finds_nothing(
    stranger: Caller, credential: Credential, order: str
) -> None:
    answer = stranger.post(f"credentials/{credential.public_id}/{order}")
    unknown = stranger.post(f"credentials/nobody/{order}")
    assert answer.status_code == unknown.status_code == 404
    assert {**answer.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    assert told(credential) == [EventType.CREDENTIAL_CREATED]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_order_is_a_post(caller: Caller, credential: Credential, order: str, method: str) -> None:
    answer = caller.call(method, f"credentials/{credential.public_id}/{order}")
    assert answer.status_code == 405
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_needs_no_body_and_reads_none(caller: Caller, credential: Credential, order: str) -> None:
    answer = caller.call(
        "POST", f"credentials/{credential.public_id}/{order}", raw=b"{", content_type="text/plain"
    )
    assert answer.status_code == ORDERS[order]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("wrapper", [None, "person_credential"])
def test_the_end_can_be_moved_and_taken_away(
    caller: Caller, credential: Credential, method: str, wrapper: str | None
) -> None:
    path = f"credentials/{credential.public_id}"
    end = rfc3339(timezone.now() + timedelta(days=7))
    for value in (end, end, None):
        body: dict[str, Any] = {"expires_at": value}
        answer = caller.call(method, path, {wrapper: body} if wrapper else body)
        assert answer.status_code == 200
        assert answer.json()["expires_at"] == value
        assert answer.json() == caller.get(path).json()
    assert told(credential) == [EventType.CREDENTIAL_CREATED, *[EventType.CREDENTIAL_UPDATED] * 2]


def test_nothing_else_can_be_changed(caller: Caller, credential: Credential) -> None:
    path = f"people/{credential.person_id}/credentials/{credential.public_id}"
    before = caller.get(path).json()
    for body in ({}, {"person_credential": {"value": "1234"}}, {"status": "revoked", "person_id": 1}):
        answer = caller.put(path, body)
        assert (answer.status_code, answer.json()) == (200, before)
    assert told(credential) == [EventType.CREDENTIAL_CREATED]


@pytest.mark.parametrize("value", ["tomorrow", "2020-01-01T00:00:00Z", 7, True, [], ""])
def test_an_end_that_cannot_be_accepted_is_named(caller: Caller, credential: Credential, value: Any) -> None:
    answer = caller.patch(f"credentials/{credential.public_id}", {"expires_at": value})
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"expires_at"}


def test_the_end_of_what_has_ended_stays(caller: Caller, credential: Credential) -> None:
    end(credential)
    answer = caller.patch(f"credentials/{credential.public_id}", {"expires_at": "2999-01-01T00:00:00Z"})
    assert answer.status_code == 409
    assert told(credential) == [EventType.CREDENTIAL_CREATED]


def test_a_url_that_a_removal_has_closed_is_re_opened_once(caller: Caller, credential: Credential) -> None:
    Credential.objects.update(awaits_approval=True)
    path = f"credentials/{credential.public_id}"
    assert caller.get(path).json()["awaits_approval"] is True
    answers = [caller.post(f"{path}/reopen") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all(answer.json()["awaits_approval"] is False for answer in answers)
    assert all(answer.json()["reopens_at"] is None for answer in answers)
    assert told(credential) == [EventType.CREDENTIAL_CREATED, EventType.CREDENTIAL_REOPENED]


def test_a_pause_after_a_removal_says_when_it_ends(caller: Caller, credential: Credential) -> None:
    end_of_pause = timezone.now() + timedelta(hours=1)
    Credential.objects.update(reopens_at=end_of_pause)
    shown = caller.get(f"credentials/{credential.public_id}").json()
    assert (shown["reopens_at"], shown["awaits_approval"]) == (rfc3339(end_of_pause), False)
