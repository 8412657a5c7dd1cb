"""The .pkpass of a wallet pass: for the browser that claimed it, and for the devices that update it."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.utils import timezone

from credentials import tokens
from credentials.designs import image_files
from credentials.errors import Gone, NotFound
from credentials.models import Credential, CredentialType
from credentials.pass_fields import read_fields
from redemption import access, offers
from redemption.apple import pass_content
from redemption.apple.design import PassDesign
from redemption.apple.identities import signing_identity
from redemption.apple.pass_content import ApplePassFacts, PreparedDesign
from redemption.models import ApplePass
from redemption.pass_facts import facts_of


def offered_file(found: access.Visit, *, token: str, serial_number: str) -> bytes:
    """The file of an open offer, for whoever visits with the URL's token; nothing is written.

    Raises `NotFound`, `Gone` when the offer or the URL has ended, `Unavailable` without a certificate.
    """
    apple_pass = _offered(found.credential, serial_number)
    if found.standing != access.Standing.READY or not offers.is_fresh(
        apple_pass.wallet_pass, now=timezone.now()
    ):
        raise Gone("This file was offered for ten minutes. Open the link again for another.")
    first = tokens.first_authentication_token(token, serial_number=serial_number)
    return pack(apple_pass, authentication_token=first)


def pack(apple_pass: ApplePass, *, authentication_token: str) -> bytes:
    """The signed pass as it is to be seen now, with the token its devices shall use from here on."""
    wallet_pass = apple_pass.wallet_pass
    credential = wallet_pass.credential
    now = timezone.now()
    facts = ApplePassFacts(
        **vars(facts_of(wallet_pass, now=now)),
        authentication_token=authentication_token,
        web_service_url=f"{settings.BASE_URL}/apple",
    )
    kind = credential.credential_type
    design = prepared_design(kind, kind.version, kind.organization_name or credential.account.name)
    identity = signing_identity(apple_pass.pass_type)
    return pass_content.fill(design, facts, identity=identity).pack(signed_at=now)


def _offered(credential: Credential, serial_number: str) -> ApplePass:
    if not serial_number.isalnum():
        raise NotFound("There is no such file.")
    rows = ApplePass.objects.select_related("pass_type", "wallet_pass__value_key")
    found = rows.filter(wallet_pass__credential=credential, wallet_pass__serial_number=serial_number).first()
    if found is None:
        raise NotFound("There is no such file.")
    # The same person, type and account as the visit's: no need to ask for them again.
    found.wallet_pass.credential = credential
    return found


# Keyed by version and name, so that what was changed is prepared anew in every process.
@lru_cache(maxsize=512)
def prepared_design(credential_type: CredentialType, version: int, organization_name: str) -> PreparedDesign:
    """A credential type's design, with its images hashed and laid out; once per version and process."""
    del version
    return pass_content.prepare(
        PassDesign(
            style=credential_type.style,
            organization_name=organization_name,
            description=credential_type.description or credential_type.label,
            logo_text=credential_type.logo_text,
            background_color=credential_type.background_color,
            foreground_color=credential_type.foreground_color,
            label_color=credential_type.label_color,
            fields=read_fields(credential_type.fields),
            transit_type=credential_type.transit_type,
            barcode_format=credential_type.barcode_format,
            barcode_alt_text=credential_type.barcode_alt_text,
            nfc_public_key=credential_type.nfc_public_key,
            nfc_requires_authentication=credential_type.nfc_requires_authentication,
            sharing_prohibited=credential_type.sharing_prohibited,
            user_info=credential_type.user_info,
            localizations=credential_type.localizations,
            images=image_files(credential_type),
        )
    )
