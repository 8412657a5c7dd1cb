"""Cards at the fake Google that we have on record, and how its messages about them reach us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import time_machine
from django.test import Client
from django.utils import timezone

from credentials.models import Account, Credential, WalletPass
from credentials.states import Wallet
from redemption import tasks
from redemption.models import GoogleClass, GoogleIssuer, GooglePass
from tests import factories
from tests.fakes.google import FakeGoogle


@dataclass(frozen=True)
class Card:
    """A pass that was claimed for Google, with its object at the fake."""

    credential: Credential
    wallet_pass: WalletPass
    object_id: str
    url: str
    google: FakeGoogle

    @property
    def pass_state(self) -> str:
        return self.now.state

    @property
    def state(self) -> str:
        return Credential.objects.get(pk=self.credential.pk).state

    @property
    def now(self) -> WalletPass:
        return WalletPass.objects.get(pk=self.wallet_pass.pk)

    @property
    def row(self) -> GooglePass:
        return GooglePass.objects.get(pk=self.wallet_pass.pk)

    @property
    def evidence(self) -> str:
        return self.now.confirmed_by

    def save(self, *, user: str = "ada@gmail.com") -> None:
        """Somebody saves it; Google has a message for us."""
        self.google.saving.save(self.object_id, user=user)

    def remove(self, *, user: str = "ada@gmail.com") -> None:
        """Somebody removes it; Google has a message for us."""
        self.google.saving.remove(self.object_id, user=user)

    def asked(self) -> int:
        """How often Google was asked who has it."""
        return sum(
            one.method == "GET" and one.path.endswith(f"/{self.object_id}")
            for one in self.google.asked("rest")
        )


def claimed(
    account: Account, issuer: GoogleIssuer, google: FakeGoogle, *, credential: Credential | None = None
) -> Card:
    """A card that was just claimed."""
    credential = credential or factories.credential(account)
    wallet_pass = factories.wallet_pass(credential, wallet=Wallet.GOOGLE)
    google_class, _ = GoogleClass.objects.get_or_create(
        issuer=issuer, credential_type=credential.credential_type
    )
    now = timezone.now()
    GooglePass.objects.create(
        wallet_pass=wallet_pass,
        google_class=google_class,
        modified_at=now,
        check_due_at=now + timedelta(minutes=1),
    )
    object_id = f"{issuer.issuer_id}.{wallet_pass.serial_number}"
    url = f"https://pass.example.com/google/callback/{issuer.issuer_id}"
    google.resources.classes[google_class.class_id] = {
        "id": google_class.class_id,
        "callbackOptions": {"url": url},
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
    }
    google.resources.objects[object_id] = {"id": object_id, "classId": google_class.class_id}
    return Card(credential, wallet_pass, object_id, f"/google/callback/{issuer.issuer_id}", google)


def post(client: Client, body: bytes, *, url: str, **headers: Any) -> Any:
    """Sends a body as Google does."""
    return client.post(url, body, content_type="application/json", headers=headers)


def deliver(client: Client, google: FakeGoogle) -> list[int]:
    """Sends what Google has for us, in its order; the statuses."""
    batch, google.callbacks.pending[:] = list(google.callbacks.pending), []
    return [post(client, one.body, url=one.url.partition("example.com")[2]).status_code for one in batch]


def hear(client: Client, google: FakeGoogle) -> None:
    """Google's messages arrive, and are settled."""
    assert set(deliver(client, google)) <= {200}
    tasks.settle_google.run()


def settle_later(clock: time_machine.Traveller, seconds: float) -> None:
    """Time passes, and messages are settled."""
    clock.shift(timedelta(seconds=seconds))
    tasks.settle_google.run()


def reconcile_later(clock: time_machine.Traveller, seconds: float) -> None:
    """Time passes, and Google is asked."""
    clock.shift(timedelta(seconds=seconds))
    tasks.reconcile_google.run()
