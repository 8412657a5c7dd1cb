"""The only door from a bearer URL to a credential.

Every wrong token, malformed, unknown or another installation's, meets the same `NotFound`. Every page,
file and claim asks here, and dates bind here at once: nothing waits for a sweep to have recorded them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery, TextChoices
from django.utils import timezone

from credentials import tokens
from credentials.errors import Gone, InUse, NotFound, Suspended
from credentials.models import Credential, RedemptionUrl, WalletPass
from credentials.prepared import Lookup
from credentials.states import PassState, State, Wallet
from redemption import wallets


class Standing(TextChoices):
    """What a redemption URL is good for at this moment; the page carries it as `data-state`."""

    READY = "ready"  # the passholder may claim
    IN_USE = "in_use"  # a pass is in a wallet; nothing else can be added
    SUSPENDED = "suspended"  # held back for now: by the issuer, or after a removal
    REPLACED = "replaced"  # a newer URL was issued
    REVOKED = "revoked"  # withdrawn for good
    EXPIRED = "expired"  # the credential or the URL is past its end


ENDED = (Standing.REPLACED, Standing.REVOKED, Standing.EXPIRED)


@dataclass(frozen=True)
class Visit:
    """Somebody presented a URL that we issued: what it belongs to and what it is good for."""

    credential: Credential
    standing: Standing
    # The URL was ended by the removal of its pass: no newer one need be out.
    used_up: bool = False
    # Where the pass is now, and where it could go.
    installed_wallet: Wallet | None = None
    offered: tuple[Wallet, ...] = ()


def visit(token: str) -> Visit:
    """Opens the door, in one query. Raises `NotFound` for whatever is not a token that we issued."""
    return _open(token, _URLS)


def glance(token: str) -> Visit:
    """As `visit`, with no more than the page says: everybody does this, and often."""
    return _open(token, _GLANCED)


def claimable(token: str) -> Visit:
    """The visit of somebody who may take a pass now, with the credential locked until the transaction ends.

    Raises `NotFound`, `InUse` while a pass is in a wallet, `Suspended` while the issuer holds the credential
    back, and `Gone` once it ended.
    """
    credential = visit(token).credential
    Credential.objects.select_for_update(no_key=True).get(pk=credential.pk)
    # Asked again under the lock: whoever held it before may have changed the answer.
    found = visit(token)
    if found.standing in ENDED:
        raise Gone("This link has ended.")
    if found.standing == Standing.SUSPENDED:
        raise Suspended("This pass is suspended at the moment.")
    if found.standing == Standing.IN_USE:
        raise InUse("This pass is already in a wallet.")
    return found


def _open(token: str, urls: Lookup[RedemptionUrl]) -> Visit:
    # What cannot be a token is looked up all the same: an answer that came sooner would tell of it.
    url = urls.get(tokens.url_token_digest(token))
    if url is None or not tokens.is_url_token(token):
        raise NotFound("There is no such link.")
    return _visit(url, now=timezone.now())


def _visit(url: RedemptionUrl, *, now: datetime) -> Visit:
    credential, found = url.credential, vars(url)
    standing = _standing(url, now)
    set_up = {Wallet.APPLE: found["apple_set_up"], Wallet.GOOGLE: found["google_set_up"]}
    enabled = wallets.enabled(credential.credential_type)
    return Visit(
        credential,
        standing,
        used_up=_is_used_up(url),
        installed_wallet=Wallet(found["installed_wallet"]) if found["installed_wallet"] else None,
        offered=tuple(wallet for wallet in Wallet if set_up[wallet] and enabled[wallet]),
    )


def _urls() -> QuerySet[RedemptionUrl]:
    """Each with all that a page or a claim asks of it."""
    installed = WalletPass.objects.filter(credential=OuterRef("credential"), state=PassState.INSTALLED)
    kind = "credential__credential_type"
    return (
        RedemptionUrl.objects.order_by()
        .select_related("credential__person", kind, "credential__account__branding")
        .defer("credential__account__branding__logo")
        .annotate(
            installed_wallet=Subquery(installed.values("wallet")[:1]),
            apple_set_up=wallets.set_up(Wallet.APPLE, kind=kind),
            google_set_up=wallets.set_up(Wallet.GOOGLE, kind=kind),
        )
    )


def _glanced_urls() -> QuerySet[RedemptionUrl]:
    """With the columns that a page needs; any other would be asked for by a query of its own."""
    columns = {
        "": ("replaced_at",),
        "credential__": (
            *("state", "suspended_at", "awaits_approval", "reopens_at", "expires_at", "url_expires_at"),
            *("added_to_wallet_at", "removed_from_wallet_at", "revoked_at"),
        ),
        "credential__person__": (
            *("first_name", "last_name", "email", "system_id"),
            *("enabled", "valid_from", "valid_to"),
        ),
        "credential__credential_type__": ("label", "version", "apple_enabled", "google_enabled"),
        "credential__account__": (
            *("name", "language", "suspicion_thresholds"),
            *("reopening", "reopening_pause"),
        ),
        "credential__account__branding__": (
            *("logo_digest", "accent_color", "texts"),
            *("contact_email", "contact_phone", "contact_url"),
        ),
    }
    return _urls().only(*(f"{path}{name}" for path, names in columns.items() for name in names))


_URLS = Lookup(_urls, column="digest")
_GLANCED = Lookup(_glanced_urls, column="digest")


def _standing(url: RedemptionUrl, now: datetime) -> Standing:
    """One condition a line; the first that holds is what the passholder is told."""
    credential = url.credential
    if credential.state == State.REVOKED:
        return Standing.REVOKED
    if credential.has_expired(now):
        return Standing.EXPIRED
    if _is_replaced(url):
        return Standing.REPLACED
    if credential.url_expires_at is not None and credential.url_expires_at <= now:
        return Standing.EXPIRED
    if credential.is_suspended(now):
        return Standing.SUSPENDED
    if credential.state == State.ADDED_TO_WALLET:
        return Standing.IN_USE
    if credential.is_closed(now):
        return Standing.SUSPENDED
    return Standing.READY


def _is_replaced(url: RedemptionUrl) -> bool:
    """What the removal of its pass has ended says so only until a wallet reports that pass again."""
    if _is_used_up(url) and url.credential.state == State.ADDED_TO_WALLET:
        return False
    return url.replaced_at is not None


def _is_used_up(url: RedemptionUrl) -> bool:
    return url.replaced_at is not None and url.replaced_at == url.credential.removed_from_wallet_at
