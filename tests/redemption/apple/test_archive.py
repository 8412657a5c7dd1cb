"""The archive is a zip file like any other, the same for the same pass, and as Wallet wants it."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from redemption.apple.development_ca import DevelopmentCA
from redemption.apple.pass_content import PreparedDesign, fill
from redemption.apple.signing import SigningIdentity
from tests.apple_pass_checker import check
from tests.redemption.apple import passes
from tests.redemption.apple.test_signing import verified


def pack(
    prepared: PreparedDesign, identity: SigningIdentity, *, signed_at: datetime, serial_number: str = "1"
) -> bytes:
    return fill(prepared, passes.facts(serial_number=serial_number), identity=identity).pack(
        signed_at=signed_at
    )


def sha1(file: bytes) -> str:
    return hashlib.sha1(file, usedforsecurity=False).hexdigest()


def test_python_reads_every_file(prepared: PreparedDesign, identity: SigningIdentity, now: datetime) -> None:
    with zipfile.ZipFile(io.BytesIO(pack(prepared, identity, signed_at=now))) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        names = archive.namelist()
        for name, png in passes.design().images.items():
            assert archive.read(name) == png
    assert {"pass.json", "manifest.json", "signature", "icon.png", "de.lproj/pass.strings"} < set(names)
    assert len(names) == len(set(names))


def test_unzip_accepts_the_archive(
    prepared: PreparedDesign, identity: SigningIdentity, now: datetime, tmp_path: Path
) -> None:
    unzip = shutil.which("unzip")
    if unzip is None:
        pytest.skip("unzip is not installed, it is needed for a second opinion")
    (tmp_path / "acme.pkpass").write_bytes(pack(prepared, identity, signed_at=now))
    tested = subprocess.run(
        [unzip, "-t", tmp_path / "acme.pkpass"], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout
    assert "No errors detected" in tested.stdout
    subprocess.run([unzip, "-q", tmp_path / "acme.pkpass", "-d", tmp_path], check=True)
    # Files that whoever unpacks them may read.
    assert (tmp_path / "icon.png").stat().st_mode & 0o777 == 0o644


def test_the_manifest_is_of_all_files_but_itself_and_the_signature(
    prepared: PreparedDesign, identity: SigningIdentity, now: datetime
) -> None:
    with zipfile.ZipFile(io.BytesIO(pack(prepared, identity, signed_at=now))) as archive:
        digests = {name: sha1(archive.read(name)) for name in archive.namelist()}
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest == {name: digests[name] for name in digests.keys() - {"manifest.json", "signature"}}


def test_openssl_accepts_the_signature_inside(
    openssl: str, ca: DevelopmentCA, prepared: PreparedDesign, identity: SigningIdentity, tmp_path: Path
) -> None:
    pkpass = pack(prepared, identity, signed_at=datetime.now(UTC))
    with zipfile.ZipFile(io.BytesIO(pkpass)) as archive:
        signature, manifest = archive.read("signature"), archive.read("manifest.json")
    result = verified(openssl, signature, manifest=manifest, root=ca.root.pem, folder=tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_same_pass_is_the_same_bytes(
    prepared: PreparedDesign, identity: SigningIdentity, now: datetime
) -> None:
    assert pack(prepared, identity, signed_at=now) == pack(prepared, identity, signed_at=now)


def test_another_time_changes_nothing_but_the_signature(
    prepared: PreparedDesign, identity: SigningIdentity, now: datetime
) -> None:
    archives = [
        zipfile.ZipFile(io.BytesIO(pack(prepared, identity, signed_at=moment)))
        for moment in (now, now + timedelta(hours=1))
    ]
    first, second = ({name: each.read(name) for name in each.namelist()} for each in archives)
    assert {name for name in first if first[name] != second[name]} == {"signature"}


def test_passes_of_one_design_do_not_mix(
    ca: DevelopmentCA, prepared: PreparedDesign, identity: SigningIdentity, now: datetime
) -> None:
    one = pack(prepared, identity, signed_at=now, serial_number="one")
    two = pack(prepared, identity, signed_at=now, serial_number="two")
    assert pack(prepared, identity, signed_at=now, serial_number="one") == one
    for pkpass, serial_number in ((one, "one"), (two, "two")):
        checked = check(pkpass, root_pem=ca.root.pem, now=now)
        assert checked.pass_json["serialNumber"] == serial_number
