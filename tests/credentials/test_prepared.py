"""A prepared look-up gives what the ORM gives, in every circumstance that a connection can be in."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Model, QuerySet
from django.db.transaction import TransactionManagementError

from credentials.models import Account, Branding, RedemptionUrl
from credentials.prepared import Lookup
from credentials.tokens import url_token_digest
from tests import factories


def urls() -> QuerySet[RedemptionUrl]:
    return (
        RedemptionUrl.objects.select_related("credential__person", "credential__account__branding")
        .defer("credential__person__email")
        .annotate(kind=F("credential__credential_type__label"))
    )


LOOKUP = Lookup(urls, column="digest")


def told(row: Model) -> dict[str, Any]:
    """All that an instance knows, and those that it leads to."""
    known = {name: value for name, value in vars(row).items() if name != "_state"}
    state = row._state
    related = {
        name: told(one) if one and name != "url" else one
        for name, one in state.fields_cache.items()
        if not name.startswith("_") and name not in ("credentials", "account")
    }
    return {**known, "related": related, "db": state.db, "adding": state.adding}


def digest(account: Account) -> bytes:
    return url_token_digest(factories.url_token(factories.credential_and_url(account)[1]))


@pytest.mark.parametrize("is_branded", [True, False])
def test_it_gives_what_the_orm_gives(acme: Account, *, is_branded: bool) -> None:
    if is_branded:
        Branding.objects.create(account=acme, texts={"en": {"name": "Acme"}})
    wanted = digest(acme)
    found = LOOKUP.get(wanted)
    assert found is not None
    assert told(found) == told(urls().get(digest=wanted))
    account = found.credential.account
    assert getattr(account, "branding", None) == Branding.objects.first()
    assert found.credential.person.email.startswith("ada")


def test_nothing_is_found_where_nothing_is(acme: Account) -> None:
    assert LOOKUP.get(bytes(32)) is None


def test_what_it_found_can_be_saved(acme: Account) -> None:
    found = LOOKUP.get(digest(acme))
    assert found is not None
    found.credential.person.first_name = "Grace"
    found.credential.person.save()
    assert RedemptionUrl.objects.get(credential__person__first_name="Grace") == found


@pytest.mark.django_db(transaction=True)
def test_it_outlives_its_connection(acme: Account) -> None:
    wanted = digest(acme)
    assert LOOKUP.get(wanted) is not None
    connection.close()
    assert LOOKUP.get(wanted) is not None


def test_a_transaction_that_is_lost_answers_nothing(acme: Account) -> None:
    wanted = digest(acme)
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            LOOKUP.get(wanted)


def test_an_error_is_one_of_djangos(acme: Account) -> None:
    LOOKUP.get(bytes(32))
    missing = Lookup(lambda: urls().extra(where=["nothing = 1"]), column="digest")
    with pytest.raises(DatabaseError), transaction.atomic():
        missing.get(bytes(32))
