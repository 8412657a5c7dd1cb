"""A pass type certificate is taken in every form in which it is handed out, or refused with the reason."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from redemption.apple import certificates
from redemption.apple.certificates import (
    INTERMEDIATES,
    CertificateRefused,
    PassCertificate,
    read_pem,
    read_pkcs12,
)
from redemption.apple.development_ca import (
    DevelopmentCA,
    IssuedCertificate,
    Validity,
    authority_extensions,
    create_development_ca,
    name,
    pass_type_extensions,
    pass_type_name,
)
from tests.fakes import pki

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def other_ca() -> DevelopmentCA:
    """A stranger with the same names."""
    return create_development_ca(validity=pki.ALWAYS)


def read(
    issued: IssuedCertificate, *, wwdr: bytes | None, now: datetime = NOW, key: bytes = b""
) -> PassCertificate:
    return read_pem(issued.certificate_pem, key=key or issued.key_pem, wwdr=wwdr, now=now)


def test_a_pem_certificate_is_read(ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    certificate = read(issued, wwdr=ca.wwdr.pem)
    assert certificate.pass_type_identifier == pki.PASS_TYPE
    assert certificate.team_identifier == pki.TEAM
    assert (certificate.not_before, certificate.not_after) == (pki.ALWAYS.not_before, pki.ALWAYS.not_after)
    assert certificate.nfc is False
    assert certificate.certificate_pem == issued.certificate_pem
    assert certificate.wwdr_pem == ca.wwdr.pem
    der = x509.load_pem_x509_certificate(issued.certificate_pem)
    assert certificate.fingerprint == der.fingerprint(hashes.SHA256()).hex()
    assert b"BEGIN PRIVATE KEY" in certificate.key_pem


def test_the_key_is_not_shown(ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    assert "PRIVATE KEY" not in repr(read(issued, wwdr=ca.wwdr.pem))


def test_der_is_read_as_well(ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    der = x509.load_pem_x509_certificate(issued.certificate_pem).public_bytes(serialization.Encoding.DER)
    wwdr = ca.wwdr.certificate.public_bytes(serialization.Encoding.DER)
    assert read_pem(der, key=issued.key_pem, wwdr=wwdr, now=NOW) == read(issued, wwdr=ca.wwdr.pem)


def test_the_intermediate_may_follow_in_the_same_file(ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    bundle = issued.certificate_pem + ca.wwdr.pem
    assert read_pem(bundle, key=issued.key_pem, now=NOW).wwdr_pem == ca.wwdr.pem


def test_the_right_intermediate_is_chosen_among_several(
    ca: DevelopmentCA, other_ca: DevelopmentCA, issued: IssuedCertificate
) -> None:
    assert read(issued, wwdr=other_ca.wwdr.pem + ca.root.pem + ca.wwdr.pem).wwdr_pem == ca.wwdr.pem


def test_an_encrypted_key_is_opened(ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    key = serialization.load_pem_private_key(issued.key_pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    encrypted = pki.key_pem(key, password="correct")
    opened = read_pem(issued.certificate_pem, key=encrypted, password="correct", wwdr=ca.wwdr.pem, now=NOW)
    assert opened.key_pem == issued.key_pem
    with pytest.raises(CertificateRefused, match="does not open the private key") as refused:
        read_pem(issued.certificate_pem, key=encrypted, password="wrong", wwdr=ca.wwdr.pem, now=NOW)
    assert refused.value.field == "password"


def test_a_pkcs12_file_is_read_with_the_intermediate_it_holds(
    ca: DevelopmentCA, issued: IssuedCertificate
) -> None:
    file = pki.p12(issued, password="correct", enclosed=[ca.root.certificate, ca.wwdr.certificate])
    assert read_pkcs12(file, password="correct", now=NOW) == read(issued, wwdr=ca.wwdr.pem)


def test_a_pkcs12_file_is_read_with_an_intermediate_given_beside_it(
    ca: DevelopmentCA, issued: IssuedCertificate
) -> None:
    file = pki.p12(issued, password="correct")
    assert read_pkcs12(file, password="correct", wwdr=ca.wwdr.pem, now=NOW).wwdr_pem == ca.wwdr.pem


def test_a_file_in_keychains_old_encryption_is_read(
    ca: DevelopmentCA, issued: IssuedCertificate, tmp_path: Path, openssl: str
) -> None:
    (tmp_path / "pem").write_bytes(issued.certificate_pem + issued.key_pem)
    # RC2 and SHA-1, as macOS exported for decades.
    export = [
        openssl,
        "pkcs12",
        "-export",
        "-legacy",
        "-in",
        str(tmp_path / "pem"),
        "-passout",
        "pass:correct",
    ]
    file = subprocess.run(export, capture_output=True, check=True).stdout
    assert read_pkcs12(file, password="correct", wwdr=ca.wwdr.pem, now=NOW).key_pem == issued.key_pem


def test_nfc_is_told_from_the_certificate(ca: DevelopmentCA) -> None:
    granted = pki.issue(ca, extensions=pass_type_extensions(pki.PASS_TYPE, nfc=True))
    assert read(granted, wwdr=ca.wwdr.pem).nfc is True


@pytest.mark.parametrize(
    ("file", "password", "field", "reason"),
    [
        ("p12", "wrong", "password", "does not open"),
        ("p12", "", "password", "does not open"),
        ("pem", "correct", "p12", "not a PKCS #12 file"),
        ("empty", "correct", "p12", "not a PKCS #12 file"),
    ],
)
def test_a_file_that_does_not_open_is_refused(
    issued: IssuedCertificate, file: str, password: str, field: str, reason: str
) -> None:
    files = {"p12": pki.p12(issued, password="correct"), "pem": issued.certificate_pem, "empty": b""}
    with pytest.raises(CertificateRefused, match=reason) as refused:
        read_pkcs12(files[file], password=password, now=NOW)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("option", "reason"), [("-nokeys", "holds no private key"), ("-nocerts", "holds no certificate")]
)
def test_half_a_pkcs12_file_is_refused(
    issued: IssuedCertificate, tmp_path: Path, openssl: str, option: str, reason: str
) -> None:
    (tmp_path / "pem").write_bytes(issued.certificate_pem + issued.key_pem)
    export = [openssl, "pkcs12", "-export", option, "-in", str(tmp_path / "pem"), "-passout", "pass:correct"]
    file = subprocess.run(export, capture_output=True, check=True).stdout
    with pytest.raises(CertificateRefused, match=reason) as refused:
        read_pkcs12(file, password="correct", now=NOW)
    assert refused.value.field == "p12"


def test_what_is_no_certificate_is_refused(issued: IssuedCertificate, ca: DevelopmentCA) -> None:
    for junk in (b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", issued.key_pem):
        with pytest.raises(CertificateRefused, match=r"not an X\.509 certificate") as refused:
            read_pem(junk, key=issued.key_pem, wwdr=ca.wwdr.pem, now=NOW)
        assert refused.value.field == "certificate"
        with pytest.raises(CertificateRefused, match=r"not an X\.509 certificate") as refused:
            read(issued, wwdr=junk)
        assert refused.value.field == "wwdr"


def test_what_is_no_key_is_refused(issued: IssuedCertificate, ca: DevelopmentCA) -> None:
    with pytest.raises(CertificateRefused, match="not a private key") as refused:
        read(issued, key=issued.certificate_pem, wwdr=ca.wwdr.pem)
    assert refused.value.field == "key"


def test_the_key_of_another_certificate_is_refused(issued: IssuedCertificate, ca: DevelopmentCA) -> None:
    with pytest.raises(CertificateRefused, match="does not belong") as refused:
        read(issued, key=pki.issue(ca).key_pem, wwdr=ca.wwdr.pem)
    assert refused.value.field == "key"


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (rsa.generate_private_key(65537, 1024), "RSA with 1024 bits"),  # noqa: S505 - it is refused
        (ec.generate_private_key(ec.SECP256R1()), r"an elliptic curve key \(secp256r1\)"),
    ],
    ids=["short", "curve"],
)
def test_a_key_that_wallet_does_not_take_is_refused(
    ca: DevelopmentCA, key: pki.PrivateKey, found: str
) -> None:
    with pytest.raises(CertificateRefused, match=f"at least 2048 bits; this is {found}") as refused:
        read(pki.issue(ca, key=key), wwdr=ca.wwdr.pem)
    assert refused.value.field == "key"


@pytest.mark.parametrize(
    ("validity", "reason"), [(pki.PAST, "expired at 2021-01-01"), (pki.FUTURE, "not valid before 2048-01-01")]
)
def test_a_certificate_out_of_its_time_is_refused(ca: DevelopmentCA, validity: Validity, reason: str) -> None:
    with pytest.raises(CertificateRefused, match=reason) as refused:
        read(pki.issue(ca, validity=validity), wwdr=ca.wwdr.pem)
    assert refused.value.field == "certificate"


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (name(common_name="No UID", unit=pki.TEAM), "has 0 UID in its subject"),
        (
            pass_type_name("com.example.app", team_identifier=pki.TEAM),
            "not for passes: its UID is “com.example.app”",
        ),
        (pass_type_name(pki.PASS_TYPE, team_identifier=""), "has 0 OU in its subject"),
        (pass_type_name(pki.PASS_TYPE, team_identifier="acmeteam01"), "has the OU “acmeteam01”"),
        (pass_type_name(pki.PASS_TYPE, team_identifier="ACMETEAM012"), "has the OU “ACMETEAM012”"),
        (
            pass_type_name("pass.com.example.globex", team_identifier=pki.TEAM),
            "“pass.com.example.globex” as UID, “pass.com.example.acme” in its extension",
        ),
        (
            x509.Name([x509.NameAttribute(NameOID.USER_ID, pki.PASS_TYPE)] * 2),
            "has 2 UID in its subject",
        ),
    ],
)
def test_a_certificate_for_something_else_is_refused(
    ca: DevelopmentCA, subject: x509.Name, reason: str
) -> None:
    with pytest.raises(CertificateRefused, match=reason) as refused:
        read(pki.issue(ca, subject=subject), wwdr=ca.wwdr.pem)
    assert refused.value.field == "certificate"


def test_the_pass_type_extension_may_be_absent(ca: DevelopmentCA) -> None:
    assert read(pki.issue(ca, extensions=[]), wwdr=ca.wwdr.pem).pass_type_identifier == pki.PASS_TYPE


def test_an_intermediate_that_ships_with_the_project_is_found(
    ca: DevelopmentCA, issued: IssuedCertificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "g4.pem").write_bytes((INTERMEDIATES / "wwdr_g4.pem").read_bytes())
    (tmp_path / "ours.pem").write_bytes(ca.wwdr.pem)
    monkeypatch.setattr(certificates, "INTERMEDIATES", tmp_path)
    assert read(issued, wwdr=None).wwdr_pem == ca.wwdr.pem


def test_an_unknown_intermediate_has_to_be_given(issued: IssuedCertificate) -> None:
    with pytest.raises(
        CertificateRefused, match=r"None of the known intermediates .* give that of C=US,.*OU=G4"
    ) as refused:
        read(issued, wwdr=None)
    assert refused.value.field == "wwdr"


def test_an_intermediate_that_did_not_issue_the_certificate_is_refused(
    issued: IssuedCertificate, other_ca: DevelopmentCA
) -> None:
    for wwdr in (other_ca.wwdr.pem, other_ca.root.pem, (INTERMEDIATES / "wwdr_g4.pem").read_bytes()):
        with pytest.raises(CertificateRefused, match="did not issue the certificate") as refused:
            read(issued, wwdr=wwdr)
        assert refused.value.field == "wwdr"


def test_an_intermediate_that_cannot_issue_is_refused(ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    for extensions in ([], [x509.BasicConstraints(ca=False, path_length=None)]):
        with pytest.raises(CertificateRefused, match="not the certificate of an authority") as refused:
            read(issued, wwdr=pki.authority(ca, extensions=extensions).pem)
        assert refused.value.field == "wwdr"


def test_an_expired_intermediate_is_refused(ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    expired = pki.authority(ca, extensions=authority_extensions(path_length=0), validity=pki.PAST)
    with pytest.raises(CertificateRefused, match="expired at 2021-01-01") as refused:
        read(issued, wwdr=expired.pem)
    assert refused.value.field == "wwdr"


def test_apples_intermediate_is_the_one_that_apple_published() -> None:
    certificate = x509.load_pem_x509_certificate((INTERMEDIATES / "wwdr_g4.pem").read_bytes())
    assert certificate.fingerprint(hashes.SHA256()).hex() == (
        "ea4757885538dd8cb59ff4556f676087d83c85e70902c122e42c0808b5bce14c"
    )
    assert certificate.serial_number == 0x13DC77955271E53DC632E8CCFFE521F3CCC5CED2
    assert certificate.not_valid_after_utc == datetime(2030, 12, 10, tzinfo=UTC)
