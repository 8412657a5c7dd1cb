"""The scannable value of a wallet pass: derived from its serial, never stored."""

from __future__ import annotations

from functools import lru_cache

from credentials import tokens
from credentials.encryption import decrypt, encrypt
from credentials.models import Account, ValueKey, WalletPass


def value_of(wallet_pass: WalletPass) -> str:
    """What barcode and NFC of this pass say: 26 characters that no other pass has, and nobody can guess."""
    key = wallet_pass.value_key
    secret = _secret(bytes(key.secret), _purpose(key.account_id, key.version))
    return tokens.derive_value(secret, serial_number=wallet_pass.serial_number)


def current_value_key(account: Account) -> ValueKey:
    """The key for new passes of `account`; made on first use, once, however many ask at the same time."""
    newest = ValueKey.objects.filter(account=account).order_by("-version").first()
    if newest is not None:
        return newest
    secret = encrypt(tokens.mint_value_secret(), purpose=_purpose(account.pk, 1))
    ValueKey.objects.bulk_create([ValueKey(account=account, version=1, secret=secret)], ignore_conflicts=True)
    return ValueKey.objects.get(account=account, version=1)


def _purpose(account_id: int, version: int) -> str:
    return f"value key {account_id}:{version}"


# By ciphertext, so that a key that changes in the database changes here.
@lru_cache(maxsize=10_000)
def _secret(ciphertext: bytes, purpose: str) -> bytes:
    return decrypt(ciphertext, purpose=purpose)
