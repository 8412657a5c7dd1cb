"""The certificates that accounts sign and push with: imported, kept encrypted, replaced without a restart."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import lru_cache
from smtplib import SMTPException

from django.core import mail
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from credentials.encryption import decrypt, encrypt
from credentials.errors import Invalid, Unavailable
from credentials.event_types import EventType
from credentials.events import record
from credentials.models import Account, CredentialType
from credentials.timestamps import rfc3339
from redemption.apple import certificates
from redemption.apple.certificates import CertificateRefused, PassCertificate
from redemption.apple.signing import SigningIdentity
from redemption.models import AppleIdentity, ApplePassType

logger = logging.getLogger(__name__)

# When to warn before a certificate ends.
EXPIRY_NOTICE = timedelta(days=30)


def import_identity(
    account: Account,
    *,
    actor: str,
    p12: bytes | None = None,
    password: str = "",
    certificate: bytes | None = None,
    key: bytes | None = None,
    wwdr: bytes | None = None,
) -> AppleIdentity:
    """Checks and stores a PKCS #12 file, or a certificate and its key; used from the next pass on.

    Raises `Invalid` naming the input at fault. The same certificate twice is one identity.
    """
    checked = _read(p12, password=password, certificate=certificate, key=key, wwdr=wwdr)
    return store_identity(account, checked, actor=actor)


def store_identity(account: Account, checked: PassCertificate, *, actor: str) -> AppleIdentity:
    """Keeps a certificate that was found good. Raises `Invalid` when its pass type is another's."""
    with transaction.atomic():
        pass_type = _pass_type(account, checked)
        identity, is_new = AppleIdentity.objects.get_or_create(
            fingerprint=checked.fingerprint, defaults={"pass_type": pass_type, **_columns(checked)}
        )
        if is_new:
            # A refusal by Apple was about the former certificate.
            ApplePassType.objects.filter(pk=pass_type.pk).update(push_refused_at=None, push_refusal="")
            record(
                EventType.APPLE_IDENTITY_IMPORTED,
                account=account,
                actor=actor,
                now=timezone.now(),
                data={
                    "pass_type_identifier": checked.pass_type_identifier,
                    "fingerprint": checked.fingerprint,
                    "not_after": rfc3339(checked.not_after),
                },
            )
    return identity


def pass_type_for(credential_type: CredentialType) -> ApplePassType:
    """The pass type of a design: the one it names, else the account's first that can sign now.

    Raises `Unavailable` when there is none: what is promised must also be signed.
    """
    identity = (
        valid_identities(credential_type).select_related("pass_type").order_by("pass_type", "-pk").first()
    )
    if identity is None:
        raise Unavailable("No valid Apple certificate is set up for this pass.")
    return identity.pass_type


def valid_identities(credential_type: CredentialType) -> QuerySet[AppleIdentity]:
    """The certificates that could sign a pass of this design now."""
    valid = _valid().filter(pass_type__account=credential_type.account_id)
    if named := credential_type.apple_pass_type_identifier:
        return valid.filter(pass_type__pass_type_identifier=named)
    return valid


def current_identity(pass_type: ApplePassType) -> AppleIdentity:
    """The newest certificate that is valid now. Raises `Unavailable` when none is."""
    identity = _valid().filter(pass_type=pass_type).order_by("-pk").first()
    if identity is None:
        raise Unavailable("The Apple certificate of this pass is not valid at the moment.")
    return identity


def signing_identity(pass_type: ApplePassType) -> SigningIdentity:
    """The current certificate, loaded; the key is opened once per process. One query."""
    identity = current_identity(pass_type)
    return _load(identity.fingerprint, identity.certificate, bytes(identity.private_key), identity.wwdr)


def private_key_pem(identity: AppleIdentity) -> bytes:
    """The key in clear, PKCS #8 PEM: for the moment of use only."""
    return decrypt(bytes(identity.private_key), purpose=_purpose(identity.fingerprint))


