"""Reads .pkpass files and rejects what Wallet rejects; it shares no code with what makes them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asn1crypto import cms, core  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

OUTSIDE_MANIFEST = {"manifest.json", "signature"}
STYLES = {"boardingPass", "coupon", "eventTicket", "generic", "storeCard"}
REQUIRED = ("description", "organizationName", "passTypeIdentifier", "serialNumber", "teamIdentifier")
BARCODE_FORMATS = {f"PKBarcodeFormat{name}" for name in ("QR", "PDF417", "Aztec", "Code128")}
ALIGNMENTS = {f"PKTextAlignment{name}" for name in ("Left", "Center", "Right", "Natural")}
DATE_STYLES = {f"PKDateStyle{name}" for name in ("None", "Short", "Medium", "Long", "Full")}
MOST_FIELDS = {
    "headerFields": 3,
    "primaryFields": 2,
    "secondaryFields": 4,
    "auxiliaryFields": 5,
    "backFields": 99,
}
DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
CLOCK_SKEW = timedelta(minutes=5)
PASS_TYPE_EXTENSION = "1.2.840.113635.100.6.1.16"
STRINGS_LINE = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*)"\s*;', re.DOTALL)

Files = dict[str, bytes]
Json = dict[str, Any]


class PassRejected(ValueError):
    """A file that is no valid pass, and the first reason that was found."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Signer:
    """Who signed a pass, and when, as the signature and its certificate say."""

    pass_type_identifier: str
    team_identifier: str
    signed_at: datetime
    not_after: datetime
    digest: str


@dataclass(frozen=True)
class CheckedPass:
    """What a valid pass holds; images as (width, height) in pixels, strings by language."""

    pass_json: Json
    strings: dict[str, dict[str, str]]
    images: dict[str, tuple[int, int]]
    signer: Signer


def check(pkpass: bytes, *, root_pem: bytes, now: datetime) -> CheckedPass:
    """Read a .pkpass signed below the given root; raises PassRejected."""
    files = _unzipped(pkpass)
    _check_manifest(files)
    signer = _signer(files, root=x509.load_pem_x509_certificate(root_pem), now=now)
    content = _json(files["pass.json"], name="pass.json")
    _check_content(content, signer=signer)
    _require("icon.png" in files, "icon.png is missing")
    return CheckedPass(
        pass_json=content,
        strings={
            name.removesuffix(".lproj/pass.strings"): _strings(name, file)
            for name, file in files.items()
            if name.endswith(".lproj/pass.strings")
        },
        images={name: _pixels(name, file) for name, file in files.items() if name.endswith(".png")},
        signer=signer,
    )


def _require(condition: object, reason: str) -> None:
    if not condition:
        raise PassRejected(reason)


# --- The archive ------------------------------------------------------------------------------------


def _unzipped(pkpass: bytes) -> Files:
    try:
        with zipfile.ZipFile(io.BytesIO(pkpass)) as archive:
            entries = archive.infolist()
            _require(len({entry.filename for entry in entries}) == len(entries), "two files have one name")
            for entry in entries:
                _check_entry(entry)
            return {entry.filename: archive.read(entry) for entry in entries}
    except zipfile.BadZipFile as error:
        raise PassRejected(f"not a sound zip file: {error}") from error


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    _require(
        not name.startswith("/") and ".." not in name.split("/") and "\\" not in name,
        f"{name} leaves the pass",
    )
    _require(not entry.is_dir(), f"{name} is a folder")
    _require(
        entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), f"{name} is packed in another way"
    )


def _check_manifest(files: Files) -> None:
    for name in ("pass.json", *OUTSIDE_MANIFEST):
        _require(name in files, f"{name} is missing")
    manifest = _json(files["manifest.json"], name="manifest.json")
    for name in files.keys() - OUTSIDE_MANIFEST - manifest.keys():
        raise PassRejected(f"{name} is not in the manifest")
    for name, digest in manifest.items():
        _require(name in files, f"{name} is in the manifest and not in the pass")
        actual = hashlib.sha1(files[name], usedforsecurity=False).hexdigest()
        _require(digest == actual, f"{name} is not the file that the manifest describes")


def _json(file: bytes, *, name: str) -> Json:
    try:
        content = json.loads(file.decode(), object_pairs_hook=_unique)
    except ValueError as error:
        raise PassRejected(f"{name} is not JSON: {error}") from error
    _require(isinstance(content, dict), f"{name} is not an object")
    return dict(content)


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    for key, times in Counter(key for key, _ in pairs).items():
        _require(times == 1, f"the key {key} stands {times} times in one object")
    return dict(pairs)


# --- The signature ----------------------------------------------------------------------------------


