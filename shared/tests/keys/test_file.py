"""FileSigner: a key in a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.jwk import JWK

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.pki import DevelopmentCA
from kompetenspass.keys.api import Signer
from kompetenspass.keys.file import FileSigner, create_key
from kompetenspass.keys.public import public_jwk, thumbprint

ISSUER = "https://issuer.example/issuers/one"


def enrolled(folder: Path) -> tuple[Path, Path]:
    """Make a key with a chain in `folder` and return their two paths."""
    key, chain = folder / "issuer.key", folder / "issuer.pem"
    chain.write_text(DevelopmentCA(folder / "ca").issue("issuer", "One", [ISSUER], create_key(key)))
    return key, chain


def test_a_new_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    create_key(tmp_path / "a.key")
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    create_key(tmp_path / "a.key")
    with pytest.raises(FileExistsError):
        create_key(tmp_path / "a.key")


def test_a_signature_is_r_and_s_and_verifies(tmp_path: Path) -> None:
    public = create_key(tmp_path / "a.key")
    signature = FileSigner(tmp_path / "a.key").sign(b"message")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    assert len(signature) == 64
    public.verify(encode_dss_signature(r, s), b"message", ec.ECDSA(hashes.SHA256()))


def test_every_signature_is_64_bytes(tmp_path: Path) -> None:
    create_key(tmp_path / "a.key")
    signer = FileSigner(tmp_path / "a.key")
    assert {len(signer.sign(bytes([n]))) for n in range(256)} == {64}


def test_the_chain_is_the_leaf_and_the_intermediate(tmp_path: Path) -> None:
    signer: Signer = FileSigner(*enrolled(tmp_path))
    assert len(signer.x5c) == 2


def test_a_chain_with_the_anchor_in_it_is_refused(tmp_path: Path) -> None:
    key, chain = enrolled(tmp_path)
    chain.write_text(chain.read_text() + DevelopmentCA(tmp_path / "ca").root_pem)
    with pytest.raises(Problem, match="key_unusable"):
        FileSigner(key, chain)


def test_a_chain_of_another_key_is_refused(tmp_path: Path) -> None:
    _, chain = enrolled(tmp_path)
    create_key(tmp_path / "other.key")
    with pytest.raises(Problem, match="key_unusable"):
        FileSigner(tmp_path / "other.key", chain)


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    create_key(tmp_path / "a.key")
    (tmp_path / "a.key").chmod(0o644)
    with pytest.raises(Problem, match="key_unusable"):
        FileSigner(tmp_path / "a.key")


def test_a_missing_key_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Problem) as refused:
        FileSigner(tmp_path / "none.key")
    assert "Enrol" in refused.value.remedy


@pytest.mark.parametrize("content", ["", "rubbish", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.key").write_text(content)
    (tmp_path / "a.key").chmod(0o600)
    with pytest.raises(Problem, match="key_unusable"):
        FileSigner(tmp_path / "a.key")


def test_the_private_key_is_in_no_text_of_the_signer(tmp_path: Path) -> None:
    create_key(tmp_path / "a.key")
    secret = JWK.from_pem((tmp_path / "a.key").read_bytes()).export(as_dict=True)["d"]
    signer = FileSigner(tmp_path / "a.key")
    shown = repr(signer) + str(signer) + repr(signer.public_jwk) + repr(vars(signer))
    assert secret not in shown
    assert "PRIVATE" not in shown


def test_the_thumbprint_is_that_of_another_library(tmp_path: Path) -> None:
    public = create_key(tmp_path / "a.key")
    other = JWK(**public_jwk(public))
    assert thumbprint(public_jwk(public)) == other.thumbprint()


def test_the_thumbprint_is_taken_over_the_required_members_only() -> None:
    jwk = {"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ"}
    assert thumbprint({**jwk, "kid": "k", "use": "sig"}) == thumbprint(jwk)
    assert len(thumbprint(jwk)) * 3 // 4 == hashlib.sha256().digest_size