def warn_of_expiry() -> int:
    """Records and mails, once each, that an account's newest certificate ends soon; how many there were."""
    now = timezone.now()
    warned = 0
    ending = AppleIdentity.objects.filter(not_after__lt=now + EXPIRY_NOTICE, expiry_warned_at=None)
    for identity in ending.select_related("pass_type__account"):
        # Replaced already: nothing will be signed with it.
        if identity.pass_type.identities.filter(not_after__gt=identity.not_after).exists():
            continue
        try:
            warned += _warn(identity, now=now)
        except (SMTPException, OSError, ValueError) as error:
            # One account's address must not keep the others from being warned; this one is, at the next look.
            logger.warning("a warning of expiry could not be mailed: %s", type(error).__name__)
    return warned


@transaction.atomic
def _warn(identity: AppleIdentity, *, now: datetime) -> bool:
    if not AppleIdentity.objects.filter(pk=identity.pk, expiry_warned_at=None).update(expiry_warned_at=now):
        return False
    account = identity.pass_type.account
    data = {"pass_type_identifier": str(identity.pass_type), "not_after": rfc3339(identity.not_after)}
    record(EventType.APPLE_IDENTITY_EXPIRING, account=account, actor="clock", now=now, data=data)
    logger.warning(
        "the Apple certificate of %s expires on %s", identity.pass_type, f"{identity.not_after:%Y-%m-%d}"
    )
    if account.contact_email:
        mail.send_mail(
            f"The Apple certificate of {account.name} expires on {identity.not_after:%d %B %Y}",
            f"After that day no pass of {identity.pass_type} can be issued or updated.\n\n"
            "Create a new certificate for the same pass type identifier at developer.apple.com, and\n"
            "import it in the admin or with manage.py import_apple_identity. Passes in wallets go on\n"
            "working.\n",
            None,
            [account.contact_email],
        )
    return True


def _valid() -> QuerySet[AppleIdentity]:
    now = timezone.now()
    return AppleIdentity.objects.filter(not_before__lte=now, not_after__gt=now)


def _read(
    p12: bytes | None, *, password: str, certificate: bytes | None, key: bytes | None, wwdr: bytes | None
) -> PassCertificate:
    now = timezone.now()
    try:
        if p12 is not None:
            return certificates.read_pkcs12(p12, password=password, wwdr=wwdr, now=now)
        if certificate is None:
            raise Invalid("certificate", "Give a PKCS #12 file, or a certificate and its key.")
        if key is None:
            raise Invalid("key", "The certificate needs its private key.")
        return certificates.read_pem(certificate, key=key, password=password, wwdr=wwdr, now=now)
    except CertificateRefused as refusal:
        raise Invalid(refusal.field, str(refusal)) from refusal


def _pass_type(account: Account, checked: PassCertificate) -> ApplePassType:
    pass_type, _ = ApplePassType.objects.get_or_create(
        pass_type_identifier=checked.pass_type_identifier,
        defaults={"account": account, "team_identifier": checked.team_identifier},
    )
    if pass_type.account_id != account.pk:
        raise Invalid("certificate", f"{checked.pass_type_identifier} belongs to another account.")
    if pass_type.team_identifier != checked.team_identifier:
        raise Invalid(
            "certificate", f"{checked.pass_type_identifier} belongs to team {pass_type.team_identifier}."
        )
    return pass_type


def _columns(checked: PassCertificate) -> dict[str, object]:
    return {
        "certificate": checked.certificate_pem.decode(),
        "private_key": encrypt(checked.key_pem, purpose=_purpose(checked.fingerprint)),
        "wwdr": checked.wwdr_pem.decode(),
        "not_before": checked.not_before,
        "not_after": checked.not_after,
        "nfc": checked.nfc,
    }


@lru_cache(maxsize=256)
def _load(fingerprint: str, certificate: str, private_key: bytes, wwdr: str) -> SigningIdentity:
    key_pem = decrypt(private_key, purpose=_purpose(fingerprint))
    return SigningIdentity.load(certificate.encode(), key_pem, wwdr.encode())


def _purpose(fingerprint: str) -> str:
    return f"Apple identity {fingerprint}"
