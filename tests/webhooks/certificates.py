"""A certificate authority for one test run, and TLS contexts under it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificates:
    """An authority whose certificates live in ``folder``."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    root: x509.Certificate

    @classmethod
    def create(cls, folder: Path) -> Certificates:
        key = ec.generate_private_key(ec.SECP256R1())
        root = _builder("Test Root", issuer="Test Root", key=key)
        signed = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
            key, hashes.SHA256()
        )
        return cls(folder=folder, key=key, root=signed)

    def server_context(self, name: str) -> tuple[ssl.SSLContext, list[str]]:
        """A context that serves a certificate for ``name``, and the list of names it was asked for."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = (
            _builder(name, issuer="Test Root", key=key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{name}.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + leaf.public_bytes(Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        asked: list[str] = []
        context.sni_callback = lambda _socket, wanted, _context: asked.append(wanted)
        return context, asked

    def client_context(self) -> ssl.SSLContext:
        """A context that trusts this authority only."""
        return ssl.create_default_context(cadata=self.root.public_bytes(Encoding.PEM).decode())


def _builder(name: str, *, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )
