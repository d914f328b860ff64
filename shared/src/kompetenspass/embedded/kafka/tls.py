"""The key and certificate of the secured listener, from the development CA."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kompetenspass.embedded.kafka.properties import SECURED_HOST
from kompetenspass.embedded.pki import DevelopmentCA, Kind
from kompetenspass.keys.file import write_private


def write_keystore(authority: DevelopmentCA, path: Path) -> None:
    """Write a new key (PKCS #8) and its chain as PEM to `path`, as Kafka wants them: in one file, mode 0600."""
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.issue(Kind.TLS, "Kafka", (), key.public_key(), san_dns=(SECURED_HOST,))
    path.unlink(missing_ok=True)
    write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + chain.encode("ascii"))