def _signer(files: Files, *, root: x509.Certificate, now: datetime) -> Signer:
    signed = _signed_data(files["signature"])
    _require(len(signed["signer_infos"]) == 1, "there is not exactly one signer")
    info = signed["signer_infos"][0]
    digest = info["digest_algorithm"]["algorithm"].native
    _require(digest in DIGESTS, f"the digest {digest} is too weak")
    attributes = _signed_attributes(info)
    _require(attributes.get("content_type") == "data", "the content type is not signed")
    manifest_digest = hashlib.new(digest, files["manifest.json"]).digest()
    _require(attributes.get("message_digest") == manifest_digest, "the signature is for another manifest")
    _require("signing_time" in attributes, "the signing time is missing")
    signed_at: datetime = attributes["signing_time"]
    _require(signed_at <= now + CLOCK_SKEW, "the signing time is in the future")
    leaf = _check_chain(signed, info, root=root, moments=(signed_at, now))
    # Encoded anew, in DER order: attributes that were signed in another order do not verify.
    _verify(leaf, info["signature"].native, info["signed_attrs"].untag().dump(force=True), DIGESTS[digest])
    return Signer(
        pass_type_identifier=_pass_type(leaf),
        team_identifier=_subject_value(leaf, NameOID.ORGANIZATIONAL_UNIT_NAME),
        signed_at=signed_at,
        not_after=leaf.not_valid_after_utc,
        digest=digest,
    )


def _signed_data(signature: bytes) -> Any:
    try:
        info = cms.ContentInfo.load(signature, strict=True)
        _ = info.native  # asn1crypto parses a part only when it is asked for; this asks for all of them
        _require(info["content_type"].native == "signed_data", "the signature is not CMS signed data")
        encapsulated = info["content"]["encap_content_info"]
        _require(encapsulated["content_type"].native == "data", "the signature is not over plain data")
        _require(
            encapsulated["content"].native is None, "the signature holds its content, it must be detached"
        )
        return info["content"]
    except PassRejected:
        raise
    except (ValueError, TypeError) as error:
        raise PassRejected(f"the signature is not CMS: {error}") from error


def _signed_attributes(info: Any) -> Json:
    _require(len(info["signed_attrs"]), "nothing is signed but the digest: there are no signed attributes")
    attributes: Json = {}
    for attribute in info["signed_attrs"]:
        name = attribute["type"].native
        _require(name not in attributes and len(attribute["values"]) == 1, f"{name} is signed twice")
        attributes[name] = attribute["values"][0].native
    return attributes


def _check_chain(
    signed: Any,
    info: Any,
    *,
    root: x509.Certificate,
    moments: tuple[datetime, ...],
) -> x509.Certificate:
    embedded = [x509.load_der_x509_certificate(choice.chosen.dump()) for choice in signed["certificates"]]
    serial = info["sid"].chosen["serial_number"].native
    issuer = info["sid"].chosen["issuer"].dump()
    leaf = next(
        (each for each in embedded if (each.serial_number, each.issuer.public_bytes()) == (serial, issuer)),
        None,
    )
    if leaf is None:
        raise PassRejected("the certificate of the signer is missing")
    intermediate = next((each for each in embedded if each.subject == leaf.issuer and each != leaf), None)
    if intermediate is None:
        raise PassRejected("the intermediate certificate is missing")
    _require(intermediate.issuer == root.subject, "the chain does not end at the root")
    for certificate, above in ((leaf, intermediate), (intermediate, root)):
        _check_issued(certificate, by=above)
    for certificate in (leaf, intermediate, root):
        for moment in moments:
            valid = certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc
            _require(valid, f"{certificate.subject.rfc4514_string()} is not valid at {moment}")
    return leaf


def _check_issued(certificate: x509.Certificate, *, by: x509.Certificate) -> None:
    constraints = by.extensions.get_extension_for_class(x509.BasicConstraints).value
    _require(constraints.ca, f"{by.subject.rfc4514_string()} is not an authority")
    algorithm = certificate.signature_hash_algorithm
    assert algorithm is not None
    _verify(by, certificate.signature, certificate.tbs_certificate_bytes, algorithm)


def _verify(
    certificate: x509.Certificate, signature: bytes, data: bytes, algorithm: hashes.HashAlgorithm
) -> None:
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(signature, data, padding.PKCS1v15(), algorithm)
    except InvalidSignature as error:
        raise PassRejected(f"a signature is not by {certificate.subject.rfc4514_string()}") from error


def _pass_type(leaf: x509.Certificate) -> str:
    uid = _subject_value(leaf, NameOID.USER_ID)
    for extension in leaf.extensions:
        if extension.oid.dotted_string == PASS_TYPE_EXTENSION:
            stated = core.load(extension.value.public_bytes()).native
            _require(stated == uid, f"the certificate is for {uid} and for {stated}")
    return uid


def _subject_value(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    values = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]
    _require(len(values) == 1, f"the certificate has {len(values)} subject values {oid.dotted_string}")
    return values[0]


# --- pass.json --------------------------------------------------------------------------------------


