"""The fake phone takes what a device takes, and says aloud what a device only writes into its log."""

from __future__ import annotations

import pytest

from tests.fakes.passd import DeviceComplaint, Phone
from tests.fakes.small_web_service import PKPASS, TYPE, Answer, Issued, WebService, listing

HALF_AN_HOUR = 1800


def add(service: WebService, phone: Phone, serial: str = "one") -> Issued:
    issued = service.issue(serial)
    phone.add(issued.pack())
    return issued


def push(phone: Phone) -> None:
    phone.receive_push(phone.passes["one"].origin.push_token)


def update(service: WebService, phone: Phone) -> None:
    """Bring a new version of the pass to the phone, which then knows its Last-Modified."""
    service.update("one")
    push(phone)
    service.requests.clear()


def test_an_added_pass_is_registered_and_its_tag_fetched(service: WebService, phone: Phone) -> None:
    issued = add(service, phone)
    assert service.asked == ["register", "list"]
    register, listed = service.requests
    origin = phone.passes["one"].origin
    assert register.parts[3:] == [origin.device_id, "registrations", TYPE, "one"]
    assert register.body == {"pushToken": origin.push_token}
    assert register.headers["authorization"] == f"ApplePass {issued.token}"
    assert register.headers["user-agent"].startswith("passd/1.0 CFNetwork/")
    assert "authorization" not in listed.headers
    assert "?" not in listed.target


def test_a_push_brings_the_new_pass_and_its_new_token(service: WebService, phone: Phone) -> None:
    add(service, phone)
    service.update("one")
    push(phone)
    assert service.asked[2:] == ["list", "get"]
    assert service.requests[2].target.endswith("?passesUpdatedSince=1")
    assert service.requests[3].headers["authorization"] == "ApplePass token-of-version-1"
    assert phone.passes["one"].token == "token-of-version-2"
    service.update("one")
    push(phone)
    assert service.requests[-1].headers["authorization"] == "ApplePass token-of-version-2"
    assert (
        service.requests[-1].headers["if-modified-since"]
        == Issued("one", service.url, version=2).last_modified
    )


def test_only_what_changed_is_fetched(service: WebService, phone: Phone) -> None:
    for serial in ("one", "two", "three"):
        add(service, phone, serial)
    service.requests.clear()
    service.update("two")
    push(phone)
    assert [request.parts[-1] for request in service.requests] == [TYPE, "two"]


def test_a_pass_that_is_refused_is_not_added(service: WebService, phone: Phone) -> None:
    with pytest.raises(ValueError, match="not a pass"):
        phone.add(b"<html>")
    assert (phone.passes, service.requests) == ({}, [])


def test_a_pass_without_web_service_is_nobodys_business(service: WebService, phone: Phone) -> None:
    phone.add(service.issue("one").pack(webServiceURL="", authenticationToken=""))
    phone.reboot()
    phone.remove("one")
    assert service.requests == []


@pytest.mark.parametrize("status", [200, 201])
def test_both_good_answers_to_what_is_sent_are_taken(status: int, service: WebService, phone: Phone) -> None:
    service.instead = {"register": Answer(status), "unregister": Answer(status)}
    add(service, phone)
    phone.remove("one")
    assert service.asked == ["register", "list", "unregister"]


@pytest.mark.parametrize("status", [202, 204, 400, 404, 409, 410, 500, 503])
def test_any_other_answer_to_what_is_sent_is_not(status: int, service: WebService, phone: Phone) -> None:
    service.instead = {"register": Answer(status)}
    with pytest.raises(DeviceComplaint, match=rf"Register task .* Unexpected response code {status}"):
        add(service, phone)
    service.instead = {"unregister": Answer(status)}
    with pytest.raises(DeviceComplaint, match=rf"Unregister task .* Unexpected response code {status}"):
        phone.remove("one")


def test_a_complaint_reaches_the_log_of_the_web_service(service: WebService, patient: Phone) -> None:
    service.instead = {"register": Answer(401)}
    add(service, patient)
    origin = patient.passes["one"].origin
    line = (
        f"Register task (for device {origin.device_id}, pass type {TYPE}, serial number one; "
        f"with web service url {service.url}) encountered error: Authentication failure"
    )
    assert service.asked == ["register", "log"]
    assert service.requests[1].body == {"logs": [line]}
    assert patient.complaints == [line]


def test_a_wrong_token_is_an_authentication_failure(service: WebService, phone: Phone) -> None:
    issued = service.issue("one")
    with pytest.raises(DeviceComplaint, match=r"Register task .* Authentication failure"):
        phone.add(issued.pack(authenticationToken="of another pass"))
    with pytest.raises(DeviceComplaint, match=r"Get pass task .* Authentication failure"):
        phone.pull_to_refresh("one")


@pytest.mark.parametrize("status", [201, 204, 400])
def test_a_log_must_be_answered_with_200(status: int, service: WebService, patient: Phone) -> None:
    service.instead = {"register": Answer(500), "log": Answer(status)}
    add(service, patient)
    assert patient.complaints[1] == f"Log task encountered error: Unexpected response code {status}"


def test_a_log_holds_at_most_fifty_lines(service: WebService, patient: Phone) -> None:
    add(service, patient)
    strangers = [f"stranger-{number}" for number in range(120)]
    service.instead = {"list": listing({"serialNumbers": strangers, "lastUpdated": "9"})}
    push(patient)
    logs = [request.body["logs"] for request in service.requests if request.kind == "log"]
    assert [len(lines) for lines in logs] == [50, 50, 20]
    assert logs[0][0] == "Update requested for unregistered serial number stranger-0"


@pytest.mark.parametrize(
    "answer",
    [
        listing({"serialNumbers": ["one"], "lastUpdated": 7}),
        listing({"serialNumbers": "one", "lastUpdated": "7"}),
        listing({"serialNumbers": [1], "lastUpdated": "7"}),
        listing({"lastUpdated": "7"}),
        listing(["one"]),
        Answer(200, b"<html>", {"Content-Type": "application/json"}),
        Answer(200, b"", {"Content-Type": "application/json"}),
        Answer(200, b'{"serialNumbers": ["one"], "lastUpdated": "7"}', {"Content-Type": "text/html"}),
    ],
)
def test_a_malformed_list_is_not_taken(answer: Answer, service: WebService, phone: Phone) -> None:
    service.instead = {"list": answer}
    with pytest.raises(DeviceComplaint, match=r"Get serial #s task .* Server response was malformed"):
        add(service, phone)


@pytest.mark.parametrize("status", [201, 304, 401, 404, 500])
def test_a_list_is_answered_with_200_or_204(status: int, service: WebService, phone: Phone) -> None:
    service.instead = {"list": Answer(status)}
    with pytest.raises(DeviceComplaint, match="Get serial #s task"):
        add(service, phone)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"serialNumbers": ["one"]}, "included 1 serial numbers but omitted a lastUpdated tag."),
        ({"serialNumbers": ["one"], "lastUpdated": "1"}, r"but the lastUpdated tag \(1\) remained the same."),
        ({"serialNumbers": ["other"], "lastUpdated": "2"}, "for unregistered serial number other"),
        ({"serialNumbers": [], "lastUpdated": "2"}, "Request for passesUpdatedSince '1' returned no serial"),
    ],
)
def test_a_list_that_makes_no_sense_is_noted(
    content: object, complaint: str, service: WebService, phone: Phone
) -> None:
    add(service, phone)
    service.instead = {"list": listing(content)}
    with pytest.raises(DeviceComplaint, match=complaint):
        push(phone)


def test_a_push_without_a_change_is_spurious(service: WebService, phone: Phone) -> None:
    add(service, phone)
    device = phone.passes["one"].origin.device_id
    with pytest.raises(DeviceComplaint, match=rf"Device received spurious push.*\(Device = {device}\)"):
        push(phone)


def test_a_tag_is_echoed_as_foundation_would(service: WebService, phone: Phone) -> None:
    service.format_tag = lambda tag: f"{tag} +&/:%ü"
    add(service, phone)
    service.update("one")
    push(phone)
    assert service.requests[2].target.partition("?")[2] == "passesUpdatedSince=1%20+&/:%25%C3%BC"


