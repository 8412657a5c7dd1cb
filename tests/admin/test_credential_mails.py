"""What an admin does about a redemption URL: show it with a QR code, mail it, and let it work again."""

from __future__ import annotations

import io
import re

import pytest
import segno
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse

from credentials.admin.credential_orders import ORDERS
from credentials.models import Account, Credential, Event, Invitation, RedemptionUrl
from tests import factories

LIST = "/admin/credentials/credential/"


def page(credential: Credential) -> str:
    """Where a credential is looked at."""
    return reverse("admin:credentials_credential_change", args=[credential.pk])


def order(credential: Credential, name: str) -> str:
    """Where an order about it is given."""
    return reverse("admin:credentials_credential_order", args=[credential.pk, name])


def test_a_url_that_is_shown_once_is_drawn_as_well(acme: Account, root: Client) -> None:
    shown = root.post(order(factories.credential(acme), "url")).content.decode()
    [url] = re.findall(r'value="(http[^"]+/passes/[^"]+)"', shown)
    drawn = io.BytesIO()
    segno.make(url, micro=False).save(drawn, kind="svg", border=4, omitsize=True, xmldecl=False)
    [path] = re.findall(r'class="qrline"[^>]* d="([^"]+)"', drawn.getvalue().decode())
    assert path in shown
    assert " style=" not in shown


def test_a_key_is_not_drawn(acme: Account, root: Client) -> None:
    asked = {"account": acme.pk, "name": "Desk", "scopes": ["account.person"]}
    shown = root.post("/admin/credentials/apikey/add/", asked).content.decode()
    assert 'value="pf_' in shown
    assert 'class="qr' not in shown


def test_a_url_that_waits_for_approval_is_found_and_re_opened(
    acme: Account, globex: Account, root: Client
) -> None:
    waiting, other = factories.credential(acme), factories.credential(globex)
    Credential.objects.filter(pk=waiting.pk).update(awaits_approval=True)
    listed = root.get(LIST, {"awaits_approval__exact": "1"}).content.decode()
    assert waiting.public_id in listed
    assert other.public_id not in listed
    assert order(waiting, "reopen") in root.get(page(waiting)).content.decode()
    assert order(other, "reopen") not in root.get(page(other)).content.decode()
    assert "Awaits approval" in root.get(page(waiting)).content.decode()
    root.post(order(waiting, "reopen"))
    waiting.refresh_from_db()
    assert waiting.awaits_approval is False
    event = Event.objects.latest("id")
    assert (event.type, event.actor) == ("credential.reopened", "admin:root")


def test_the_page_tells_what_became_of_each_mail(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    for _ in range(2):
        root.post(order(credential, "email"))
    Invitation.objects.filter(pk=Invitation.objects.earliest("id").pk).update(
        failed_at=credential.created_at, last_error="The mail server refuses this address (550)."
    )
    shown = root.get(page(credential)).content.decode()
    assert "The mail server refuses this address (550)." in shown
    assert ">Failed<" in shown
    assert ">Owed<" in shown


def test_those_whose_last_mail_failed_are_found(acme: Account, root: Client) -> None:
    failed, sent, owed, asked_again, never = (factories.credential(acme) for _ in range(5))
    for credential in (failed, sent, owed, asked_again):
        root.post(order(credential, "email"))
    mails = Invitation.objects.filter(credential__in=[failed, asked_again])
    mails.update(failed_at=failed.created_at, last_error="The mail server refuses this address (550).")
    Invitation.objects.filter(credential=sent).update(sent_at=sent.created_at)
    root.post(order(asked_again, "email"))
    listed = root.get(LIST, {"mail": "failed"}).context["cl"].result_list
    assert list(listed) == [failed]
    people = root.get("/admin/credentials/person/", {"mail": "failed"}).context["cl"].result_list
    assert list(people) == [failed.person]
    assert len(root.get(LIST).context["cl"].result_list) == 5
    assert never in root.get(LIST).context["cl"].result_list


@pytest.mark.usefixtures("limited")
def test_too_many_mails_are_refused_in_words(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    for _ in range(5):
        root.post(order(credential, "email"))
    answer = root.post(order(credential, "email"), follow=True)
    assert "At most 5 mails go to one person in 24 hours" in answer.content.decode()
    assert Invitation.objects.count() == 5


@pytest.mark.parametrize("name", ["url", "email", "reopen"])
def test_no_action_mints_or_mails_for_many(acme: Account, root: Client, name: str) -> None:
    rows = [factories.credential(acme) for _ in range(2)]
    root.post(LIST, {"action": name, "confirmed": "yes", ACTION_CHECKBOX_NAME: [row.pk for row in rows]})
    assert not Invitation.objects.exists()
    assert RedemptionUrl.objects.count() == 2
    assert name not in [each.name for each in ORDERS if each.is_for_many]