def _check_content(content: Json, *, signer: Signer) -> None:
    _require(content.get("formatVersion") == 1, "formatVersion is not 1")
    for key in REQUIRED:
        _require(isinstance(content.get(key), str) and content[key], f"{key} is missing")
    _require(content["passTypeIdentifier"] == signer.pass_type_identifier, "signed for another pass type")
    _require(content["teamIdentifier"] == signer.team_identifier, "signed for another team")
    styles = STYLES & content.keys()
    _require(len(styles) == 1, f"there are {len(styles)} styles")
    _require(
        "boardingPass" not in styles or "transitType" in content["boardingPass"], "transitType is missing"
    )
    _check_fields(content[min(styles)])
    _check_web_service(content)
    _check_presentation(content)
    for barcode in (*content.get("barcodes", []), *([content["barcode"]] if "barcode" in content else [])):
        _check_barcode(barcode)
    if "nfc" in content:
        _check_nfc(content["nfc"])


def _check_web_service(content: Json) -> None:
    url, token = content.get("webServiceURL"), content.get("authenticationToken")
    _require((url is None) == (token is None), "webServiceURL and authenticationToken go together")
    if url is not None and token is not None:
        _require(
            re.match(r"https?://", url) and not url.rstrip("/").endswith("/v1"), "webServiceURL is wrong"
        )
        _require(len(token) >= 16, "authenticationToken is shorter than 16 characters")
    _require(re.fullmatch(r"[\w.-]+", content["serialNumber"], re.ASCII), "serialNumber does not fit a path")


def _check_presentation(content: Json) -> None:
    for key in ("backgroundColor", "foregroundColor", "labelColor"):
        numbers = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", content.get(key, "rgb(0, 0, 0)"))
        _require(numbers and all(int(number) < 256 for number in numbers.groups()), f"{key} is no colour")
    for key in ("voided", "sharingProhibited"):
        _require(isinstance(content.get(key, False), bool), f"{key} is not true or false")
    if "expirationDate" in content:
        _check_date(content["expirationDate"], key="expirationDate")


def _check_date(value: str, *, key: str) -> None:
    try:
        date = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise PassRejected(f"{key} is no date: {value}") from error
    _require("T" in value and date.tzinfo, f"{key} has no time or no time zone")


def _check_fields(style: Json) -> None:
    keys = Counter(field.get("key") for field in _fields(style))
    _require(
        None not in keys and all(times == 1 for times in keys.values()),
        "field keys are missing or not unique",
    )
    for area, most in MOST_FIELDS.items():
        _require(len(style.get(area, [])) <= most, f"there are more than {most} {area}")
    for field in _fields(style):
        _require(isinstance(field.get("value"), str | int | float), f"{field['key']} has no value")
        _require("%@" in field.get("changeMessage", "%@"), f"{field['key']} announces nothing")
        _require(
            {field.get("textAlignment", "PKTextAlignmentLeft")} <= ALIGNMENTS,
            f"{field['key']} is not aligned",
        )
        styles = {field[key] for key in ("dateStyle", "timeStyle") if key in field}
        _require(styles <= DATE_STYLES, f"{field['key']} has another date style")
        if styles:
            _check_date(field["value"], key=field["key"])


def _fields(style: Json) -> Iterator[Json]:
    for area in MOST_FIELDS:
        yield from style.get(area, [])


def _check_barcode(barcode: Json) -> None:
    _require(barcode.get("format") in BARCODE_FORMATS, "a barcode has another format")
    _require(isinstance(barcode.get("message"), str) and barcode["message"], "a barcode has no message")
    try:
        barcode["message"].encode(barcode["messageEncoding"])
    except (KeyError, LookupError, UnicodeEncodeError) as error:
        raise PassRejected("a barcode has a message that its encoding cannot write") from error


def _check_nfc(nfc: Json) -> None:
    _require(0 < len(nfc.get("message", "").encode()) <= 64, "the NFC message has not 1 to 64 bytes")
    try:
        key = serialization.load_der_public_key(base64.b64decode(nfc["encryptionPublicKey"], validate=True))
    except (KeyError, ValueError) as error:
        raise PassRejected("the NFC key is no public key") from error
    _require(
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1",
        "the NFC key is not P-256",
    )


# --- Other files ------------------------------------------------------------------------------------


def _strings(name: str, file: bytes) -> dict[str, str]:
    try:
        text = file.decode("utf-16" if file[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    except UnicodeDecodeError as error:
        raise PassRejected(f"{name} is neither UTF-8 nor UTF-16") from error
    _require(not STRINGS_LINE.sub("", text).strip(), f"{name} has a line that is no translation")
    return {_unescaped(key): _unescaped(value) for key, value in STRINGS_LINE.findall(text)}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r", "t": "\t"}.get(match[1], match[1]), text)


def _pixels(name: str, png: bytes) -> tuple[int, int]:
    _require(png[:8] == b"\x89PNG\r\n\x1a\n" and len(png) > 24, f"{name} is not a PNG file")
    width, height = struct.unpack(">LL", png[16:24])
    return width, height