def test_a_slash_in_a_serial_number_breaks_the_path(service: WebService, phone: Phone) -> None:
    service.instead = {"?": Answer(404)}
    with pytest.raises(DeviceComplaint, match="Unexpected response code 404"):
        phone.add(service.issue("a/b c").pack())
    assert service.requests[0].target.endswith(f"/registrations/{TYPE}/a/b%20c")


@pytest.mark.parametrize("status", [204, 206, 404, 410, 500])
def test_a_pass_is_answered_with_200_or_304(status: int, service: WebService, phone: Phone) -> None:
    add(service, phone)
    service.instead = {"get": Answer(status)}
    with pytest.raises(DeviceComplaint, match=rf"Get pass task .* Unexpected response code {status}"):
        phone.pull_to_refresh("one")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"serialNumber": "two"}, "Requested serial number one, received two"),
        ({"passTypeIdentifier": "pass.example.globex"}, "Received invalid pass data"),
    ],
)
def test_another_pass_is_not_taken(
    changed: dict[str, str], complaint: str, service: WebService, phone: Phone
) -> None:
    issued = add(service, phone)
    service.instead = {"get": Answer(200, issued.pack(**changed), PKPASS)}
    with pytest.raises(DeviceComplaint, match=complaint):
        phone.pull_to_refresh("one")
    assert list(phone.passes) == ["one"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>", "application/vnd.apple.pkpass"),
        (Issued("one", "http://127.0.0.1").pack(), "application/zip"),
        (b"x" * (0xF00000 + 1), "application/vnd.apple.pkpass"),
    ],
)
def test_invalid_pass_data_is_not_taken(
    body: bytes, content_type: str, service: WebService, phone: Phone
) -> None:
    add(service, phone)
    service.instead = {"get": Answer(200, body, {"Content-Type": content_type})}
    with pytest.raises(DeviceComplaint, match=r"Get pass task .* Received invalid pass data"):
        phone.pull_to_refresh("one")


def test_a_pass_without_a_date_is_taken_and_noted(service: WebService, phone: Phone) -> None:
    issued = add(service, phone)
    service.update("one")
    service.instead = {"get": Answer(200, issued.pack(), PKPASS)}
    with pytest.raises(DeviceComplaint, match=r"'one' but did not provide a 'last-modified' header\."):
        push(phone)
    assert phone.passes["one"].token == "token-of-version-2"


def test_an_unchanged_pass_in_full_is_noted(service: WebService, phone: Phone) -> None:
    issued = add(service, phone)
    update(service, phone)
    headers = PKPASS | {"Last-Modified": issued.last_modified}
    service.instead = {"get": Answer(200, issued.pack(), headers)}
    with pytest.raises(DeviceComplaint, match="Server ignored the 'if-modified-since' header"):
        phone.pull_to_refresh("one")


def test_pulling_to_refresh_fetches_only_the_pass(service: WebService, phone: Phone) -> None:
    add(service, phone)
    update(service, phone)
    phone.advance(HALF_AN_HOUR)
    phone.pull_to_refresh("one")
    assert service.asked == ["get"]


def test_the_date_of_an_unchanged_pass_is_kept(service: WebService, phone: Phone) -> None:
    add(service, phone)
    update(service, phone)
    date = "Tue, 01 Dec 2026 00:00:00 GMT"
    service.instead = {"get": Answer(304, headers={"Last-Modified": date})}
    phone.pull_to_refresh("one")
    phone.pull_to_refresh("one")
    assert service.requests[-1].headers["if-modified-since"] == date


def test_an_update_to_nothing_new_is_noted_after_a_while(service: WebService, phone: Phone) -> None:
    issued = add(service, phone)
    update(service, phone)
    issued.tag += 1
    push(phone)
    phone.advance(HALF_AN_HOUR)
    issued.tag += 1
    with pytest.raises(DeviceComplaint, match=r"update to serial number 'one', but the pass was unchanged\."):
        push(phone)
