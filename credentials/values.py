"""The scannable value of a wallet pass: derived from its serial, never stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from credentials import tokens
from credentials.encryption import decrypt, encrypt
from credentials.models import Account, ValueKey, WalletPass
from credentials.models.designs import BarcodeFormat
from credentials.states import Wallet

# Google rotates no other barcodes.
ROTATING_FORMATS = (BarcodeFormat.QR, BarcodeFormat.PDF417)


@dataclass(frozen=True)
class Totp:
    """What makes the changing part of a rotating barcode (RFC 6238): a key in Base16, a period in seconds."""

    key: str = field(repr=False)
    algorithm: str = "SHA1"
    period: int = 30
    digits: int = 8


def value_of(wallet_pass: WalletPass) -> str:
    """What barcode and NFC of this pass say: 26 characters that no other pass has, and nobody can guess."""
    return tokens.derive_value(_secret_of(wallet_pass), serial_number=wallet_pass.serial_number)


def totp_of(wallet_pass: WalletPass) -> Totp | None:
    """What changes beside the value in the barcode of this pass; `None` where the barcode stays as it is."""
    design = wallet_pass.credential.credential_type
    rotates = design.google_rotating_barcode and design.barcode_format in ROTATING_FORMATS
    if wallet_pass.wallet != Wallet.GOOGLE or not rotates:
        return None
    return Totp(totp_key_of(wallet_pass))


def totp_key_of(wallet_pass: WalletPass) -> str:
    """The key of this pass's rotating barcode, 160 bits as Base16."""
    return tokens.derive_totp_key(_secret_of(wallet_pass), serial_number=wallet_pass.serial_number)


def current_value_key(account: Account) -> ValueKey:
    """The key for new passes of `account`; made on first use, once, however many ask at the same time."""
    newest = ValueKey.objects.filter(account=account).order_by("-version").first()
    if newest is not None:
        return newest
    secret = encrypt(tokens.mint_value_secret(), purpose=_purpose(account.pk, 1))
    ValueKey.objects.bulk_create([ValueKey(account=account, version=1, secret=secret)], ignore_conflicts=True)
    return ValueKey.objects.get(account=account, version=1)


def _secret_of(wallet_pass: WalletPass) -> bytes:
    key = wallet_pass.value_key
    return _secret(bytes(key.secret), _purpose(key.account_id, key.version))


def _purpose(account_id: int, version: int) -> str:
    return f"value key {account_id}:{version}"


# By ciphertext, so that a key that changes in the database changes here.
@lru_cache(maxsize=10_000)
def _secret(ciphertext: bytes, purpose: str) -> bytes:
    return decrypt(ciphertext, purpose=purpose)
