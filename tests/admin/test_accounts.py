"""Accounts and their API keys: a key is made in one place, shown once, and revoked by an order."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from credentials import tokens
from credentials.models import Account, ApiKey, Event
from tests import factories
from tests.admin.conftest import Staff
from tests.admin.test_credentials import everything_stored

ACCOUNTS = "/admin/credentials/account/"
NEW_KEY = "/admin/credentials/apikey/add/"


def page(account: Account) -> str:
    """Where an account is edited."""
    return reverse("admin:credentials_account_change", args=[account.pk])


def revoking(api_key: ApiKey) -> str:
    """Where a key is revoked."""
    return reverse("admin:credentials_apikey_order", args=[api_key.pk, "revoke"])


def written(**fields: str) -> dict[str, str]:
    """The form of an account as a browser sends it, with these fields in it."""
    return {
        "name": "Acme Gym",
        "slug": "acme",
        "language": "en",
        "url_lifetime": "",
        "reopening": "at_once",
        "reopening_pause": "1 00:00:00",
        "suspicion_thresholds": "{}",
        "api_keys-TOTAL_FORMS": "0",
        "api_keys-INITIAL_FORMS": "0",
        **fields,
    }


def test_an_account_is_made_and_changed(root: Client) -> None:
    root.post(f"{ACCOUNTS}add/", written(url_lifetime="7 00:00:00"))
    account = Account.objects.get()
    assert account.url_lifetime == timedelta(days=7)
    root.post(page(account), written(name="Acme", slug="other"))
    assert Account.objects.values_list("name", "slug", "url_lifetime").get() == ("Acme", "acme", None)
    assert LogEntry.objects.count() == 2
    assert [(event.type, event.actor, event.data) for event in Event.objects.all()] == [
        ("account.created", "admin:root", {}),
        ("account.updated", "admin:root", {"changed": ["name", "url_lifetime"]}),
    ]


def test_what_an_account_wants_is_kept(acme: Account, globex: Account, root: Client) -> None:
    wanted = written(
        language="en",
        reopening="after_pause",
        reopening_pause="06:00:00",
        suspend_on_suspicion="on",
        suspicion_thresholds='{"claims_while_in_use": [5, 600]}',
        mails_a_day="250",
    )
    assert root.post(page(acme), wanted).status_code == 302
    acme.refresh_from_db()
    assert acme.mails_a_day == 250
    assert (acme.reopening, acme.reopening_pause) == ("after_pause", timedelta(hours=6))
    assert (acme.suspend_on_suspicion, acme.suspicion_thresholds) == (True, {"claims_while_in_use": [5, 600]})
    root.post(page(acme), wanted | {"suspicion_thresholds": ""})
    acme.refresh_from_db()
    assert acme.suspicion_thresholds == {}
    globex.refresh_from_db()
    assert (globex.reopening, globex.suspend_on_suspicion) == ("at_once", False)
    assert [event.account for event in Event.objects.all()] == [acme, acme]


def test_saving_an_account_as_it_is_is_no_event(acme: Account, root: Client) -> None:
    assert root.post(page(acme), written()).status_code == 302
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("url_lifetime", lifetime)
            for lifetime in ("-1 00:00:00", "0", "30", "4000 00:00:00", "999999999 00:00:00", "a week")
        ),
        *(("reopening_pause", pause) for pause in ("", "0", "59", "366 00:00:00", "-1 00:00:00")),
        ("reopening", "whenever"),
        ("language", "tlh"),
        *(
            ("suspicion_thresholds", text)
            for text in ("{", "[]", '{"a_rule": [1, 60]}', '{"claims_while_in_use": 5}')
        ),
        ("slug", "globex"),
        *(("mails_a_day", number) for number in ("0", "-1", "10000001", "many")),
    ],
)
def test_what_makes_no_sense_is_told_next_to_its_field(
    field: str, value: str, globex: Account, root: Client
) -> None:
    response = root.post(f"{ACCOUNTS}add/", written(**{field: value}))
    assert list(response.context["adminform"].form.errors) == [field]
    assert list(Account.objects.all()) == [globex]
    assert not Event.objects.exists()


def test_an_account_shows_how_much_there_is(acme: Account, globex: Account, root: Client) -> None:
    factories.credential(acme)
    factories.person(acme)
    factories.credential(globex)
    shown = root.get(page(acme)).content.decode()
    assert f'/admin/credentials/person/?account__id__exact={acme.pk}">2</a>' in shown
    assert f'/admin/credentials/credential/?account__id__exact={acme.pk}">1</a>' in shown


def test_the_keys_of_an_account_are_on_its_page(acme: Account, globex: Account, root: Client) -> None:
    ours, theirs = factories.api_key(acme), factories.api_key(globex)
    shown = root.get(page(acme)).content.decode()
    assert ours[:11] in shown
    assert theirs[:11] not in shown
    assert ours not in shown
    assert f"{NEW_KEY}?account={acme.pk}" in shown


def test_a_new_key_is_shown_once(acme: Account, root: Client) -> None:
    asked = {"account": acme.pk, "name": "Front desk", "scopes": ["account.person", "account.webhook"]}
    response = root.post(NEW_KEY, asked)
    (text,) = re.findall(r'value="(pf_[^"]+)"', response.content.decode())
    api_key = ApiKey.objects.get()
    assert "no-store" in response["Cache-Control"]
    assert bytes(api_key.digest) == tokens.digest(text)
    assert (api_key.account, api_key.scopes) == (acme, asked["scopes"])
    assert [(event.type, event.actor) for event in Event.objects.all()] == [("api_key.created", "admin:root")]
    assert text not in everything_stored()
    assert (
        text not in root.get(reverse("admin:credentials_apikey_change", args=[api_key.pk])).content.decode()
    )


@pytest.mark.parametrize(
    ("field", "value"), [("scopes", []), ("scopes", ["everything"]), ("name", "x" * 101), ("account", "")]
)
def test_a_key_that_is_refused_is_told_next_to_its_field(
    field: str, value: object, acme: Account, root: Client
) -> None:
    asked = {"account": acme.pk, "name": "", "scopes": ["account.person"], field: value}
    assert field in root.post(NEW_KEY, asked).context["adminform"].form.errors
    assert not ApiKey.objects.exists()
    assert not Event.objects.exists()


def test_a_key_is_revoked_after_a_question(acme: Account, root: Client) -> None:
    factories.api_key(acme)
    api_key = ApiKey.objects.get()
    assert root.get(revoking(api_key)).status_code == 200
    api_key.refresh_from_db()
    assert api_key.revoked_at is None
    root.post(revoking(api_key))
    api_key.refresh_from_db()
    assert api_key.revoked_at is not None
    assert [(event.type, event.actor) for event in Event.objects.all()] == [("api_key.revoked", "admin:root")]
    assert b"/order/" not in root.get(reverse("admin:credentials_apikey_change", args=[api_key.pk])).content


def test_making_and_revoking_need_their_permissions(acme: Account, staff: Staff) -> None:
    factories.api_key(acme)
    api_key = ApiKey.objects.get()
    clerk = staff("view_account", "view_apikey")
    assert NEW_KEY.encode() not in clerk.get(page(acme)).content
    assert clerk.post(NEW_KEY, {"account": acme.pk, "scopes": ["account.person"]}).status_code == 403
    assert clerk.post(revoking(api_key)).status_code == 403
    api_key.refresh_from_db()
    assert api_key.revoked_at is None
    assert ApiKey.objects.count() == 1
