"""Authentication tokens: kept as digests, replaced step by step, never read back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from credentials import issuing, tokens
from credentials.states import PassState, State
from redemption.models import AppleAuthenticationToken
from tests.redemption.apple.claimed import (
    WATCH,
    Claimed,
    register,
)

Reader = Callable[[bytes], dict[str, Any]]


def test_the_first_token_is_replaced_at_the_first_update(
    client: Client, claimed: Claimed, read: Reader
) -> None:
    register(client, claimed)
    first = claimed.text
    file = client.get(claimed.path, headers=claimed.authorization)
    claimed.text = read(file.content)["authenticationToken"]
    assert claimed.text != first
    # Until the phone has been seen with the new one, the old one goes on working: the answer may be lost.
    assert client.get(claimed.path, headers={"authorization": f"ApplePass {first}"}).status_code == 200
    assert client.get(claimed.path, headers=claimed.authorization).status_code == 200
    assert client.get(claimed.path, headers={"authorization": f"ApplePass {first}"}).status_code == 401


def test_a_fresh_token_is_carried_on(client: Client, claimed: Claimed, read: Reader) -> None:
    register(client, claimed)
    file = client.get(claimed.path, headers=claimed.authorization)
    text = read(file.content)["authenticationToken"]
    again = client.get(claimed.path, headers={"authorization": f"ApplePass {text}"})
    assert read(again.content)["authenticationToken"] == text


def test_an_old_token_is_replaced(client: Client, claimed: Claimed, read: Reader) -> None:
    register(client, claimed)
    file = client.get(claimed.path, headers=claimed.authorization)
    text = read(file.content)["authenticationToken"]
    AppleAuthenticationToken.objects.update(created_at=timezone.now() - timedelta(days=31))
    again = client.get(claimed.path, headers={"authorization": f"ApplePass {text}"})
    assert read(again.content)["authenticationToken"] != text


def test_a_token_survives_while_another_device_still_uses_it(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    register(client, claimed, WATCH)
    first = claimed.authorization
    client.get(claimed.path, headers=first)
    assert client.get(claimed.path, headers=first).status_code == 200


def test_after_the_grace_an_old_token_ends(client: Client, claimed: Claimed, read: Reader) -> None:
    register(client, claimed)
    register(client, claimed, WATCH)
    first = claimed.authorization
    file = client.get(claimed.path, headers=first)
    newer = read(file.content)["authenticationToken"]
    AppleAuthenticationToken.objects.filter(generation=1).update(
        created_at=timezone.now() - timedelta(days=181)
    )
    client.get(claimed.path, headers={"authorization": f"ApplePass {newer}"})
    assert client.get(claimed.path, headers=first).status_code == 401


def test_no_token_is_stored_in_clear(client: Client, claimed: Claimed) -> None:
    digests = [bytes(row.digest) for row in AppleAuthenticationToken.objects.all()]
    assert digests == [tokens.digest(claimed.text)]


def test_a_new_url_takes_back_what_the_former_offered(client: Client, claimed: Claimed) -> None:
    issuing.renew_url(claimed.credential, actor="test")
    assert register(client, claimed).status_code == 201
    claimed.reload()
    assert claimed.credential.state == State.INVITED
    assert claimed.wallet_pass.state == PassState.VOIDED
