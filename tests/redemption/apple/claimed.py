"""A pass that was claimed over its URL, and a device's words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.test import Client

from credentials import tokens
from credentials.models import Account, Credential, WalletPass
from redemption import claims
from tests import factories
from tests.fakes.pki import PASS_TYPE

PHONE, WATCH = "phone0123456789", "watch0123456789"
PUSH_TOKEN = "ab" * 32


@dataclass
class Claimed:
    """A pass that was claimed over its URL, and how to speak for it."""

    credential: Credential
    wallet_pass: WalletPass
    text: str

    @property
    def authorization(self) -> dict[str, str]:
        return {"authorization": f"ApplePass {self.text}"}

    def registration(self, device: str = PHONE) -> str:
        return f"/apple/v1/devices/{device}/registrations/{PASS_TYPE}/{self.wallet_pass.serial_number}"

    @property
    def path(self) -> str:
        return f"/apple/v1/passes/{PASS_TYPE}/{self.wallet_pass.serial_number}"

    def reload(self) -> None:
        self.credential.refresh_from_db()
        self.wallet_pass.refresh_from_db()


def claim(account: Account) -> Claimed:
    credential, url = factories.credential_and_url(account)
    return claim_url(credential, url)


def claim_url(credential: Credential, url: str) -> Claimed:
    token = factories.url_token(url)
    offer = claims.claim_apple(token)
    text = tokens.first_authentication_token(token, serial_number=offer.serial_number)
    return Claimed(credential, offer, text)


def register(client: Client, claimed: Claimed, device: str = PHONE, push_token: str = PUSH_TOKEN) -> Any:
    body = {"pushToken": push_token}
    path = claimed.registration(device)
    return client.post(path, body, content_type="application/json", headers=claimed.authorization)


def listed(client: Client, device: str = PHONE, since: str | None = None) -> Any:
    query = {} if since is None else {"passesUpdatedSince": since}
    return client.get(f"/apple/v1/devices/{device}/registrations/{PASS_TYPE}", query)
