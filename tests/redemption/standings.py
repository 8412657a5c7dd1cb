"""A redemption URL in every standing that it can have, by what leads there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.apps import apps
from django.db import transaction
from django.utils import timezone

from credentials import issuing, lifecycle
from credentials.models import Account, Credential, Person, WalletPass
from credentials.models.accounts import Reopening
from credentials.states import Evidence, Wallet
from tests import factories


def path_of(url: str) -> str:
    """The path of a redemption URL."""
    return f"/passes/{factories.url_token(url)}"


def ready(account: Account) -> str:
    """The path of a URL that was issued a moment ago."""
    return path_of(factories.credential_and_url(account)[1])


def in_use(account: Account, *, wallet: Wallet = Wallet.APPLE) -> str:
    """The path of a URL whose pass is in a wallet."""
    credential, url = factories.credential_and_url(account)
    install(credential, wallet=wallet)
    return path_of(url)


def suspended(account: Account) -> str:
    """The path of a URL whose credential the issuer holds back."""
    credential, url = factories.credential_and_url(account)
    lifecycle.suspend(credential, actor="test")
    return path_of(url)


def early(account: Account) -> str:
    """The path of a URL whose holder may use passes from a day to come."""
    return _held_between(account, valid_from=timezone.now() + timedelta(days=9))


def over(account: Account) -> str:
    """The path of a URL whose holder may use passes no more."""
    return _held_between(account, valid_to=timezone.now() - timedelta(days=9))


def revoked(account: Account) -> str:
    """The path of a URL whose credential was withdrawn."""
    credential, url = factories.credential_and_url(account)
    lifecycle.revoke(credential, actor="test")
    return path_of(url)


def expired(account: Account) -> str:
    """The path of a URL whose credential has ended, which no sweep has recorded."""
    credential, url = factories.credential_and_url(account)
    Credential.objects.filter(pk=credential.pk).update(expires_at=timezone.now() - timedelta(days=1))
    return path_of(url)


def replaced(account: Account) -> str:
    """The path of a URL after which another was issued."""
    credential, url = factories.credential_and_url(account)
    issuing.renew_url(credential, actor="test")
    return path_of(url)


def in_use_under(policy: Reopening) -> Callable[[Account], str]:
    """The path of a URL whose pass is in a wallet, under a policy of re-opening."""
    return lambda account: in_use(_with(account, policy))


def removed_under(policy: Reopening) -> Callable[[Account], str]:
    """The path of a URL whose pass was removed, under a policy of re-opening."""

    def path(account: Account) -> str:
        credential, url = factories.credential_and_url(_with(account, policy))
        install(credential)
        with transaction.atomic():
            held = WalletPass.objects.held().get(credential=credential)
            lifecycle.remove_from_wallet(held, devices=0, actor="test")
        return path_of(url)

    return path


def ended_link(account: Account) -> str:
    """The path of a URL that worked for a limited time."""
    credential, url = factories.credential_and_url(account)
    Credential.objects.filter(pk=credential.pk).update(url_expires_at=datetime(2026, 3, 8, tzinfo=UTC))
    return path_of(url)


def almost_ready(account: Account) -> str:
    """The path of a URL whose pass is meant for no wallet yet."""
    kind = factories.credential_type(account, apple_enabled=False, google_enabled=False)
    return path_of(factories.credential_and_url(account, credential_type=kind)[1])


STANDINGS: dict[str, tuple[Callable[[Account], str], int]] = {
    "ready": (ready, 200),
    "in_use": (in_use, 200),
    "suspended": (suspended, 200),
    "revoked": (revoked, 410),
    "expired": (expired, 410),
    "replaced": (replaced, 410),
}


def _with(account: Account, policy: Reopening) -> Account:
    Account.objects.filter(pk=account.pk).update(reopening=policy, reopening_pause=timedelta(hours=6))
    return Account.objects.get(pk=account.pk)


def _held_between(account: Account, **dates: datetime) -> str:
    credential, url = factories.credential_and_url(account)
    Person.objects.filter(pk=credential.person_id).update(**dates)
    return path_of(url)


# Why a URL stands as it does, where that has words of its own.
REASONS: dict[str, Callable[[Account], str]] = {
    **{f"in_use_{policy}": in_use_under(policy) for policy in Reopening if policy != Reopening.AT_ONCE},
    "early": early,
    "over": over,
    "pause": removed_under(Reopening.AFTER_PAUSE),
    "approval": removed_under(Reopening.APPROVAL),
    "used_up": removed_under(Reopening.FRESH_URL),
    "ended_link": ended_link,
    "almost_ready": almost_ready,
}


def install(credential: Credential, *, wallet: Wallet = Wallet.APPLE) -> None:
    """A wallet reports a pass of it."""
    report(factories.wallet_pass(credential, wallet=wallet))


def report(wallet_pass: WalletPass) -> None:
    """A wallet reports the pass."""
    with transaction.atomic():
        held = WalletPass.objects.held().get(pk=wallet_pass.pk)
        lifecycle.add_to_wallet(held, devices=1, by=Evidence.REGISTRATION, actor="test")


def every_row() -> dict[str, list[dict[str, object]]]:
    """All that the database holds."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values()) for model in apps.get_models()
    }
