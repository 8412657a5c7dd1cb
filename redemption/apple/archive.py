"""Packs passes: wallet-py3k's structure and manifest, signed in process, in an uncompressed zip archive."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wallet.models import Pass, PassInformation  # type: ignore[import-untyped]

from redemption.apple.signing import SigningIdentity, sign

ZIP_VERSION = 20
UNIX = 3 << 8
READABLE_FILE = 0o100644 << 16
# 1 January 1980, the first day a zip file knows: equal passes are equal bytes.
ZIP_DATE = 1 << 5 | 1
MANIFEST_START = b'{"pass.json": "'

Content = dict[str, Any]
Files = Mapping[str, bytes]


class PassArchive(Pass):  # type: ignore[misc]  # wallet-py3k is not typed
    """What all passes of a design share: files hashed, checksummed and laid out once, and their manifest.

    Never call `create`: wallet-py3k starts openssl there.
    """

    def __init__(self, information: PassInformation, *, files: Files) -> None:
        super().__init__(information)
        self.sharing_prohibited = False
        self._files = files
        self._manifest: bytes = self._createManifest(b"")
        self._entries, self._directory = _store(files, offset=0)

    def json_dict(self) -> Content:
        """Return wallet-py3k's content of pass.json with the key it does not know."""
        content: Content = super().json_dict()
        return {**content, "sharingProhibited": True} if self.sharing_prohibited else content

    def content(self) -> Content:
        """Return what of pass.json is the same in all passes of the design."""
        return dict(json.loads(self._createPassJson()))

    def pack(self, content: Content, *, identity: SigningIdentity, signed_at: datetime) -> bytes:
        """Return the .pkpass file around a pass.json; `signed_at` is aware.

        The same content gives the same bytes, but for signing time and signature.
        """
        pass_json = json.dumps(content).encode()
        manifest = self._manifest_with(pass_json)
        signature = sign(manifest, identity=identity, signed_at=signed_at)
        return self._zip({"pass.json": pass_json, "manifest.json": manifest, "signature": signature})

    def _manifest_with(self, pass_json: bytes) -> bytes:
        # wallet-py3k writes pass.json first, and nothing changes but its forty digits. SHA-1 is what Wallet
        # reads here; the manifest itself is signed with SHA-256.
        digest = hashlib.sha1(pass_json, usedforsecurity=False).hexdigest().encode()
        return MANIFEST_START + digest + self._manifest[len(MANIFEST_START) + len(digest) :]

    def _zip(self, own: Files) -> bytes:
        entries, directory = _store(own, offset=len(self._entries))
        count = len(self._files) + len(own)
        starts_at = len(self._entries) + len(entries)
        size = len(self._directory) + len(directory)
        end = b"PK\5\6" + struct.pack("<4H2LH", 0, 0, count, count, size, starts_at, 0)
        return b"".join((self._entries, entries, self._directory, directory, end))


def _store(files: Files, *, offset: int) -> tuple[bytes, bytes]:
    """Return the entries of files, the first at `offset` bytes, and their part of the central directory.

    Layouts: APPNOTE.TXT, sections 4.3.7 and 4.3.12. Both hold the same ten numbers about a file.
    """
    entries, directory = bytearray(), bytearray()
    for name, file in files.items():
        path = name.encode("ascii")
        numbers = struct.pack(
            "<5H3L2H", ZIP_VERSION, 0, 0, 0, ZIP_DATE, zlib.crc32(file), len(file), len(file), len(path), 0
        )
        directory += b"PK\1\2" + struct.pack("<H", UNIX | ZIP_VERSION) + numbers
        directory += struct.pack("<3H2L", 0, 0, 0, READABLE_FILE, offset + len(entries)) + path
        entries += b"PK\3\4" + numbers + path + file
    return bytes(entries), bytes(directory)
