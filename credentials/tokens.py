"""Every secret string that PassFlow hands out: minted here, recognised here, kept as a digest only.

Nothing else in the project touches random bytes. Digests are plain SHA-256: each token holds at least
128 random bits, so there is nothing to stretch (OWASP ASVS 6.5.2), and a look-up by digest leaks no timing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import zlib

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Crockford's: no I, L, O, U, so that a URL survives being read aloud and copied by hand.
_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"

_URL_TOKEN_LENGTH = 26
_KEY_RANDOM = 30
_KEY_CHECKSUM = 6


def mint_url_token() -> str:
    """The secret part of a redemption URL: 26 characters of Crockford base 32, 130 bits."""
    return "".join(secrets.choice(_BASE32) for _ in range(_URL_TOKEN_LENGTH))


def is_url_token(text: str) -> bool:
    """Whether `text` has the shape of a redemption URL's secret, in either case."""
    return len(text) == _URL_TOKEN_LENGTH and text.isascii() and set(text.lower()) <= set(_BASE32)


def url_token_digest(token: str) -> bytes:
    """SHA-256 of the token in lower case, 32 bytes: the only form that is stored."""
    return digest(token.lower())


def mint_api_key(kind: str = "key") -> str:
    """`pf_<kind>_` + 30 random base 62 characters (178 bits) + 6 of CRC-32, so that a typo needs no query."""
    body = _random_base62(_KEY_RANDOM)
    return f"pf_{kind}_{body}{_checksum(body)}"


def is_api_key(text: str) -> bool:
    """Whether `text` has the shape and the checksum of a key that we minted."""
    prefix, _, rest = text.rpartition("_")
    body, checksum = rest[:-_KEY_CHECKSUM], rest[-_KEY_CHECKSUM:]
    return (
        prefix.startswith("pf_")
        and len(rest) == _KEY_RANDOM + _KEY_CHECKSUM
        and rest.isascii()
        and rest.isalnum()
        and hmac.compare_digest(_checksum(body), checksum)
    )


def mint_authentication_token() -> str:
    """A fresh `authenticationToken`, 256 bits in base64url (Apple asks for ≥ 16 characters)."""
    return secrets.token_urlsafe(32)


def first_authentication_token(url_token: str, *, serial_number: str) -> str:
    """The `authenticationToken` of a file fetched with `url_token`: the same at every fetch, stored nowhere.

    It is keyed by the bearer secret itself, so a GET can build the file again without writing, and neither
    the database nor any key of ours can produce it. The first update over the web service replaces it.
    """
    mac = hmac.digest(
        url_token.lower().encode(), b"apple authenticationToken " + serial_number.encode(), "sha256"
    )
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def mint_serial_number() -> str:
    """128 random bits as 32 hexadecimal digits: safe in Apple's URLs and in Google's object ids."""
    return secrets.token_hex(16)


def mint_public_id(length: int = 14) -> str:
    """A name for a row in public URLs: not a secret, but neither a counter that tells how many there are."""
    return _random_base62(length)


def mint_webhook_secret() -> str:
    """A Standard Webhooks signing secret: `whsec_` + base64 of 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def mint_webhook_seed() -> bytes:
    """32 random bytes that a webhook endpoint's Ed25519 key pair is made from (RFC 8032, section 5.1.5)."""
    return secrets.token_bytes(32)


def mint_value_secret() -> bytes:
    """32 random bytes that key the values of an account's passes."""
    return secrets.token_bytes(32)


def mint_password() -> str:
    """A password for a person to type once: 130 bits of Crockford base 32."""
    return mint_url_token()


def derive_value(secret: bytes, *, serial_number: str) -> str:
    """What a scanner reads off a pass: HMAC-SHA-256 over its serial, 26 characters of Crockford base 32.

    Short enough for a QR code, Code 128 and the 64 bytes of an NFC message, and useless without the key.
    """
    number = int.from_bytes(hmac.digest(secret, serial_number.encode(), "sha256"))
    return "".join(_BASE32[(number >> shift) & 31] for shift in range(0, 26 * 5, 5))


def derive_totp_key(secret: bytes, *, serial_number: str) -> str:
    """The key from which a pass's one-time codes are made, 160 bits as Base16 (RFC 4226, section 4, R6).

    Whoever has read the value off the pass learns nothing about it.
    """
    return hmac.digest(secret, b"totp key " + serial_number.encode(), "sha256")[:20].hex().upper()


def digest(token: str) -> bytes:
    """SHA-256 of `token` as UTF-8, 32 bytes."""
    return hashlib.sha256(token.encode()).digest()


def _random_base62(length: int) -> str:
    # One number for all digits: a choice for each costs five times as much, and every row has a name.
    number, digits = secrets.randbelow(62**length), ""
    for _ in range(length):
        number, remainder = divmod(number, 62)
        digits += _BASE62[remainder]
    return digits


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_KEY_CHECKSUM):
        number, remainder = divmod(number, 62)
        digits = _BASE62[remainder] + digits
    return digits
