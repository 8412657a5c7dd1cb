"""The checker of the tests is worth something: it accepts good passes and rejects each kind of bad one."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options

from redemption.apple.development_ca import (
    DevelopmentCA,
    IssuedCertificate,
    create_development_ca,
    pass_type_name,
)
from redemption.apple.pass_content import PreparedDesign, fill
from redemption.apple.signing import SigningIdentity
from tests.apple_pass_checker import PassRejected, check
from tests.fakes import pki
from tests.redemption.apple import passes

OPTIONS = (PKCS7Options.DetachedSignature, PKCS7Options.Binary)
Files = dict[str, bytes]


@pytest.fixture
def files(prepared: PreparedDesign, identity: SigningIdentity, now: datetime) -> Files:
    """The files of a good pass."""
    with zipfile.ZipFile(
        io.BytesIO(fill(prepared, passes.facts(), identity=identity).pack(signed_at=now))
    ) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Files) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def resigned(
    files: Files,
    issued: IssuedCertificate,
    ca: DevelopmentCA,
    *,
    options: Sequence[PKCS7Options] = OPTIONS,
    enclosed: Sequence[x509.Certificate] | None = None,
    algorithm: pkcs7.PKCS7HashTypes | None = None,
) -> Files:
    """The files with a new manifest, signed by the library at this very moment."""
    listed = {name: content for name, content in files.items() if name not in ("manifest.json", "signature")}
    manifest = json.dumps({name: sha1(content) for name, content in listed.items()}).encode()
    key = serialization.load_pem_private_key(issued.key_pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    certificate = x509.load_pem_x509_certificate(issued.certificate_pem)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
    builder = builder.add_signer(certificate, key, algorithm or hashes.SHA256())
    for each in [ca.wwdr.certificate] if enclosed is None else enclosed:
        builder = builder.add_certificate(each)
    signature = builder.sign(serialization.Encoding.DER, list(options))
    return {**listed, "manifest.json": manifest, "signature": signature}


def sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def changed(files: Files, **changes: Any) -> Files:
    """The files with other members in pass.json; None removes one."""
    content = {**json.loads(files["pass.json"]), **changes}
    kept = {key: value for key, value in content.items() if value is not None}
    return {**files, "pass.json": json.dumps(kept).encode()}


def rejection(files: Files, ca: DevelopmentCA) -> str:
    """Why the checker rejects these files, signed just now."""
    with pytest.raises(PassRejected) as rejected:
        check(zipped(files), root_pem=ca.root.pem, now=datetime.now().astimezone())
    return rejected.value.reason


def test_a_good_pass_is_accepted(ca: DevelopmentCA, files: Files, now: datetime) -> None:
    checked = check(zipped(files), root_pem=ca.root.pem, now=now)
    assert checked.pass_json["serialNumber"] == "serial-0001"
    assert checked.signer.pass_type_identifier == pki.PASS_TYPE
    assert checked.signer.team_identifier == pki.TEAM
    assert checked.signer.signed_at == now
    assert checked.signer.digest == "sha256"
    assert checked.images == {"icon.png": (29, 29), "icon@2x.png": (58, 58), "logo.png": (160, 50)}
    assert checked.strings["de"]["Member"] == "Mitglied"


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384()])
def test_a_pass_signed_by_the_library_is_accepted(
    ca: DevelopmentCA, issued: IssuedCertificate, files: Files, algorithm: pkcs7.PKCS7HashTypes
) -> None:
    good = zipped(resigned(files, issued, ca, algorithm=algorithm))
    checked = check(good, root_pem=ca.root.pem, now=datetime.now().astimezone())
    assert checked.signer.digest == algorithm.name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pass.json", "pass.json is not the file that the manifest describes"),
        ("icon.png", "icon.png is not the file that the manifest describes"),
        ("manifest.json", "signature is for another manifest"),
    ],
)
def test_a_tampered_file_is_rejected(ca: DevelopmentCA, files: Files, name: str, reason: str) -> None:
    assert reason in rejection({**files, name: files[name] + b" "}, ca)


def test_a_tampered_signature_is_rejected(ca: DevelopmentCA, files: Files) -> None:
    flipped = files["signature"][:-1] + bytes([files["signature"][-1] ^ 1])
    assert "a signature is not by" in rejection({**files, "signature": flipped}, ca)
    assert "not CMS" in rejection({**files, "signature": b"junk"}, ca)
    assert "not CMS" in rejection({**files, "signature": files["signature"][:-1]}, ca)


def test_a_signing_time_that_was_not_signed_is_rejected(
    ca: DevelopmentCA, files: Files, now: datetime
) -> None:
    earlier = (now - timedelta(days=1)).strftime("%y%m%d%H%M%SZ").encode()
    moved = files["signature"].replace(now.strftime("%y%m%d%H%M%SZ").encode(), earlier)
    assert moved != files["signature"]
    assert "a signature is not by" in rejection({**files, "signature": moved}, ca)


def test_a_signing_time_to_come_is_rejected(ca: DevelopmentCA, files: Files, now: datetime) -> None:
    with pytest.raises(PassRejected, match="signing time is in the future"):
        check(zipped(files), root_pem=ca.root.pem, now=now - timedelta(hours=1))


def test_an_extra_file_is_rejected(ca: DevelopmentCA, files: Files) -> None:
    assert rejection({**files, ".DS_Store": b""}, ca) == ".DS_Store is not in the manifest"


@pytest.mark.parametrize("name", ["pass.json", "manifest.json", "signature", "logo.png"])
def test_a_missing_file_is_rejected(ca: DevelopmentCA, files: Files, name: str) -> None:
    del files[name]
    assert name in rejection(files, ca)


def test_a_missing_icon_is_rejected(ca: DevelopmentCA, issued: IssuedCertificate, files: Files) -> None:
    del files["icon.png"]
    assert rejection(resigned(files, issued, ca), ca) == "icon.png is missing"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([*OPTIONS, PKCS7Options.NoAttributes], "there are no signed attributes"),
        ([PKCS7Options.Binary], "it must be detached"),
        ([*OPTIONS, PKCS7Options.NoCerts], "the certificate of the signer is missing"),
    ],
)
def test_another_form_of_signature_is_rejected(
    ca: DevelopmentCA, issued: IssuedCertificate, files: Files, options: list[PKCS7Options], reason: str
) -> None:
    assert reason in rejection(resigned(files, issued, ca, options=options), ca)


def test_a_missing_intermediate_is_rejected(
    ca: DevelopmentCA, issued: IssuedCertificate, files: Files
) -> None:
    for enclosed in ([], [ca.root.certificate]):
        unchained = resigned(files, issued, ca, enclosed=enclosed)
        assert rejection(unchained, ca) == "the intermediate certificate is missing"


def test_another_root_is_rejected(ca: DevelopmentCA, files: Files) -> None:
    assert "a signature is not by" in rejection(files, create_development_ca(validity=pki.ALWAYS))


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (
            pass_type_name("pass.com.example.globex", team_identifier=pki.TEAM),
            "certificate is for pass.com.example.globex",
        ),
        (pass_type_name(pki.PASS_TYPE, team_identifier="GLOBEXTEAM"), "signed for another team"),
    ],
)
def test_the_certificate_of_another_is_rejected(
    ca: DevelopmentCA, files: Files, subject: x509.Name, reason: str
) -> None:
    assert reason in rejection(resigned(files, pki.issue(ca, subject=subject), ca), ca)


def test_a_pass_of_another_type_is_rejected(
    ca: DevelopmentCA, issued: IssuedCertificate, files: Files
) -> None:
    other = changed(files, passTypeIdentifier="pass.com.example.globex")
    assert rejection(resigned(other, issued, ca), ca) == "signed for another pass type"


def test_an_expired_certificate_is_rejected(ca: DevelopmentCA, files: Files) -> None:
    assert "is not valid at" in rejection(resigned(files, pki.issue(ca, validity=pki.PAST), ca), ca)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"formatVersion": "1"}, "formatVersion is not 1"),
        ({"description": None}, "description is missing"),
        ({"coupon": {}}, "there are 2 styles"),
        ({"generic": None, "boardingPass": {}}, "transitType is missing"),
        ({"authenticationToken": None}, "go together"),
        ({"authenticationToken": "short"}, "shorter than 16 characters"),
        ({"webServiceURL": "https://pass.example.com/apple/v1"}, "webServiceURL is wrong"),
        ({"serialNumber": "a/b"}, "serialNumber does not fit a path"),
        ({"backgroundColor": "#102030"}, "backgroundColor is no colour"),
        ({"labelColor": "rgb(1, 2, 256)"}, "labelColor is no colour"),
        ({"voided": "true"}, "voided is not true or false"),
        ({"expirationDate": "2026-06-01T12:00"}, "expirationDate has no time or no time zone"),
        ({"expirationDate": "soon"}, "expirationDate is no date"),
        ({"barcodes": [{"format": "QR"}]}, "another format"),
        (
            {"barcodes": [{"format": "PKBarcodeFormatQR", "message": "€", "messageEncoding": "iso-8859-1"}]},
            "cannot write",
        ),
        ({"nfc": {"message": "x" * 65}}, "has not 1 to 64 bytes"),
        ({"nfc": {"message": "x", "encryptionPublicKey": "AAAA"}}, "no public key"),
        ({"generic": {"backFields": [{"key": "a", "value": "1"}] * 2}}, "not unique"),
        (
            {"generic": {"headerFields": [{"key": str(n), "value": "1"} for n in range(4)]}},
            "more than 3 headerFields",
        ),
        ({"generic": {"backFields": [{"key": "a"}]}}, "a has no value"),
        (
            {"generic": {"backFields": [{"key": "a", "value": "1", "changeMessage": "!"}]}},
            "announces nothing",
        ),
        (
            {"generic": {"backFields": [{"key": "a", "value": "", "dateStyle": "PKDateStyleFull"}]}},
            "a is no date",
        ),
        ({"generic": {"backFields": [{"key": "a", "value": "1", "textAlignment": "left"}]}}, "not aligned"),
    ],
)
def test_a_wrong_pass_json_is_rejected(
    ca: DevelopmentCA, issued: IssuedCertificate, files: Files, changes: dict[str, Any], reason: str
) -> None:
    assert reason in rejection(resigned(changed(files, **changes), issued, ca), ca)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("pass.json", b"{", "pass.json is not JSON"),
        ("pass.json", b"[]", "pass.json is not an object"),
        ("pass.json", b'{"a": 1, "a": 2}', "the key a stands 2 times"),
        ("icon.png", b"GIF89a", "icon.png is not a PNG"),
        ("xx.lproj/pass.strings", b'"a" = "b"', "a line that is no translation"),
        ("xx.lproj/pass.strings", b'"a" = "\xff";', "neither UTF-8 nor UTF-16"),
        ("../icon.png", b"", "leaves the pass"),
    ],
)
def test_a_wrong_file_is_rejected(
    ca: DevelopmentCA, issued: IssuedCertificate, files: Files, name: str, content: bytes, reason: str
) -> None:
    assert reason in rejection(resigned({**files, name: content}, issued, ca), ca)


def test_what_is_no_zip_file_is_rejected(ca: DevelopmentCA, files: Files, now: datetime) -> None:
    for file in (b"", b"junk", zipped(files)[:-30]):
        with pytest.raises(PassRejected, match="not a sound zip file"):
            check(file, root_pem=ca.root.pem, now=now)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_rejected(ca: DevelopmentCA, files: Files, now: datetime) -> None:
    file = io.BytesIO(zipped(files))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("icon.png", b"another")
    with pytest.raises(PassRejected, match="two files have one name"):
        check(file.getvalue(), root_pem=ca.root.pem, now=now)
