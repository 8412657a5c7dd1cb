"""Replays in the Django admin, and the lists of deliveries that lead from endpoint to credential."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from credentials import lifecycle
from credentials.models import Account, Credential
from tests import factories
from tests.webhooks.pacing import pace
from tests.webhooks.receivers import Hook, hook_to
from webhooks.dispatch import deliver_due
from webhooks.models import Attempt, Delivery, Endpoint, Replay, ReplayStatus
from webhooks.outcomes import Outcome
from webhooks.replays import replay_due, start_replay

DELIVERIES = "admin:webhooks_delivery_changelist"


@pytest.fixture
def admin_site(db: None) -> Client:
    """A browser of the admin `ada`."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    return client


def _page(row: Endpoint | Replay | Delivery | Credential) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _order(row: Endpoint | Replay, name: str) -> str:
    return reverse(f"admin:webhooks_{row._meta.model_name}_order", args=[row.pk, name])


def _text(page: bytes) -> str:
    """What is read on the page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.decode()).split())


def _form(**fields: object) -> dict[str, object]:
    since = timezone.now() - timedelta(hours=1)
    return {"since_0": f"{since:%Y-%m-%d}", "since_1": f"{since:%H:%M:%S}", **fields}


def _start(hook: Hook) -> Replay:
    return start_replay(hook.endpoint, since=timezone.now() - timedelta(hours=1), actor="admin:bob")


def test_a_replay_is_asked_about_and_then_begins(admin_site: Client, hook: Hook, acme: Account) -> None:
    lifecycle.revoke(factories.credential(acme), actor="test")
    deliver_due()
    assert _order(hook.endpoint, "replay") in admin_site.get(_page(hook.endpoint)).content.decode()
    assert admin_site.get(_order(hook.endpoint, "replay")).status_code == 200
    assert not Replay.objects.exists()
    answer = admin_site.post(_order(hook.endpoint, "replay"), _form(types=["credential.revoked"]))
    assert answer.status_code == 302
    replay = Replay.objects.get()
    assert (replay.actor, replay.event_types) == ("admin:ada", ["credential.revoked"])
    assert acme.events.get(type="webhook_endpoint.replay_started").actor == "admin:ada"
    replay_due()
    assert deliver_due() == {"succeeded": 1}


def test_what_cannot_be_replayed_stands_next_to_its_field(admin_site: Client, hook: Hook) -> None:
    form = _form(since_0="2020-01-01")
    answer = admin_site.post(_order(hook.endpoint, "replay"), form)
    assert list(answer.context["form"].errors) == ["since"]
    answer = admin_site.post(_order(hook.endpoint, "replay"), {"since_0": "", "since_1": ""})
    assert list(answer.context["form"].errors) == ["since"]
    assert not Replay.objects.exists()


def test_a_second_replay_at_once_is_refused(admin_site: Client, hook: Hook) -> None:
    _start(hook)
    answer = admin_site.post(_order(hook.endpoint, "replay"), _form(), follow=True)
    assert "A replay to this endpoint is running" in answer.content.decode()
    assert Replay.objects.count() == 1


def test_progress_is_shown_wherever_the_replay_is(
    admin_site: Client, hook: Hook, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace(monkeypatch, 1)
    for _ in range(4):
        factories.credential(acme)
    deliver_due()
    pages = [_page(hook.endpoint), reverse("admin:webhooks_replay_changelist"), _page(_start(hook))]
    for words in ("Running not begun", "Running 1 of 4 (25 %)", "Running 2 of 4 (50 %)"):
        for page in pages:
            shown = _text(admin_site.get(page).content).replace(" Progress: ", " ")
            assert words in shown
        replay_due()
        deliver_due()
    assert _page(hook.endpoint) in admin_site.get(pages[2]).content.decode()


def test_a_running_replay_can_be_cancelled(admin_site: Client, hook: Hook) -> None:
    replay = _start(hook)
    assert _order(replay, "cancel") in admin_site.get(_page(replay)).content.decode()
    assert admin_site.post(_order(replay, "cancel")).status_code == 302
    replay.refresh_from_db()
    assert replay.status == ReplayStatus.CANCELLED
    assert _order(replay, "cancel") not in admin_site.get(_page(replay)).content.decode()


def test_replays_are_neither_typed_in_nor_deleted(admin_site: Client, hook: Hook) -> None:
    replay = _start(hook)
    assert admin_site.get(reverse("admin:webhooks_replay_add")).status_code == 403
    delete = reverse("admin:webhooks_replay_delete", args=[replay.pk])
    assert admin_site.post(delete, {"post": "yes"}).status_code == 403
    assert admin_site.post(_page(replay), {"status": "completed"}).status_code == 405


def test_the_replays_of_one_endpoint_are_listed(admin_site: Client, hook: Hook, acme: Account) -> None:
    mine, other = _start(hook), _start(hook_to(hook.receiver, account=acme))
    query = f"?endpoint__id__exact={hook.endpoint.pk}"
    page = reverse("admin:webhooks_replay_changelist") + query
    assert page in admin_site.get(_page(hook.endpoint)).content.decode()
    shown = admin_site.get(page).content.decode()
    assert mine.public_id in shown
    assert other.public_id not in shown


def test_a_credential_s_page_leads_to_its_deliveries(admin_site: Client, hook: Hook, acme: Account) -> None:
    credential, other = factories.credential(acme), factories.credential(acme)
    page = f"{reverse(DELIVERIES)}?credential={credential.pk}"
    assert page in admin_site.get(_page(credential)).content.decode()
    shown = admin_site.get(page).content.decode()
    assert Delivery.objects.get(event__credential=credential).public_id in shown
    assert Delivery.objects.get(event__credential=other).public_id not in shown
    assert str(credential) in shown


def test_an_endpoint_s_deliveries_are_listed_by_type(admin_site: Client, hook: Hook, acme: Account) -> None:
    lifecycle.revoke(factories.credential(acme), actor="test")
    page = f"{reverse(DELIVERIES)}?endpoint__id__exact={hook.endpoint.pk}"
    created, revoked = Delivery.objects.order_by("pk")
    assert "type=credential.revoked" in admin_site.get(page).content.decode()
    shown = admin_site.get(f"{page}&type=credential.revoked").content.decode()
    assert revoked.public_id in shown
    assert created.public_id not in shown
    assert "type=credential.revoked" not in admin_site.get(reverse(DELIVERIES)).content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "?type=nonsense",
        "?credential=nonsense",
        "?credential=9999",
        "?endpoint__id__exact=9&type=credential.revoked",
    ],
)
def test_a_filter_that_names_nothing_breaks_nothing(admin_site: Client, hook: Hook, query: str) -> None:
    assert admin_site.get(reverse(DELIVERIES) + query).status_code == 200


def test_an_answer_is_shown_escaped_and_never_of_a_refused_target(
    admin_site: Client, hook: Hook, acme: Account
) -> None:
    hook.receiver.status, hook.receiver.body = 500, b"<script>\x1b[2J"
    factories.credential(acme)
    deliver_due()
    page = _page(Delivery.objects.get())
    assert "<pre>&lt;script&gt;\ufffd[2J</pre>" in admin_site.get(page).content.decode()
    Attempt.objects.update(outcome=Outcome.REFUSED_TARGET)
    assert "script&gt;" not in admin_site.get(page).content.decode()
