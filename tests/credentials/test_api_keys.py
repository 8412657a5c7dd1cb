"""An API key is shown once, kept as a digest, and dead once it is revoked."""

from __future__ import annotations

import pytest

from credentials import tokens
from credentials.apikeys import create_api_key, revoke_api_key
from credentials.errors import Invalid
from credentials.models import Account, ApiKey, Event


def test_a_new_key_is_kept_as_a_digest_only(acme: Account) -> None:
    api_key, text = create_api_key(
        acme,
        name="Front desk",
        scopes=["account.person", "account.webhook", "account.person"],
        actor="admin:root",
    )
    api_key.refresh_from_db()
    assert tokens.is_api_key(text)
    assert bytes(api_key.digest) == tokens.digest(text)
    assert (api_key.account, api_key.name, api_key.revoked_at) == (acme, "Front desk", None)
    assert api_key.scopes == ["account.person", "account.webhook"]
    assert text.startswith(api_key.hint)
    assert text not in str(ApiKey.objects.values()) + str(Event.objects.values())


def test_its_making_is_recorded(acme: Account) -> None:
    api_key, _ = create_api_key(acme, name="Front desk", scopes=["account.person"], actor="admin:root")
    event = Event.objects.get()
    assert (event.type, event.account, event.actor) == ("api_key.created", acme, "admin:root")
    assert event.data == {
        "api_key_id": api_key.pk,
        "name": "Front desk",
        "hint": api_key.hint,
        "scopes": ["account.person"],
    }


@pytest.mark.parametrize("scopes", [[], ["account.everything"], ["account.person", ""]])
def test_a_key_has_scopes_that_exist(acme: Account, scopes: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        create_api_key(acme, name="", scopes=scopes, actor="test")
    assert refused.value.field == "scopes"
    assert "account.event.readonly" in refused.value.sentence
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["x" * 101, "two\nlines", "\x00"])
def test_a_name_is_one_short_line(acme: Account, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        create_api_key(acme, name=name, scopes=["account.person"], actor="test")
    assert refused.value.field == "name"
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_once(acme: Account) -> None:
    api_key, _ = create_api_key(acme, name="", scopes=["account.person"], actor="test")
    revoked_at = revoke_api_key(api_key, actor="admin:root").revoked_at
    assert revoked_at is not None
    assert revoke_api_key(api_key, actor="admin:root").revoked_at == revoked_at
    assert [event.actor for event in Event.objects.filter(type="api_key.revoked")] == ["admin:root"]
