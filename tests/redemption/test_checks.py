"""`manage.py check` speaks up when others could speak as Google, or Google could not speak to us."""

from __future__ import annotations

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import connection
from pytest_django import Settings

from credentials.models import Account
from redemption.models import GoogleIssuer
from tests import factories

pytestmark = pytest.mark.django_db


def found(tag: str) -> list[CheckMessage]:
    messages = run_checks(tags=[tag], databases=["default"])
    return [message for message in messages if str(message.id).startswith("redemption.")]


@pytest.mark.parametrize("name", ["GOOGLE_API_URL", "GOOGLE_ROOT_KEYS_URL", "GOOGLE_SAVE_URL"])
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://google.example/v1", []),
        ("http://127.0.0.1:9000/v1", []),
        ("http://[::1]/v1", []),
        ("http://localhost/v1", []),
        ("http://google.example/v1", ["redemption.E001"]),
        ("http://127.0.0.1.google.example/v1", ["redemption.E001"]),
        ("google.example/v1", ["redemption.E001"]),
        ("https://", ["redemption.E001"]),
        ("https://google.example:port/", ["redemption.E001"]),
        ("file:///keys.json", ["redemption.E001"]),
    ],
)
def test_nobody_on_the_way_may_speak_as_google(
    settings: Settings, name: str, url: str, expected: list[str]
) -> None:
    setattr(settings, name, url)
    messages = found("security")
    assert [message.id for message in messages] == expected
    assert all(message.is_serious() and f"PASSFLOW_{name}" in message.msg for message in messages)


def test_google_reports_to_https_only(settings: Settings, acme: Account) -> None:
    settings.BASE_URL = "http://passes.example.org"
    assert found("database") == []
    issuer = factories.google_issuer(acme)
    assert [message.id for message in found("database")] == ["redemption.W001"]
    assert run_checks(tags=["database"]) == []
    settings.BASE_URL = "https://passes.example.org"
    assert found("database") == []
    settings.BASE_URL = "http://passes.example.org"
    GoogleIssuer.objects.filter(pk=issuer.pk).update(private_key=None)
    assert found("database") == []


@pytest.mark.django_db(transaction=True)
def test_an_empty_database_is_no_matter(settings: Settings) -> None:
    settings.BASE_URL = "http://passes.example.org"
    with connection.schema_editor() as editor:
        editor.alter_db_table(GoogleIssuer, "redemption_googleissuer", "redemption_elsewhere")
    try:
        assert found("database") == []
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(GoogleIssuer, "redemption_elsewhere", "redemption_googleissuer")
