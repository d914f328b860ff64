"""The development authority: what its certificates say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from kompetenspass.embedded.pki import DevelopmentCA, Kind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUER = "https://issuer.example/issuers/one"
HOST = "verifier.example"


def authority(folder: Path) -> DevelopmentCA:
    return DevelopmentCA(folder, clock=lambda: NOW)


def chain_of(folder: Path, kind: Kind) -> list[x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return x509.load_pem_x509_certificates(authority(folder).issue(kind, "One", [ISSUER], key, san_dns=[HOST]).encode())


@pytest.mark.parametrize("kind", list(Kind))
def test_a_leaf_is_signed_by_the_intermediate_and_that_by_the_root(tmp_path: Path, kind: Kind) -> None:
    leaf, intermediate = chain_of(tmp_path, kind)
    root = x509.load_pem_x509_certificate(authority(tmp_path).root_pem.encode())
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    assert leaf.issuer != leaf.subject


@pytest.mark.parametrize("kind", list(Kind))
def test_a_leaf_signs_and_issues_nothing(tmp_path: Path, kind: Kind) -> None:
    leaf = chain_of(tmp_path, kind)[0]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)


def test_a_leaf_points_at_its_issuers_key(tmp_path: Path) -> None:
    leaf, intermediate = chain_of(tmp_path, Kind.ISSUER)
    above = intermediate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    named = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert named.key_identifier == above.digest


def test_an_issuers_leaf_names_its_issuer_identifier(tmp_path: Path) -> None:
    names = chain_of(tmp_path, Kind.ISSUER)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [ISSUER]


def test_a_tls_leaf_passes_the_web_rules_for_its_host(tmp_path: Path) -> None:
    leaf, intermediate = chain_of(tmp_path, Kind.TLS)
    root = x509.load_pem_x509_certificate(authority(tmp_path).root_pem.encode())
    verifier = PolicyBuilder().store(Store([root])).time(NOW).build_server_verifier(x509.DNSName(HOST))
    assert verifier.verify(leaf, [intermediate])[-1] == root


def test_a_second_start_finds_the_same_authority(tmp_path: Path) -> None:
    assert authority(tmp_path).root_pem == authority(tmp_path).root_pem


def test_a_start_that_was_cut_off_after_its_key_is_finished_by_the_next(tmp_path: Path) -> None:
    authority(tmp_path).root_path.unlink()
    root = x509.load_pem_x509_certificate(authority(tmp_path).root_pem.encode())
    chain_of(tmp_path, Kind.STATUS)[1].verify_directly_issued_by(root)


def test_the_authoritys_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    authority(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")} == {0o600}


@pytest.mark.parametrize("kind", [Kind.ISSUER, Kind.REQUEST_OBJECT, Kind.TLS])
def test_a_leaf_without_the_name_it_is_known_by_is_refused(tmp_path: Path, kind: Kind) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(ValueError, match="names"):
        authority(tmp_path).issue(kind, "One", [], key)
