"""How fast whole passes are made, against nothing but the RSA signature, which no pass can do without."""

from __future__ import annotations

import io
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from PIL import Image
from wallet.models import Barcode, Generic, Pass  # type: ignore[import-untyped]

from credentials.pass_fields import PassField
from redemption.apple.design import PassDesign
from redemption.apple.development_ca import DevelopmentCA, IssuedCertificate, create_development_ca
from redemption.apple.pass_content import ApplePassFacts, fill, prepare
from redemption.apple.signing import SigningIdentity
from tests.fakes import pki

ROUNDS = 40
SIGNATURES_A_ROUND = 50
# Starting openssl takes as long as dozens of signatures.
OPENSSL_PASSES_A_ROUND = 3
# About 65 kB of PNG: noise does not compress.
SIZES = {"icon": (29, 29), "icon@2x": (58, 58), "icon@3x": (87, 87), "logo": (80, 25), "logo@2x": (160, 50)}
MANIFEST = bytes(1000)

Work = Callable[[], object]


def main() -> None:
    """Print passes per second, ours and then those of wallet-py3k with its own signer."""
    ca = create_development_ca(validity=pki.ALWAYS)
    issued = pki.issue(ca)
    with tempfile.TemporaryDirectory() as folder:
        bare, ours, theirs = _rates(
            (_bare_signature(issued, ca), SIGNATURES_A_ROUND),
            (_our_pass(issued, ca), SIGNATURES_A_ROUND),
            (_wallet_py3k_pass(issued, ca, folder=Path(folder)), OPENSSL_PASSES_A_ROUND),
        )
    _report("signing", ours, reference=bare)
    _report("signing_wallet_py3k", theirs, reference=bare)


def _rates(*works: tuple[Work, int]) -> list[list[float]]:
    """Run each piece of work in turn, round after round, so that a busy machine slows all of them alike."""
    rates: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for (work, times), measured in zip(works, rates, strict=True):
            started = time.perf_counter()
            for _ in range(times):
                work()
            measured.append(times / (time.perf_counter() - started))
    return rates


def _report(name: str, rates: list[float], *, reference: list[float]) -> None:
    ratio = median(rate / bare for rate, bare in zip(rates, reference, strict=True))
    sys.stdout.write(
        f"{name}: {median(rates):.0f} passes/s (ratio {ratio:.2f} of bare RSA-2048 signatures)\n"
    )


def _bare_signature(issued: IssuedCertificate, ca: DevelopmentCA) -> Work:
    key = _identity(issued, ca).key
    return lambda: key.sign(MANIFEST, padding.PKCS1v15(), hashes.SHA256())


def _our_pass(issued: IssuedCertificate, ca: DevelopmentCA) -> Work:
    identity, prepared = _identity(issued, ca), prepare(_design())
    facts = ApplePassFacts(
        serial_number="0123456789abcdef",
        authentication_token="0123456789abcdef0123456789abcdef",
        web_service_url="https://pass.example.com/apple",
        value="0123456789abcdef0123456789abcdef",
        holder={"first_name": "Ada", "last_name": "Lovelace"},
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    return lambda: fill(prepared, facts, identity=identity).pack(signed_at=datetime.now(UTC))


def _wallet_py3k_pass(issued: IssuedCertificate, ca: DevelopmentCA, *, folder: Path) -> Work:
    files = {"certificate": issued.certificate_pem, "key": issued.key_pem, "wwdr": ca.wwdr.pem}
    for name, pem in files.items():
        (folder / name).write_bytes(pem)
    paths = [str(folder / name) for name in files]
    design = _design()

    def create() -> object:
        information = Generic()
        for field in design.fields:
            getattr(information, f"add{field.area.title()}Field")(field.key, "Ada Lovelace", field.label)
        passfile = Pass(information, "", pki.PASS_TYPE, design.organization_name, pki.TEAM)
        passfile.barcode = Barcode("0123456789abcdef0123456789abcdef")
        for name, png in design.images.items():
            passfile.addFile(name, io.BytesIO(png))
        return passfile.create(*paths, "")

    return create


def _identity(issued: IssuedCertificate, ca: DevelopmentCA) -> SigningIdentity:
    return SigningIdentity.load(issued.certificate_pem, issued.key_pem, ca.wwdr.pem)


def _design() -> PassDesign:
    noise = random.Random(1)  # noqa: S311 - pictures, not secrets
    return PassDesign(
        style="generic",
        organization_name="Acme Gym",
        description="Acme membership card",
        fields=(
            PassField("primary", "name", "{full_name}", label="Member"),
            PassField("secondary", "valid", "{expires_at}", label="Valid to", date_style="medium"),
            PassField("back", "terms", "Keep this card with you.", label="Terms"),
        ),
        images={f"{name}.png": _noise(size, noise) for name, size in SIZES.items()},
    )


def _noise(size: tuple[int, int], noise: random.Random) -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGB", size, noise.randbytes(3 * size[0] * size[1])).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
