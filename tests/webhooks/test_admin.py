"""Endpoints and deliveries in the Django admin."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from credentials.models import Account
from tests import factories
from tests.webhooks.receivers import Hook
from webhooks import endpoints
from webhooks.dispatch import deliver_due
from webhooks.models import Delivery, Endpoint

URL = "https://hooks.example/in"


@pytest.fixture
def admin_site(db: None) -> Client:
    """A browser of the admin `ada`."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    return client


def _page(row: Endpoint | Delivery) -> str:
    return reverse(f"admin:webhooks_{row._meta.model_name}_change", args=[row.pk])


def _order(row: Endpoint | Delivery, name: str) -> str:
    return reverse(f"admin:webhooks_{row._meta.model_name}_order", args=[row.pk, name])


def test_lists_and_pages_show_what_there_is(admin_site: Client, hook: Hook, acme: Account) -> None:
    hook.receiver.status, hook.receiver.body = 500, b"out of <b>paper</b>"
    factories.credential(acme)
    deliver_due()
    delivery = Delivery.objects.get()
    for page in (
        reverse("admin:webhooks_endpoint_changelist"),
        reverse("admin:webhooks_delivery_changelist") + f"?endpoint__id__exact={hook.endpoint.pk}",
        _page(hook.endpoint),
        _page(delivery),
    ):
        answer = admin_site.get(page)
        assert answer.status_code == 200
        assert hook.secret not in answer.content.decode()
    shown = admin_site.get(_page(delivery)).content.decode()
    assert "out of &lt;b&gt;paper&lt;/b&gt;" in shown
    assert "Answered, but not with 2xx" in shown


def test_the_page_of_a_delivery_shows_its_message(admin_site: Client, hook: Hook, acme: Account) -> None:
    kind = factories.credential_type(acme, label="<b>Members & guests</b>")
    factories.credential(acme, credential_type=kind)
    shown = admin_site.get(_page(Delivery.objects.get())).content.decode()
    deliver_due()
    message = json.dumps(hook.receiver.received[0].message, indent=2)
    assert f"<pre>{escape(message)}</pre>" in shown
    assert "&lt;b&gt;Members &amp; guests&lt;/b&gt;" in shown


def test_a_new_endpoint_shows_its_secret_once(admin_site: Client, acme: Account) -> None:
    form = {"account": acme.pk, "url": URL, "description": "Doors", "event_types": ["credential.revoked"]}
    answer = admin_site.post(reverse("admin:webhooks_endpoint_add"), form)
    endpoint = Endpoint.objects.get()
    assert (endpoint.account, endpoint.url, endpoint.event_types) == (acme, URL, ["credential.revoked"])
    assert re.search(r"whsec_[A-Za-z0-9+/=]{40,}", answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert "whsec_" not in admin_site.get(_page(endpoint)).content.decode()
    assert acme.events.get(type="webhook_endpoint.created").actor == "admin:ada"


def test_a_refused_url_stands_next_to_its_field(admin_site: Client, hook: Hook, acme: Account) -> None:
    form = {"account": acme.pk, "url": "http://169.254.169.254/", "description": ""}
    for page in (reverse("admin:webhooks_endpoint_add"), _page(hook.endpoint)):
        answer = admin_site.post(page, form)
        assert answer.status_code == 200
        assert list(answer.context["adminform"].form.errors) == ["url"]
    assert Endpoint.objects.get().url == hook.receiver.url


def test_changing_an_endpoint_is_on_record(admin_site: Client, hook: Hook, acme: Account) -> None:
    form = {"url": hook.receiver.url, "description": "Gates", "event_types": []}
    assert admin_site.post(_page(hook.endpoint), form).status_code == 302
    event = acme.events.get(type="webhook_endpoint.updated")
    assert (event.actor, event.data["changed"]) == ("admin:ada", ["description"])


def test_a_test_message_is_asked_about_and_then_sent(admin_site: Client, hook: Hook) -> None:
    assert admin_site.get(_order(hook.endpoint, "test")).status_code == 200
    assert not Delivery.objects.exists()
    assert admin_site.post(_order(hook.endpoint, "test")).status_code == 302
    deliver_due()
    [received] = hook.receiver.received
    assert received.message["type"] == "webhook.test"
    assert received.message["data"]["actor"] == "admin:ada"


def test_a_rotated_secret_is_shown_once(admin_site: Client, hook: Hook) -> None:
    shown = admin_site.post(_order(hook.endpoint, "rotate")).content.decode()
    match = re.search(r"whsec_[A-Za-z0-9+/=]{40,}", shown)
    assert match is not None
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    assert hook.receiver.received[0].verified_with(match[0])
    assert match[0] != hook.secret


def test_disabling_enabling_and_deleting(admin_site: Client, hook: Hook, acme: Account) -> None:
    admin_site.post(_order(hook.endpoint, "disable"))
    assert not Endpoint.objects.get().enabled
    admin_site.post(_order(hook.endpoint, "enable"))
    assert Endpoint.objects.get().enabled
    admin_site.post(_order(hook.endpoint, "delete"))
    assert not Endpoint.objects.present().exists()
    shown = admin_site.get(_page(hook.endpoint)).content.decode()
    assert "Deleted" in shown
    assert _order(hook.endpoint, "enable") not in shown
    types = acme.events.filter(actor="admin:ada").order_by("id").values_list("type", flat=True)
    assert list(types) == [
        "webhook_endpoint.disabled",
        "webhook_endpoint.updated",
        "webhook_endpoint.deleted",
    ]


def test_a_delivery_is_sent_again(admin_site: Client, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    deliver_due()
    admin_site.post(_order(Delivery.objects.get(), "retry"))
    deliver_due()
    first, second = hook.receiver.received
    assert first.message_id == second.message_id


def test_several_endpoints_are_disabled_at_once(admin_site: Client, hook: Hook, acme: Account) -> None:
    endpoints.create_endpoint(acme, url=URL, actor="test")
    form = {"action": "disable", "_selected_action": [row.pk for row in Endpoint.objects.all()]}
    page = reverse("admin:webhooks_endpoint_changelist")
    admin_site.post(page, form)
    assert Endpoint.objects.listening().count() == 2
    admin_site.post(page, {**form, "confirmed": "yes"})
    assert Endpoint.objects.listening().count() == 0


def test_who_may_not_change_may_not_order(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    nobody = Client()
    nobody.force_login(User.objects.create_user("eve", is_staff=True))
    for row, name in (
        (hook.endpoint, "rotate"),
        (hook.endpoint, "delete"),
        (Delivery.objects.get(), "retry"),
    ):
        assert nobody.post(_order(row, name)).status_code == 403
        assert nobody.get(_page(row)).status_code == 403
    assert hook.endpoint.secrets.count() == 1
