"""The signature is the one that the library writes, at the time we say, and openssl accepts it."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from asn1crypto import cms  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from redemption.apple.development_ca import DevelopmentCA, IssuedCertificate
from redemption.apple.signing import SigningIdentity, sign
from tests.fakes import pki

# Longer than a line and with line ends, which must be signed as they are.
MANIFEST = b'{"pass.json": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}\n\r\n'


def verified(
    openssl: str, signature: bytes, *, manifest: bytes, root: bytes, folder: Path
) -> subprocess.CompletedProcess[bytes]:
    """What openssl says of a signature at the time of the test."""
    for name, file in (("signature", signature), ("manifest", manifest), ("root", root)):
        (folder / name).write_bytes(file)
    # A pass type certificate is made for no purpose that openssl knows.
    command = ["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-CAfile", "root"]
    return subprocess.run(
        [openssl, *command, "-in", "signature", "-content", "manifest"],
        cwd=folder,
        capture_output=True,
        check=False,
    )


def test_openssl_accepts_the_signature(
    openssl: str, ca: DevelopmentCA, identity: SigningIdentity, tmp_path: Path
) -> None:
    signature = sign(MANIFEST, identity=identity, signed_at=datetime.now(UTC))
    result = verified(openssl, signature, manifest=MANIFEST, root=ca.root.pem, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout == MANIFEST


def test_openssl_refuses_the_signature_of_another_manifest(
    openssl: str, ca: DevelopmentCA, identity: SigningIdentity, tmp_path: Path
) -> None:
    signature = sign(MANIFEST, identity=identity, signed_at=datetime.now(UTC))
    result = verified(openssl, signature, manifest=MANIFEST + b" ", root=ca.root.pem, folder=tmp_path)
    assert result.returncode != 0
    assert b"CMS Verification failure" in result.stderr


def test_larger_keys_sign_as_well(openssl: str, ca: DevelopmentCA, tmp_path: Path) -> None:
    issued = pki.issue(ca, key=rsa.generate_private_key(65537, 3072))
    identity = SigningIdentity.load(issued.certificate_pem, issued.key_pem, ca.wwdr.pem)
    signature = sign(MANIFEST, identity=identity, signed_at=datetime.now(UTC))
    result = verified(openssl, signature, manifest=MANIFEST, root=ca.root.pem, folder=tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_signature_is_what_the_library_writes(ca: DevelopmentCA, identity: SigningIdentity) -> None:
    written = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(MANIFEST)
        .add_signer(identity.certificate, identity.key, hashes.SHA256())
        .add_certificate(identity.wwdr)
        .sign(
            serialization.Encoding.DER,
            [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary],
        )
    )
    assert sign(MANIFEST, identity=identity, signed_at=signing_time(written)) == written


def test_the_signing_time_is_the_one_given(identity: SigningIdentity) -> None:
    moment = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    tokyo = moment.astimezone(timezone(timedelta(hours=9)))
    signature = sign(MANIFEST, identity=identity, signed_at=tokyo)
    assert signing_time(signature) == moment
    assert signature == sign(MANIFEST, identity=identity, signed_at=moment)


def test_leaf_and_intermediate_are_inside_and_the_manifest_is_not(identity: SigningIdentity) -> None:
    content = cms.ContentInfo.load(sign(MANIFEST, identity=identity, signed_at=datetime.now(UTC)))["content"]
    inside = {x509.load_der_x509_certificate(choice.chosen.dump()) for choice in content["certificates"]}
    assert inside == {identity.certificate, identity.wwdr}
    assert content["encap_content_info"]["content"].native is None


def test_the_identity_says_whose_passes_it_signs(identity: SigningIdentity) -> None:
    assert (identity.pass_type_identifier, identity.team_identifier) == (pki.PASS_TYPE, pki.TEAM)
    assert "RSAPrivateKey" not in repr(identity)


def test_the_key_of_another_certificate_is_not_loaded(ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    for key in (pki.issue(ca).key_pem, pki.key_pem(ec.generate_private_key(ec.SECP256R1()))):
        with pytest.raises(ValueError, match="not the RSA key of the certificate"):
            SigningIdentity.load(issued.certificate_pem, key, ca.wwdr.pem)


def signing_time(signature: bytes) -> datetime:
    """The signed attribute of that name, read with another library."""
    attributes = cms.ContentInfo.load(signature)["content"]["signer_infos"][0]["signed_attrs"]
    time: datetime = next(
        each["values"][0].native for each in attributes if each["type"].native == "signing_time"
    )
    return time
