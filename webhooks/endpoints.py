"""The verbs on endpoints; each leaves its event in the audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from credentials.errors import Conflict, Invalid, NotFound
from credentials.event_types import PUBLIC_EVENT_TYPES, EventType
from credentials.models import Account, Event
from credentials.timestamps import rfc3339
from webhooks import breaker, deliveries, endpoint_secrets
from webhooks.addresses import configured_policy
from webhooks.models import Delivery, DisabledReason, Endpoint, SignatureScheme
from webhooks.targets import RefusedURL, check_url
from webhooks.trail import record_for_endpoint

MOST_ENDPOINTS = 50
OVERLAP = timedelta(days=1)
LONGEST_OVERLAP = timedelta(days=7)


def create_endpoint(
    account: Account,
    *,
    url: str,
    actor: str,
    description: str = "",
    event_types: Iterable[str] = (),
    fifo: bool = False,
    signature_scheme: str = SignatureScheme.V1,
) -> tuple[Endpoint, str | None]:
    """A new endpoint and its signing secret, which nobody can read again afterwards; `v1a` has none.

    Raises `Invalid` for a URL that webhooks may not reach and for an unknown type of event, and `Conflict`
    when the account has as many endpoints as it may have.
    """
    endpoint = Endpoint(account=account, description=description, fifo=fifo)
    endpoint.url, endpoint.event_types = _reachable(url), _known(event_types)
    endpoint.signature_scheme = SignatureScheme(signature_scheme)
    with transaction.atomic():
        _check_room(account)
        endpoint.save()
        secret = endpoint_secrets.mint(endpoint)
        _record(EventType.WEBHOOK_ENDPOINT_CREATED, endpoint, actor=actor)
    return endpoint, secret


def update_endpoint(
    endpoint: Endpoint,
    *,
    actor: str,
    url: str | None = None,
    description: str | None = None,
    event_types: Iterable[str] | None = None,
    fifo: bool | None = None,
    signature_scheme: str | None = None,
    enabled: bool | None = None,
) -> Endpoint:
    """Changes what is not None; raises as creation does.

    Another scheme mints another key, and `Invalid` is raised where its secret would have to be shown.
    """
    wanted = {
        "url": None if url is None else _reachable(url),
        "description": description,
        "event_types": None if event_types is None else _known(event_types),
        "fifo": fifo,
    }
    with transaction.atomic():
        endpoint = _held(endpoint)
        _change(endpoint, wanted=wanted, actor=actor)
        if signature_scheme not in (None, endpoint.signature_scheme):
            endpoint = _sign_asymmetrically(endpoint, actor=actor)
        if enabled is not None:
            switch = enable_endpoint if enabled else disable_endpoint
            endpoint = switch(endpoint, actor=actor)
    return endpoint


def disable_endpoint(
    endpoint: Endpoint, *, actor: str, reason: DisabledReason = DisabledReason.BY_HAND
) -> Endpoint:
    """Sends nothing to it from now on; what is on its way is cancelled. Disabled already: changes nothing."""
    with transaction.atomic():
        endpoint = _held(endpoint)
        if endpoint.enabled:
            endpoint.disabled_at, endpoint.disabled_reason = timezone.now(), reason
            endpoint.paused_until = None
            endpoint.save()
            deliveries.cancel_pending(endpoint, now=endpoint.disabled_at)
            since = rfc3339(endpoint.failing_since)
            _record(
                EventType.WEBHOOK_ENDPOINT_DISABLED, endpoint, actor=actor, reason=reason, failing_since=since
            )
    return endpoint


def enable_endpoint(endpoint: Endpoint, *, actor: str) -> Endpoint:
    """Sends to it again what happens from now on, and at once if it is paused. Enabled already: no event."""
    with transaction.atomic():
        endpoint = _held(endpoint)
        if endpoint.enabled:
            deliveries.try_at_once(endpoint, now=timezone.now())
            return endpoint
        endpoint.disabled_at, endpoint.disabled_reason = None, ""
        breaker.succeed(endpoint)
        endpoint.save()
        _record(EventType.WEBHOOK_ENDPOINT_UPDATED, endpoint, actor=actor, changed=["enabled"])
    return endpoint


def delete_endpoint(endpoint: Endpoint, *, actor: str) -> None:
    """Forgets its secrets and cancels what is on its way; what was delivered stays on record."""
    with transaction.atomic():
        endpoint = _held(endpoint)
        endpoint.deleted_at = timezone.now()
        endpoint.save()
        endpoint.secrets.all().delete()
        deliveries.cancel_pending(endpoint, now=endpoint.deleted_at)
        _record(EventType.WEBHOOK_ENDPOINT_DELETED, endpoint, actor=actor)


def rotate_secret(
    endpoint: Endpoint, *, actor: str, overlap: timedelta = OVERLAP, signature_scheme: str | None = None
) -> tuple[Endpoint, str | None]:
    """A new signing key; its secret is shown once, and with `v1a` there is none to show.

    For `overlap`, messages carry the signatures of the former keys too. Raises `Conflict` when those would
    be more than fit into a header.
    """
    with transaction.atomic():
        endpoint = _held(endpoint)
        endpoint.signature_scheme = SignatureScheme(signature_scheme or endpoint.signature_scheme)
        endpoint.save()
        secret = endpoint_secrets.rotate(endpoint, overlap=overlap, now=timezone.now())
        _record(
            EventType.WEBHOOK_SECRET_ROTATED,
            endpoint,
            actor=actor,
            signature_scheme=endpoint.signature_scheme,
            overlap_seconds=int(overlap.total_seconds()),
        )
    return endpoint, secret


def send_test(endpoint: Endpoint, *, actor: str) -> Delivery:
    """A `webhook.test` message to this endpoint alone; it ends a pause. Raises `Conflict` while disabled."""
    with transaction.atomic():
        endpoint = _held(endpoint)
        if not endpoint.enabled:
            raise Conflict("This endpoint is disabled; enable it first.")
        event = _record(EventType.WEBHOOK_TEST, endpoint, actor=actor)
        now = event.created_at
        deliveries.try_at_once(endpoint, now=now)
        return Delivery.objects.create(event=event, endpoint=endpoint, is_test=True, next_attempt_at=now)


def _check_room(account: Account) -> None:
    # Held, so that two who ask at once are counted one after the other.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if Endpoint.objects.present().filter(account=account).count() >= MOST_ENDPOINTS:
        raise Conflict(f"An account has at most {MOST_ENDPOINTS} webhook endpoints.")


def _reachable(url: str) -> str:
    try:
        return check_url(url, policy=configured_policy())
    except RefusedURL as refusal:
        raise Invalid("url", f"The URL {refusal}.") from None


def _known(event_types: Iterable[str]) -> list[str]:
    """The named types, each once and in the contract's order."""
    wanted = set(event_types)
    unknown = sorted(wanted.difference(PUBLIC_EVENT_TYPES))
    if unknown:
        raise Invalid("event_types", f"There is no type of event called {', '.join(unknown)}.")
    return [str(event_type) for event_type in PUBLIC_EVENT_TYPES if event_type in wanted]


