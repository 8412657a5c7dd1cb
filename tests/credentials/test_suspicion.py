"""What looks suspicious is recorded once in its time, and suspends where the account wants that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from credentials import lifecycle, suspicion
from credentials.errors import Invalid
from credentials.models import Account, Credential, Event
from credentials.suspicion import DEFAULTS, Rule, Threshold, check_thresholds, report, threshold
from tests import factories
from webhooks import payloads

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RULE = Rule.CLAIMS_WHILE_IN_USE


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It is NOW."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def events(credential: Credential) -> list[Event]:
    return list(credential.events.filter(type="security.suspicious_activity"))


def test_a_report_is_one_event_with_its_rule_and_the_next_number(acme: Account) -> None:
    credential = factories.credential(acme)
    assert report(credential, rule=RULE, now=timezone.now())
    [event] = events(credential)
    assert (event.sequence, event.actor, event.account, event.person) == (
        2,
        "suspicion",
        acme,
        credential.person,
    )
    assert event.data["suspicion"] == {"rule": "claims_while_in_use", "uses": 10, "seconds": 3600}
    assert event.data["credential"]["id"] == credential.public_id
    credential.refresh_from_db()
    assert (credential.sequence, credential.suspended_at) == (2, None)


def test_a_rule_is_heard_once_in_its_time(acme: Account, clock: time_machine.Traveller) -> None:
    credential, other = factories.credential(acme), factories.credential(acme)
    assert report(credential, rule=RULE, now=timezone.now())
    assert not report(credential, rule=RULE, now=timezone.now())
    assert report(credential, rule=Rule.TOO_MANY_DEVICES, now=timezone.now())
    assert report(other, rule=RULE, now=timezone.now())
    clock.shift(timedelta(seconds=DEFAULTS[RULE].seconds))
    assert report(credential, rule=RULE, now=timezone.now())
    assert [event.data["suspicion"]["rule"] for event in events(credential)] == [
        "claims_while_in_use",
        "too_many_devices",
        "claims_while_in_use",
    ]


def test_it_suspends_where_the_account_wants_that(acme: Account, globex: Account) -> None:
    Account.objects.filter(pk=acme.pk).update(suspend_on_suspicion=True)
    ours, theirs = factories.credential(acme), factories.credential(globex)
    for credential in (ours, theirs):
        assert report(credential, rule=RULE, now=timezone.now())
        credential.refresh_from_db()
    assert (ours.suspended_at, theirs.suspended_at) == (NOW, None)
    told = [(event.type, event.sequence, event.actor) for event in ours.events.all()]
    assert told[1:] == [
        ("security.suspicious_activity", 2, "suspicion"),
        ("credential.suspended", 3, "suspicion"),
    ]


def test_what_has_ended_is_no_longer_suspected(acme: Account) -> None:
    revoked, expired = factories.credential(acme), factories.credential(acme)
    lifecycle.revoke(revoked, actor="test")
    Credential.objects.filter(pk=expired.pk).update(expires_at=NOW)
    for credential in (revoked, expired):
        assert not report(credential, rule=RULE, now=timezone.now())
        assert events(credential) == []


def test_the_message_names_the_rule_and_its_threshold(acme: Account) -> None:
    acme.suspicion_thresholds = {"claims_while_in_use": [3, 60]}
    acme.save()
    credential = factories.credential(acme)
    report(credential, rule=RULE, now=timezone.now())
    [event] = events(credential)
    event.data["suspicion"]["address"] = "192.0.2.1"
    data = json.loads(payloads.body(event))["data"]
    assert data["suspicion"] == {"rule": "claims_while_in_use", "uses": 3, "seconds": 60}
    assert list(data)[:-1] == ["account_id", "credential", "person_id", "system_id", "sequence", "actor"]


def test_an_account_has_thresholds_of_its_own(acme: Account, globex: Account) -> None:
    acme.suspicion_thresholds = {"claims_while_in_use": [3, 60]}
    assert threshold(acme, RULE) == Threshold(uses=3, seconds=60)
    assert threshold(acme, Rule.TOO_MANY_DEVICES) == DEFAULTS[Rule.TOO_MANY_DEVICES]
    assert threshold(globex, RULE) == DEFAULTS[RULE]


def test_every_rule_has_a_default_that_an_account_could_have_set() -> None:
    assert [*DEFAULTS] == [*Rule]
    check_thresholds({rule: list(pair) for rule, pair in DEFAULTS.items()})
    check_thresholds({})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "must be an object"),
        ([["claims_while_in_use", 1, 60]], "must be an object"),
        ({"guess": [1, 60]}, "“guess” is no rule; there are opened_from_many_networks,"),
        ({RULE: 5}, "needs two whole numbers"),
        ({RULE: [5]}, "needs two whole numbers"),
        ({RULE: [5, 60, 1]}, "needs two whole numbers"),
        ({RULE: [5, "60"]}, "needs two whole numbers"),
        ({RULE: [5.0, 60]}, "needs two whole numbers"),
        ({RULE: [True, 60]}, "needs two whole numbers"),
        ({RULE: [0, 60]}, "The uses of “claims_while_in_use” must be between 1 and 10000."),
        ({RULE: [10_001, 60]}, "The uses of"),
        ({RULE: [5, 59]}, "The seconds of “claims_while_in_use” must be between 60 and 2592000."),
        ({RULE: [5, suspicion.LONGEST + 1]}, "The seconds of"),
    ],
)
def test_thresholds_that_say_nothing_are_refused_in_words(value: object, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        check_thresholds(value)
    assert refused.value.field == "suspicion_thresholds"
