"""Admins order through the verbs: each order is one event in their name, and a URL is shown once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from credentials import lifecycle, tokens
from credentials.models import Account, Credential, Invitation, RedemptionUrl
from credentials.states import Evidence, State
from tests import factories
from tests.admin.conftest import Staff

LIST = "/admin/credentials/credential/"
ADD = f"{LIST}add/"
URL = re.compile(rb'value="(http[^"]+/passes/[^"]+)"')


def page(credential: Credential) -> str:
    """Where a credential is shown."""
    return reverse("admin:credentials_credential_change", args=[credential.pk])


def order(credential: Credential, name: str) -> str:
    """Where an order is given."""
    return reverse("admin:credentials_credential_order", args=[credential.pk, name])


def events(credential: Credential) -> list[tuple[str, str]]:
    """What happened to it and by whom, without its making."""
    return list(credential.events.order_by("pk").values_list("type", "actor"))[1:]


def everything_stored() -> str:
    """All rows of all tables as text, with the sessions opened."""
    opened = [str(session.get_decoded()) for session in Session.objects.all()]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own tables
            opened.append(str(cursor.fetchall()))
    return "".join(opened)


def test_a_credential_is_issued_and_its_url_shown_once(acme: Account, root: Client) -> None:
    person, kind = factories.person(acme), factories.credential_type(acme)
    response = root.post(f"{ADD}?person={person.pk}", {"person": person.pk, "credential_type": kind.pk})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    shown = URL.findall(response.content)
    assert len(shown) == 1
    token = factories.url_token(shown[0].decode())
    credential = Credential.objects.get()
    assert credential.urls.get().digest == tokens.url_token_digest(token)
    assert credential.events.get().actor == "admin:root"
    assert LogEntry.objects.get().object_repr == str(credential)
    assert "sessionid" not in response.cookies
    assert "messages" not in response.cookies
    assert token not in everything_stored()
    assert token.encode() not in root.get(page(credential)).content


def test_what_cannot_be_issued_is_told_in_the_form(acme: Account, globex: Account, root: Client) -> None:
    person, kind = factories.person(acme), factories.credential_type(acme)
    factories.credential(acme, holder=person, credential_type=kind)
    asked = {"person": person.pk, "credential_type": kind.pk}
    assert "already holds a credential of this type" in root.post(ADD, asked).content.decode()
    past = {**asked, "expires_at_0": "2020-01-01", "expires_at_1": "10:00"}
    assert "This time has already passed." in root.post(ADD, past).content.decode()
    foreign = {**asked, "credential_type": factories.credential_type(globex).pk}
    assert "belongs to another account" in root.post(ADD, foreign).content.decode()
    assert "This field is required." in root.post(ADD, {}).content.decode()
    assert Credential.objects.count() == 1
    assert not LogEntry.objects.exists()


def test_for_a_person_the_form_offers_what_their_account_issues(
    acme: Account, globex: Account, root: Client
) -> None:
    person = factories.person(acme)
    factories.credential_type(acme, label="Sauna")
    factories.credential_type(globex, label="Jetty")
    form = root.get(f"{ADD}?person={person.pk}").content.decode()
    assert "Sauna (Acme Gym)" in form
    assert "Jetty" not in form
    assert "Jetty (Globex Club)" in root.get(ADD).content.decode()


def test_a_new_url_replaces_the_former_one_and_is_shown_once(acme: Account, root: Client) -> None:
    credential, url = factories.credential_and_url(acme)
    response = root.post(order(credential, "url"))
    (shown,) = URL.findall(response.content)
    token = factories.url_token(shown.decode())
    assert shown.decode() != url
    assert "no-store" in response["Cache-Control"]
    assert [row.digest for row in credential.urls.filter(replaced_at=None)] == [
        tokens.url_token_digest(token)
    ]
    assert events(credential) == [("credential.url_issued", "admin:root")]
    assert token not in everything_stored()
    assert LogEntry.objects.get().change_message == "New URL"


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("suspend", "credential.suspended"),
        ("revoke", "credential.revoked"),
    ],
)
def test_an_order_is_carried_out_in_the_name_of_the_admin(
    name: str, event: str, acme: Account, root: Client
) -> None:
    credential = factories.credential(acme)
    response = root.post(order(credential, name), follow=True)
    assert response.redirect_chain == [(page(credential), 302)]
    assert events(credential) == [(event, "admin:root")]
    assert event.encode() in response.content
    assert b"by admin:root" in response.content


def test_a_suspended_credential_is_resumed(acme: Account, root: Client) -> None:
    credential = lifecycle.suspend(factories.credential(acme), actor="test")
    assert order(credential, "resume").encode() in root.get(page(credential)).content
    root.post(order(credential, "resume"))
    credential.refresh_from_db()
    assert credential.suspended_at is None
    assert events(credential)[-1] == ("credential.resumed", "admin:root")


def test_a_mail_is_owed(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    assert root.post(order(credential, "email")).status_code == 302
    assert (Invitation.objects.get().credential, Invitation.objects.get().actor) == (credential, "admin:root")
    nobody = factories.credential(acme, holder=factories.person(acme, email=""))
    assert order(nobody, "email").encode() not in root.get(page(nobody)).content
    refused = root.post(order(nobody, "email"), follow=True).content.decode()
    assert "The person has no e-mail address." in refused


def test_the_end_is_moved(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    refused = root.post(order(credential, "expiry"), {"expires_at_0": "2020-01-01", "expires_at_1": "10:00"})
    assert "This time has already passed." in refused.content.decode()
    assert (
        "Enter a valid date."
        in root.post(order(credential, "expiry"), {"expires_at_0": "soon"}).content.decode()
    )
    assert events(credential) == []
    root.post(order(credential, "expiry"), {"expires_at_0": "2099-01-01", "expires_at_1": "10:00"})
    credential.refresh_from_db()
    assert f"{credential.expires_at:%Y-%m-%d %H:%M}" == "2099-01-01 10:00"
    assert events(credential) == [("credential.updated", "admin:root")]


@pytest.mark.parametrize("name", ["url", "email", "expiry", "suspend", "resume", "revoke"])
def test_asking_about_an_order_changes_nothing(name: str, acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    assert root.get(order(credential, name)).status_code == 200
    assert root.head(order(credential, name)).status_code == 200
    assert events(credential) == []
    assert RedemptionUrl.objects.count() == 1
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", ["url", "email", "expiry", "suspend", "resume", "revoke"])
def test_an_order_needs_the_permission_to_change(
    name: str, acme: Account, staff: Staff, client: Client
) -> None:
    credential = factories.credential(acme)
    clerk = staff("view_credential", "add_credential")
    assert clerk.get(order(credential, name)).status_code == 403
    assert clerk.post(order(credential, name)).status_code == 403
    assert client.post(order(credential, name)).status_code == 302
    assert events(credential) == []


def test_an_order_needs_the_form_of_this_site(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    stranger = Client(enforce_csrf_checks=True)
    stranger.cookies = root.cookies
    assert stranger.post(order(credential, "revoke")).status_code == 403
    assert events(credential) == []


def test_staff_with_the_permission_may_order(acme: Account, staff: Staff) -> None:
    credential = factories.credential(acme)
    staff("view_credential", "change_credential").post(order(credential, "suspend"))
    assert events(credential) == [("credential.suspended", "admin:clerk")]


def test_an_unknown_order_or_credential_is_not_found(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    assert root.post(order(credential, "explode")).status_code == 404
    assert root.post(f"{LIST}999999/order/revoke/").status_code == 404


def test_an_ended_credential_offers_no_order_and_refuses_all(acme: Account, root: Client) -> None:
    credential = lifecycle.revoke(factories.credential(acme), actor="test")
    assert b"/order/" not in root.get(page(credential)).content
    for name in ("url", "email", "suspend", "resume"):
        refused = root.post(order(credential, name), follow=True)
        assert b'class="error"' in refused.content, name
    assert events(credential) == [("credential.revoked", "test")]
    assert not LogEntry.objects.exists()


def test_the_page_of_a_credential_takes_no_form(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    assert root.post(page(credential), {"state": "revoked"}).status_code == 405
    credential.refresh_from_db()
    assert credential.state == State.INVITED


def test_the_page_tells_the_story(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    wallet_pass = factories.wallet_pass(credential)
    lifecycle.add_to_wallet(wallet_pass, devices=3, by=Evidence.REGISTRATION, actor="apple")
    told = root.get(page(credential)).content.decode()
    assert wallet_pass.serial_number in told
    assert "Installed" in told
    assert told.index("credential.added_to_wallet") < told.index("credential.created")
    assert "by apple" in told


def test_an_end_that_has_passed_shows_before_it_is_recorded(acme: Account, root: Client) -> None:
    credential = factories.credential(acme, expires_at=timezone.now() + timedelta(hours=1))
    Credential.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert '<span class="badge badge-over">Expired</span>' in root.get(LIST).content.decode()
    assert order(credential, "url").encode() not in root.get(page(credential)).content


def test_many_are_revoked_one_by_one_after_a_question(acme: Account, root: Client) -> None:
    held = [factories.credential(acme) for _ in range(3)]
    asked = {"action": "revoke", "_selected_action": [row.pk for row in held]}
    question = root.post(LIST, {**asked, "index": "0", "select_across": "0"})
    assert question.status_code == 200
    assert all(str(row) in question.content.decode() for row in held)
    assert all(events(row) == [] for row in held)
    answer = root.post(LIST, {**asked, "confirmed": "yes"}, follow=True)
    assert "Revoke: done for 3." in answer.content.decode()
    assert all(events(row) == [("credential.revoked", "admin:root")] for row in held)
    assert LogEntry.objects.count() == 3


def test_what_was_refused_among_many_is_reported(acme: Account, root: Client) -> None:
    live = factories.credential(acme)
    ended = lifecycle.revoke(factories.credential(acme), actor="test")
    answer = root.post(
        LIST,
        {"action": "suspend", "_selected_action": [live.pk, ended.pk], "confirmed": "yes"},
        follow=True,
    ).content.decode()
    assert "Suspend: done for 1." in answer
    assert f"Suspend: refused for {ended}: A credential that is revoked cannot be suspended." in answer
    assert events(live) == [("credential.suspended", "admin:root")]
    assert events(ended) == [("credential.revoked", "test")]


def test_many_urls_are_never_minted_at_once(acme: Account, root: Client) -> None:
    credential = factories.credential(acme)
    root.post(LIST, {"action": "url", "_selected_action": [credential.pk], "confirmed": "yes"})
    assert RedemptionUrl.objects.count() == 1
    assert 'value="url"' not in root.get(LIST).content.decode()


def test_staff_who_may_only_look_get_no_bulk_orders(acme: Account, staff: Staff) -> None:
    credential = factories.credential(acme)
    clerk = staff("view_credential")
    asked = {"action": "revoke", "_selected_action": [credential.pk], "confirmed": "yes"}
    assert b'value="revoke"' not in clerk.get(LIST).content
    clerk.post(LIST, asked)
    assert events(credential) == []


def test_a_list_takes_the_same_queries_however_long_it_is(acme: Account, root: Client) -> None:
    for _ in range(2):
        factories.wallet_pass(factories.credential(acme))
    few = _queries(root)
    for _ in range(10):
        factories.wallet_pass(factories.credential(acme))
    assert _queries(root) == few


def _queries(root: Client) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert root.get(LIST).status_code == 200
    return len(captured)


def test_too_many_at_once_are_refused(acme: Account, root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("credentials.admin.orders.MOST_IN_BULK", 2)
    held = [factories.credential(acme) for _ in range(3)]
    asked = {"action": "revoke", "_selected_action": [row.pk for row in held], "confirmed": "yes"}
    assert "Choose at most 2 at a time." in root.post(LIST, asked, follow=True).content.decode()
    assert all(events(row) == [] for row in held)


def test_many_refusals_are_told_in_short(acme: Account, root: Client) -> None:
    ended = [lifecycle.revoke(factories.credential(acme), actor="test") for _ in range(12)]
    asked = {"action": "suspend", "_selected_action": [row.pk for row in ended], "confirmed": "yes"}
    told = root.post(LIST, asked, follow=True).content.decode()
    assert told.count("Suspend: refused for credential") == 10
    assert "Suspend: refused for 2 more." in told


def test_a_long_list_is_not_counted_to_its_end(
    acme: Account, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("credentials.admin.rows.MOST_ROWS_LISTED", 3)
    for _ in range(5):
        factories.credential(acme)
    assert root.get(LIST).context["cl"].result_count == 3
