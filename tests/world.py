"""The whole main flow at one's fingertips: an integrator, a browser, phones, Apple, Google, a door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from credentials.models import Account
from passflow import embedded
from tests.fakes.android import AndroidPhone, Card
from tests.fakes.apns import FakeApns
from tests.fakes.google import FakeGoogle
from tests.fakes.passd import Phone
from tests.fakes.passd_wire import InstalledPass
from tests.webhooks.receivers import Hook


@dataclass
class World:
    """Everything speaks HTTP to the running server; only the clock of the workers is turned by hand."""

    account: Account
    api: httpx.Client
    browser: httpx.Client
    phone: Phone
    apns: FakeApns
    android: AndroidPhone
    google: FakeGoogle
    hook: Hook

    def issue(self, email: str = "ada@example.org") -> dict[str, Any]:
        """Creates a person and a credential, as an integrator does; the credential, with its URL."""
        person = self.api.post("/people", json={"first_name": "Ada", "last_name": "Lovelace", "email": email})
        assert person.status_code == 201, person.text
        kind = self.api.get("/credential_types").json()[0]
        path = f"/people/{person.json()['id']}/credentials"
        issued = self.api.post(path, json={"person_credential": {"credential_type_id": kind["id"]}})
        assert issued.status_code == 201, issued.text
        credential: dict[str, Any] = issued.json()
        return credential

    def credential(self, credential: dict[str, Any]) -> dict[str, Any]:
        """The credential as the API shows it now."""
        shown: dict[str, Any] = self.api.get(f"/credentials/{credential['id']}").json()
        return shown

    def page(self, url: str) -> tuple[int, str]:
        """Status and `data-state` of the passholder's page."""
        page = self.browser.get(url)
        return page.status_code, page.text.partition('data-state="')[2].partition('"')[0]

    def download(self, url: str) -> bytes:
        """Presses the button, and follows to the file twice, as Chrome on iOS does."""
        claim = self.browser.post(f"{url}/apple")
        assert claim.status_code == 303, claim.text
        first, second = (self.browser.get(claim.headers["location"]) for _ in range(2))
        assert first.status_code == second.status_code == 200
        assert first.headers["content-type"] == "application/vnd.apple.pkpass"
        return second.content

    def add(self, url: str) -> InstalledPass:
        """Downloads the pass and adds it to the phone."""
        return self.phone.add(self.download(url))

    def link(self, url: str) -> str:
        """Presses the other button; the save link that it leads to."""
        claim = self.browser.post(f"{url}/google")
        assert claim.status_code == 303, claim.text
        return claim.headers["location"]

    def save(self, url: str) -> Card:
        """Saves the pass on the Android phone, which Google reports."""
        card = self.android.save(self.link(url))
        self.report()
        return card

    def report(self) -> None:
        """Lets Google's callbacks arrive, and be settled."""
        statuses = self.google.callbacks.deliver()
        assert set(statuses) <= {200}, statuses
        embedded.run("redemption.tasks.settle_google")

    def work(self) -> None:
        """Lets every worker do what is due, and Apple hand on what it was given."""
        for task in (
            "redemption.tasks.refresh_passes",
            "redemption.tasks.push_due",
            "redemption.tasks.settle_google",
            "redemption.tasks.send_google",
            "redemption.tasks.reconcile_google",
            "webhooks.tasks.deliver_due",
            "credentials.tasks.send_invitations",
        ):
            embedded.run(task)
        self.apns.deliver()

    def heard_of(self, credential: dict[str, Any]) -> list[str]:
        """The types of all webhooks about one credential, by their sequence."""
        found = [one.message for one in self.hook.receiver.received]
        about = [one for one in found if one["data"]["credential"]["id"] == credential["id"]]
        return [one["type"] for one in sorted(about, key=lambda one: one["data"]["sequence"])]

    def heard(self) -> list[str]:
        """The types of all webhooks so far, by their sequence; each was signed with the endpoint's secret."""
        received = self.hook.receiver.received
        assert all(message.verified_with(self.hook.secret) for message in received)
        by_sequence = {one.message["data"]["sequence"]: one.message["type"] for one in received}
        assert sorted(by_sequence) == list(range(1, len(received) + 1))
        return [by_sequence[number] for number in sorted(by_sequence)]
