"""Rules that hold for whoever calls a verb: no account reaches into another."""

from __future__ import annotations

import pytest

from credentials import issuing
from credentials.errors import Invalid
from credentials.models import Account, Credential
from tests import factories


def test_a_person_gets_no_credential_of_another_accounts_type(acme: Account, globex: Account) -> None:
    foreign = factories.credential_type(globex)
    with pytest.raises(Invalid) as refused:
        issuing.issue(factories.person(acme), credential_type=foreign, actor="test")
    assert refused.value.field == "credential_type_id"
    assert not Credential.objects.exists()