def _change(endpoint: Endpoint, *, wanted: Mapping[str, object], actor: str) -> None:
    changed = [
        name for name, value in wanted.items() if value is not None and value != getattr(endpoint, name)
    ]
    if changed:
        for name in changed:
            setattr(endpoint, name, wanted[name])
        if "url" in changed:
            # Another receiver, of which nothing is known yet.
            deliveries.try_at_once(endpoint, now=timezone.now())
            breaker.succeed(endpoint)
        endpoint.save()
        _record(EventType.WEBHOOK_ENDPOINT_UPDATED, endpoint, actor=actor, changed=sorted(changed))


def _sign_asymmetrically(endpoint: Endpoint, *, actor: str) -> Endpoint:
    if endpoint.signature_scheme == SignatureScheme.V1A:
        # A change is answered with the endpoint as everybody may see it.
        sentence = "To go back to v1, rotate the secret with this scheme: that answer shows the new secret."
        raise Invalid("signature_scheme", sentence)
    return rotate_secret(endpoint, actor=actor, signature_scheme=SignatureScheme.V1A)[0]


def _held(endpoint: Endpoint) -> Endpoint:
    """The endpoint's row as it is now, held until the transaction ends. Raises `NotFound` once deleted."""
    rows = Endpoint.objects.present().select_related("account").select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=endpoint.pk).first()
    if found is None:
        raise NotFound("This endpoint has been deleted.")
    return found


def _record(event_type: EventType, endpoint: Endpoint, *, actor: str, **data: object) -> Event:
    return record_for_endpoint(event_type, endpoint, actor=actor, now=timezone.now(), **data)
