"""What the admin shows of an endpoint's health and keys, and what it lets one choose."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from credentials.models import Account
from tests.webhooks.receivers import Hook, hook_to
from webhooks import endpoints
from webhooks.dispatch import deliver_due
from webhooks.health import Noted, note
from webhooks.models import DisabledReason, Endpoint
from webhooks.outcomes import Outcome

URL = "https://hooks.example/in"
MINUTE = timedelta(minutes=1)
PUBLIC_KEY = re.compile(r"whpk_[A-Za-z0-9+/]{43}=")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{40,}")
LIST = "admin:webhooks_endpoint_changelist"


@pytest.fixture
def ada(db: None) -> Client:
    """A browser of the admin `ada`."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    return client


def page_of(endpoint: Endpoint) -> str:
    return reverse("admin:webhooks_endpoint_change", args=[endpoint.pk])


def order(endpoint: Endpoint, name: str) -> str:
    return reverse("admin:webhooks_endpoint_order", args=[endpoint.pk, name])


def read(client: Client, address: str) -> str:
    """A page as its reader sees it."""
    return html.unescape(client.get(address).content.decode())


def keys_of(endpoint: Endpoint) -> int:
    return endpoint.secrets.live(datetime.now(UTC)).count()


def fail(endpoint: Endpoint, *, since: datetime, now: datetime) -> None:
    """It has failed ten times by `now`, and has been as it is for longer."""
    Endpoint.objects.filter(pk=endpoint.pk).update(updated_at=since)
    note({endpoint.pk: [Noted(since, Outcome.FAILED, 500, endpoint.url)] * 10}, failing=[], now=now)


def test_list_and_page_tell_who_is_well_and_who_is_not(ada: Client, hook: Hook, acme: Account) -> None:
    now = datetime.now(UTC)
    failing, paused, given_up = (hook_to(hook.receiver, account=acme).endpoint for _ in range(3))
    fail(failing, since=now, now=now)
    fail(paused, since=now - 5 * MINUTE, now=now)
    endpoints.disable_endpoint(given_up, actor="system", reason=DisabledReason.FAILING)
    shown = read(ada, reverse(LIST))
    for word in ("Enabled", "Failing", "Paused", "Disabled"):
        assert f">{word}</span>" in shown
    filtered = read(ada, reverse(LIST) + "?failing_since__isempty=0")
    assert failing.public_id in filtered
    assert hook.endpoint.public_id not in filtered

    assert "No attempt has failed since its last success." in read(ada, page_of(hook.endpoint))
    assert f"10 attempts in a row have failed since {now:%Y-%m-%d %H:%M} UTC.<" in read(ada, page_of(failing))
    assert f"left alone until {now + 5 * MINUTE:%Y-%m-%d %H:%M} UTC; a test" in read(ada, page_of(paused))
    assert "It has failed for five days; nothing is sent since" in read(ada, page_of(given_up))


def test_a_key_pair_is_chosen_and_its_public_key_shown(ada: Client, acme: Account) -> None:
    form = {"account": acme.pk, "url": URL, "fifo": "on", "signature_scheme": "v1a"}
    answer = ada.post(reverse("admin:webhooks_endpoint_add"), form, follow=True)
    endpoint = Endpoint.objects.get()
    assert (endpoint.signature_scheme, endpoint.fifo) == ("v1a", True)
    assert "whsec_" not in answer.content.decode()
    found = PUBLIC_KEY.search(read(ada, page_of(endpoint)))
    assert found is not None
    assert found[0] == endpoint.public_key


def test_no_page_shows_a_key_that_signs(ada: Client, hook: Hook) -> None:
    endpoints.rotate_secret(hook.endpoint, signature_scheme="v1a", actor="test")
    for address in (page_of(hook.endpoint), order(hook.endpoint, "rotate"), reverse(LIST)):
        shown = read(ada, address)
        assert "whsk_" not in shown
        assert not SECRET.search(shown)


@pytest.mark.parametrize(("overlap", "live"), [("0", 1), ("3600", 2), ("604800", 2), (None, 2)])
def test_the_former_key_signs_along_as_long_as_is_chosen(
    ada: Client, hook: Hook, overlap: str | None, live: int
) -> None:
    form = {} if overlap is None else {"overlap": overlap}
    shown = ada.post(order(hook.endpoint, "rotate"), form)
    assert SECRET.search(shown.content.decode())
    assert "no-store" in shown["Cache-Control"]
    assert keys_of(hook.endpoint) == live
    assert ("signs along until" in read(ada, page_of(hook.endpoint))) == (live == 2)


@pytest.mark.parametrize("form", [{"overlap": "31536000"}, {"overlap": "-1"}, {"signature_scheme": "v2"}])
def test_what_is_no_choice_is_refused_beside_its_field(ada: Client, hook: Hook, form: dict[str, Any]) -> None:
    answer = ada.post(order(hook.endpoint, "rotate"), form)
    assert list(answer.context["form"].errors) == list(form)
    assert keys_of(hook.endpoint) == 1


def test_a_rotation_to_a_public_key_leads_to_it(ada: Client, hook: Hook) -> None:
    answer = ada.post(
        order(hook.endpoint, "rotate"), {"overlap": "0", "signature_scheme": "v1a"}, follow=True
    )
    shown = answer.content.decode()
    assert "receivers verify with the public key below" in shown
    assert str(Endpoint.objects.get().public_key) in html.unescape(shown)
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    [received] = hook.receiver.received
    assert received.verified_with_public_key(str(Endpoint.objects.get().public_key))


def test_the_scheme_of_an_endpoint_cannot_be_typed_over(ada: Client, hook: Hook) -> None:
    form = {"url": hook.receiver.url, "description": "", "signature_scheme": "v1a"}
    assert ada.post(page_of(hook.endpoint), form).status_code == 302
    assert Endpoint.objects.get().signature_scheme == "v1"


def test_the_admins_own_history_holds_no_secret(ada: Client, hook: Hook, acme: Account) -> None:
    added = ada.post(reverse("admin:webhooks_endpoint_add"), {"account": acme.pk, "url": f"{URL}?token=hush"})
    rotated = ada.post(order(hook.endpoint, "rotate"))
    ada.post(page_of(hook.endpoint), {"url": f"{URL}?token=hush", "description": ""})
    history = str(list(LogEntry.objects.values()))
    assert len(LogEntry.objects.all()) == 3
    for answer in (added, rotated):
        found = SECRET.search(answer.content.decode())
        assert found is not None
        assert found[0] not in history
    assert "hush" not in history


def test_a_test_message_ends_a_pause(ada: Client, hook: Hook) -> None:
    now = datetime.now(UTC)
    fail(hook.endpoint, since=now - 5 * MINUTE, now=now)
    ada.post(order(hook.endpoint, "test"))
    shown = read(ada, page_of(hook.endpoint))
    assert ">Failing</span>" in shown
    assert "left alone" not in shown
