"""A passholder with an iPhone and an Android phone, in one thread with the server, and their clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

import httpx
import time_machine
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone

from credentials import lifecycle
from credentials.models import Credential
from redemption import refresh
from redemption.apple import push
from redemption.google import patches, reconciler, settling
from tests.apple_pass_checker import CheckedPass, check
from tests.fakes.android import AndroidPhone
from tests.fakes.apns import FakeApns
from tests.fakes.google import FakeGoogle
from tests.fakes.passd import Phone

SIGNALS = (request_started, request_finished)
# How the iPhone's requests fare: not at all, twice, or without an answer although they arrived.
Reception = Literal["good", "none", "doubled", "deaf"]


class Line(httpx.BaseTransport):
    """An iPhone's way to the server."""

    def __init__(self, application: httpx.BaseTransport) -> None:
        self.reception: Reception = "good"
        self._application = application

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if self.reception == "none":
            raise httpx.ConnectError("no reception", request=request)
        if self.reception != "good":
            self._application.handle_request(request).close()
        if self.reception == "deaf":
            raise httpx.ReadError("no reception", request=request)
        return self._application.handle_request(request)


@contextmanager
def one_connection() -> Iterator[None]:
    """Requests are served in the test's own transaction: none closes its connection to the database."""
    for signal in SIGNALS:
        signal.disconnect(close_old_connections)
    yield
    for signal in SIGNALS:
        signal.connect(close_old_connections)


class Pocket:
    """The phones, whom they belong to, and the workers; time passes only by `wait`."""

    def __init__(self, *, root_pem: bytes, apns: FakeApns, google: FakeGoogle) -> None:
        self.google, self.apns = google, apns
        # Google's application in a test is this one; it knows no other address.
        application = httpx.WSGITransport(get_wsgi_application())
        google.callbacks.reach(application)
        # These phones are new: what others have saved before is not in them.
        google.resources.holders.clear()
        self.line = Line(application)
        self.browser = httpx.Client(transport=application, base_url=settings.BASE_URL)
        self.iphone = Phone("iPhone", verify=self._verify, apns=apns, transport=self.line, strict=False)
        self.androids = {user: AndroidPhone(google, user=user) for user in ("ada", "eve")}
        self._root_pem = root_pem
        self._added: set[str] = set()
        self._muted: set[str] = set()
        self._clock = time_machine.travel(datetime.now(UTC), tick=False)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._traveller = self._open.enter_context(self._clock)
        self._open.enter_context(one_connection())
        self._open.enter_context(self.browser)
        self._open.enter_context(self.iphone)
        for phone in self.androids.values():
            self._open.enter_context(phone)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def download(self, url: str) -> bytes:
        """The file that the page offers for the iPhone; empty when it offers none."""
        claim = self._claim(f"{url}/apple")
        return self.browser.get(claim).content if claim else b""

    def link(self, url: str) -> str:
        """The save link that the page offers for the Android phone; empty when it offers none."""
        return self._claim(f"{url}/google")

    def add(self, file: bytes) -> None:
        """Adds a file to the iPhone, once: that an old file takes the place of its newer self is not told."""
        serial = self._verify(file).pass_json["serialNumber"]
        if serial not in self._added:
            self._added.add(serial)
            self.iphone.add(file)

    def switch_updates(self, number: int) -> None:
        """Turns the automatic updates of one pass on the iPhone off, or on again."""
        for serial in list(self.iphone.passes)[number : number + 1]:
            self.iphone.toggle_automatic_updates(serial, on=serial in self._muted)
            self._muted ^= {serial}

    def wait(self, time: timedelta) -> None:
        """Lets time pass, on all clocks."""
        self._traveller.shift(time)
        self.iphone.advance(time.total_seconds())

    def work(self, credential: Credential) -> None:
        """Lets every worker do what is due, and Apple hand on what it was given."""
        lifecycle.expire(credential)
        refresh.mark_designs()
        refresh.mark_validity(now=timezone.now())
        settling.settle_due()
        reconciler.reconcile_due()
        patches.send_due()
        push.push_due()
        self.apns.deliver()

    def come_to_rest(self, credential: Credential) -> None:
        """No more is reported, what is on its way is lost, and the workers have all the time they need."""
        self.line.reception = "good"
        for serial in self._muted & set(self.iphone.passes):
            self.iphone.toggle_automatic_updates(serial, on=True)
        self.google.callbacks.lose()
        self.google.resources.has_users_lags = False
        self.google.resources.catch_up()
        for hours in (9, 1, 12, 25, 25):
            self.wait(timedelta(hours=hours))
            self.work(credential)
            self.work(credential)

    def cards(self) -> dict[str, bool]:
        """Every card on any phone by its serial number, and whether it is alive."""
        apple = {serial: not one.pass_json.get("voided") for serial, one in self.iphone.passes.items()}
        google = {
            card.object_id.partition(".")[2]: not card.is_dead
            for phone in self.androids.values()
            for card in phone.cards
        }
        for phone in self.androids.values():
            assert all(bool(card.codes) == (not card.is_dead) for card in phone.cards)
        return apple | google

    def _claim(self, url: str) -> str:
        claim = self.browser.post(url)
        assert claim.status_code in (303, 409, 410), claim.text
        return str(claim.headers.get("location", ""))

    def _verify(self, file: bytes) -> CheckedPass:
        return check(file, root_pem=self._root_pem, now=timezone.now())
