"""What an admin may order about a credential."""

from __future__ import annotations

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.utils import timezone

from credentials import invitations, issuing, lifecycle, reopening
from credentials.admin.orders import Order
from credentials.models import Credential
from credentials.states import LIVE


class ExpiryForm(forms.Form):
    """Until when."""

    expires_at = forms.SplitDateTimeField(
        required=False, widget=AdminSplitDateTime, help_text="Empty: it does not end by itself."
    )


def _is_live(credential: Credential) -> bool:
    return credential.state in LIVE and not credential.has_expired(timezone.now())


ORDERS = (
    Order[Credential](
        name="url",
        label="New URL",
        question="The former redemption URL stops working at once, with whatever it has offered. "
        "The new one is shown on the next page, and only there.",
        done="",
        carry_out=issuing.renew_url,
        applies=_is_live,
    ),
    Order[Credential](
        name="email",
        label="Send by e-mail",
        question="The person gets a mail with a new redemption URL; the former one stops working then.",
        done="The mail is on its way.",
        carry_out=invitations.invite,
        applies=lambda credential: _is_live(credential) and bool(credential.person.email),
    ),
    Order[Credential](
        name="reopen",
        label="Let the URL work again",
        question="The person's present redemption URL adds a pass again, although one was removed.",
        done="The URL works again.",
        carry_out=reopening.reopen,
        applies=lambda credential: _is_live(credential) and credential.is_closed(timezone.now()),
    ),
    Order[Credential](
        name="expiry",
        label="Change end",
        question="From this moment on the credential cannot be used or redeemed any more.",
        done="The end has been changed.",
        carry_out=issuing.set_expiry,
        applies=_is_live,
        form=ExpiryForm,
    ),
    Order[Credential](
        name="suspend",
        label="Suspend",
        question="Passes stay in their wallets but do not work until the credential is resumed.",
        done="The credential is suspended.",
        carry_out=lifecycle.suspend,
        applies=lambda credential: _is_live(credential) and credential.suspended_at is None,
        is_for_many=True,
    ),
    Order[Credential](
        name="resume",
        label="Resume",
        question="Passes that are in a wallet work again.",
        done="The credential is resumed.",
        carry_out=lifecycle.resume,
        applies=lambda credential: _is_live(credential) and credential.suspended_at is not None,
        is_for_many=True,
    ),
    Order[Credential](
        name="revoke",
        label="Revoke",
        question="Its URL and all its passes stop working at once, for good. There is no way back.",
        done="The credential is revoked.",
        carry_out=lifecycle.revoke,
        applies=lambda credential: credential.state in LIVE,
        is_grave=True,
        is_for_many=True,
    ),
)
