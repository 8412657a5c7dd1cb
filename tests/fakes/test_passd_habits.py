"""The fake phone does what devices do: by itself, at their holder's wish, and when things go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest

from redemption.apple.apns import Apns, PushKind
from tests.fakes import small_web_service
from tests.fakes.apns import FakeApns
from tests.fakes.passd import DeviceComplaint, Phone
from tests.fakes.passd_tasks import DELAYS, FASTER_DELAYS
from tests.fakes.small_web_service import PKPASS, TYPE, Answer, Issued, WebService
from tests.fakes.tls import Authority

A_YEAR = 365 * 86400


@pytest.fixture
def other_service() -> Iterator[WebService]:
    with small_web_service.running() as service:
        yield service


def push(phone: Phone, serial: str = "one") -> None:
    phone.receive_push(phone.passes[serial].origin.push_token)


def test_a_removed_pass_is_unregistered(service: WebService, phone: Phone) -> None:
    phone.add(service.issue("one").pack())
    phone.remove("one")
    assert service.asked == ["register", "list", "unregister"]
    assert service.requests[2].headers["authorization"] == "ApplePass token-of-version-1"
    assert (service.registered, phone.passes) == ({}, {})


def test_automatic_updates_are_switched_by_unregistering(service: WebService, phone: Phone) -> None:
    phone.add(service.issue("one").pack())
    service.requests.clear()
    phone.toggle_automatic_updates("one", on=False)
    phone.reboot()
    assert service.asked == ["unregister"]
    assert list(phone.passes) == ["one"]
    phone.toggle_automatic_updates("one", on=True)
    assert service.asked == ["unregister", "register", "list"]


def test_a_pass_without_automatic_updates_is_removed_in_silence(service: WebService, phone: Phone) -> None:
    phone.add(service.issue("one").pack())
    phone.toggle_automatic_updates("one", on=False)
    service.requests.clear()
    phone.remove("one")
    assert service.requests == []


def test_a_reboot_catches_up(service: WebService, phone: Phone) -> None:
    phone.add(service.issue("one").pack())
    service.update("one")
    service.requests.clear()
    phone.reboot()
    assert service.asked == ["list", "get"]
    assert phone.passes["one"].token == "token-of-version-2"


def test_a_new_push_token_registers_every_pass_again(service: WebService, phone: Phone) -> None:
    for serial in ("one", "two"):
        phone.add(service.issue(serial).pack())
    before = phone.passes["one"].origin.push_token
    phone.change_push_token()
    after = phone.passes["one"].origin.push_token
    assert before != after
    assert set(service.registered.values()) == {after}


def test_one_phone_is_another_device_to_every_web_service(
    service: WebService, other_service: WebService, phone: Phone
) -> None:
    phone.add(service.issue("one").pack())
    phone.add(other_service.issue("two").pack())
    phone.add(service.issue("three").pack(passTypeIdentifier="pass.example.acme.visitors"))
    devices = {card.origin.device_id for card in phone.passes.values()}
    tokens = {card.origin.push_token for card in phone.passes.values()}
    assert (len(devices), len(tokens)) == (3, 3)


def test_passes_of_one_type_share_device_and_token(service: WebService, phone: Phone) -> None:
    for serial in ("one", "two"):
        phone.add(service.issue(serial).pack())
    assert len({device for device, _ in service.registered}) == 1
    assert len(set(service.registered.values())) == 1


def test_a_watch_shares_the_pass_but_not_the_device(service: WebService, phone: Phone) -> None:
    watch = phone.pair_watch()
    phone.add(service.issue("one").pack())
    assert watch.passes["one"].token == phone.passes["one"].token
    assert len(service.registered) == len(set(service.registered.values())) == 2
    phone.remove("one")
    assert (service.registered, watch.passes) == ({}, {})


def test_a_wiped_phone_tells_no_web_service(service: WebService, phone: Phone) -> None:
    phone.add(service.issue("one").pack())
    service.requests.clear()
    phone.wipe()
    phone.reboot()
    assert (service.requests, phone.passes) == ([], {})
    assert len(service.registered) == 1


def test_a_pass_that_loses_its_web_service_unsubscribes(service: WebService, phone: Phone) -> None:
    issued = service.issue("one")
    phone.add(issued.pack())
    service.update("one")
    last = issued.pack(webServiceURL="", authenticationToken="", voided=True)
    service.instead = {"get": Answer(200, last, PKPASS | {"Last-Modified": issued.last_modified})}
    push(phone)
    assert service.asked[2:] == ["list", "get", "unregister"]
    assert phone.passes["one"].pass_json["voided"]
    assert service.registered == {}


def test_head_is_sent_like_get(service: WebService, phone: Phone) -> None:
    phone.add(service.issue("one").pack())
    phone.look("one")
    assert (service.asked[-1], service.requests[-1].method) == ("look", "HEAD")
    service.instead = {"look": Answer(405)}
    with pytest.raises(DeviceComplaint, match="Unexpected response code 405"):
        phone.look("one")


def test_a_lifecycle_update_carries_no_credentials(service: WebService, phone: Phone) -> None:
    phone.add(service.issue("one").pack())
    phone.report_lifecycle("one", state="removed")
    assert service.requests[-1].target == f"/v1/passes/{TYPE}/one/passLifecycleUpdate"
    assert service.requests[-1].body == {"passState": "removed"}
    assert "authorization" not in service.requests[-1].headers
    service.instead = {"lifecycle": Answer(204)}
    with pytest.raises(DeviceComplaint, match="Unexpected response code 204"):
        phone.report_lifecycle("one", state="removed")


def test_cookies_are_not_kept(service: WebService, phone: Phone) -> None:
    service.instead = {"register": Answer(201, headers={"Set-Cookie": "visit=1; Path=/"})}
    phone.add(service.issue("one").pack())
    assert all("cookie" not in request.headers for request in service.requests)


def test_what_failed_is_tried_at_ten_growing_intervals_and_dropped(
    service: WebService, patient: Phone
) -> None:
    service.instead = {"register": Answer(503)}
    patient.add(service.issue("one").pack())
    for delay in DELAYS:
        before = service.asked.count("register")
        patient.advance(delay - 1)
        assert service.asked.count("register") == before
        patient.advance(1)
        assert service.asked.count("register") == before + 1
    assert (len(DELAYS), len(patient.tasks.dropped)) == (10, 1)
    patient.advance(A_YEAR)
    assert service.asked.count("register") == 11


def test_a_log_and_a_lifecycle_update_are_dropped_sooner(service: WebService, patient: Phone) -> None:
    patient.add(service.issue("one").pack())
    service.instead = {"lifecycle": Answer(500), "log": Answer(500)}
    patient.report_lifecycle("one", state="removed")
    patient.advance(A_YEAR)
    assert (len(FASTER_DELAYS), service.asked.count("lifecycle")) == (7, 8)
    assert patient.tasks.waiting == []


def test_a_short_outage_costs_nothing(service: WebService, patient: Phone) -> None:
    service.instead = {"register": Answer(503)}
    patient.add(service.issue("one").pack())
    patient.reboot()
    service.instead = {}
    patient.advance(DELAYS[0])
    assert len(service.registered) == 1
    assert patient.tasks.waiting == []


def test_what_is_owed_twice_is_sent_once(service: WebService, patient: Phone) -> None:
    patient.add(service.issue("one").pack())
    service.update("one")
    service.instead = {"list": Answer(500)}
    for _ in range(3):
        push(patient)
    service.instead = {}
    service.requests.clear()
    patient.advance(A_YEAR)
    assert service.asked == ["list", "get"]


def test_a_pass_that_came_and_went_in_an_outage_is_only_unregistered(
    service: WebService, patient: Phone
) -> None:
    service.instead = {"register": Answer(503), "unregister": Answer(503)}
    patient.add(service.issue("one").pack())
    patient.remove("one")
    service.instead = {}
    service.requests.clear()
    patient.advance(A_YEAR)
    assert service.asked == ["unregister"]


def test_a_removed_pass_is_fetched_no_more(service: WebService, patient: Phone) -> None:
    patient.add(service.issue("one").pack())
    service.instead = {"get": Answer(503)}
    patient.pull_to_refresh("one")
    patient.remove("one")
    service.requests.clear()
    patient.advance(A_YEAR)
    assert (service.requests, patient.tasks.waiting) == ([], [])


def test_a_retry_presents_the_token_of_the_pass_as_it_is_now(service: WebService, patient: Phone) -> None:
    patient.add(service.issue("one").pack())
    service.instead = {"register": Answer(503)}
    patient.change_push_token()
    service.instead = {}
    service.update("one")
    patient.pull_to_refresh("one")
    patient.advance(DELAYS[0])
    retries = [request for request in service.requests if request.kind == "register"]
    assert retries[-1].headers["authorization"] == "ApplePass token-of-version-2"


def test_a_web_service_that_cannot_be_reached_hears_no_complaint(service: WebService, patient: Phone) -> None:
    issued = service.issue("one")
    patient.add(issued.pack(webServiceURL="http://127.0.0.1:1"))
    assert len(patient.complaints) == 1
    assert patient.complaints[0].endswith("encountered error: Connection error")
    assert [title.partition(" ")[0] for title in patient.tasks.waiting] == ["Register"]


def test_an_application_needs_no_server_in_between() -> None:
    asked: list[str] = []

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        asked.append(environ["REQUEST_METHOD"])
        start_response("204 No Content" if environ["REQUEST_METHOD"] == "GET" else "201 Created", [])
        return [b""]

    transport = httpx.WSGITransport(app=application)
    with Phone("iPhone", verify=small_web_service.read, transport=transport) as phone:
        phone.pair_watch()
        phone.add(Issued("one", "https://acme.example/apple").pack())
    assert asked == ["POST", "GET", "POST", "GET"]


def test_a_push_travels_from_apple_to_the_phone(service: WebService, tmp_path: Path) -> None:
    wwdr = Authority()
    identity = wwdr.issue_client(TYPE)
    ca = tmp_path / "apple.pem"
    with (
        FakeApns(client_ca_pem=wwdr.pem) as apple,
        Phone("iPhone", verify=small_web_service.read, apns=apple) as phone,
    ):
        ca.write_bytes(apple.ca_pem)
        phone.add(service.issue("one").pack())
        former = phone.passes["one"].origin.push_token
        phone.change_push_token()
        service.update("one")
        with Apns(
            apple.url, certificate_pem=identity.certificate_pem, key_pem=identity.key_pem, extra_ca=ca
        ) as apns:
            answers = apns.push_all([former, *service.registered.values()], topic=TYPE)
        assert answers.pop(former).kind is PushKind.UNREGISTERED
        assert [answer.kind for answer in answers.values()] == [PushKind.DELIVERED]
        assert apple.deliver() == 1
        assert phone.passes["one"].token == "token-of-version-2"
