"""Type metadata: read, checked for integrity, and a credential held against its rules."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import Any

import pytest

from kompetenspass.core.digest import integrity
from kompetenspass.openid.sdjwt import (
    SDJWT,
    SDJWTError,
    TypeMetadata,
    check_type,
    present,
    read_type_metadata,
    verify,
    verify_integrity,
)
from kompetenspass.testing.keys import TestSigner

VCT = "https://catalog.example/vct/mikromerit/1"
DOCUMENT = json.dumps(
    {
        "vct": VCT,
        "name": "Mikromerit",
        "display": [{"locale": "sv", "name": "Mikromerit", "logo": "ignored"}],
        "claims": [{"path": ["given_name"], "sd": "always", "display": [{"locale": "sv", "label": "Förnamn"}]}],
        "future_member": 1,
    }
).encode()


def code(broken: Any) -> str:
    with pytest.raises(SDJWTError) as refused:
        broken()
    return refused.value.code


def rule(**claim: object) -> TypeMetadata:
    return TypeMetadata.model_validate({"vct": VCT, "claims": [claim]})


def test_sd_9_a_document_is_read_and_unknown_members_are_ignored() -> None:
    metadata = read_type_metadata(DOCUMENT, vct=VCT, integrity=integrity(DOCUMENT))
    assert metadata.claims[0].sd == "always"
    assert metadata.display[0].name == "Mikromerit"


def test_sd_9_a_document_of_another_type_or_other_bytes_is_refused() -> None:
    assert code(lambda: read_type_metadata(DOCUMENT, vct=VCT + "0")) == "type_metadata_mismatch"
    changed = DOCUMENT + b" "
    assert code(lambda: read_type_metadata(changed, vct=VCT, integrity=integrity(DOCUMENT))) == "type_metadata_mismatch"


@pytest.mark.parametrize(
    "document",
    [
        b"[]",
        b"{",
        b'{"vct": 7}',
        b'{"vct": "a", "vct": "b"}',
        b'{"vct": "a", "claims": [{"path": []}]}',
        b'{"vct": "a", "claims": [{"path": [-1]}]}',
        b'{"vct": "a", "claims": [{"path": [true]}]}',
        b'{"vct": "a", "claims": [{"path": ["a"], "sd": "sometimes"}]}',
        b'{"vct": "a", "display": [{"locale": "sv"}]}',
    ],
)
def test_sd_9_a_malformed_document_is_refused(document: bytes) -> None:
    assert code(lambda: read_type_metadata(document, vct="a")) == "type_metadata_malformed"


def test_sd_9_the_strongest_digest_decides() -> None:
    def named(algorithm: str, of: bytes) -> str:
        return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, of).digest()).decode()}"

    both = f"{named('sha256', b'other')} {named('sha512', DOCUMENT)}"
    assert verify_integrity(DOCUMENT, both) == DOCUMENT
    weak = f"{named('sha256', DOCUMENT)} {named('sha384', b'other')}"
    assert code(lambda: verify_integrity(DOCUMENT, weak)) == "type_metadata_mismatch"


@pytest.mark.parametrize("value", ["", "md5-abc", "sha256-", "sha256-%%%", "sha256"])
def test_sd_9_an_integrity_value_that_names_nothing_known_is_refused(value: str) -> None:
    assert code(lambda: verify_integrity(DOCUMENT, value)) == "type_metadata_mismatch"


@pytest.mark.parametrize(
    "claim",
    [
        {"path": ["given_name"], "sd": "always", "mandatory": True},
        {"path": ["vct"], "sd": "never", "mandatory": True},
        {"path": ["address", "city"], "sd": "always"},
        {"path": ["address", "street"], "sd": "never"},
        {"path": ["has_part", None], "sd": "always"},
        {"path": ["has_part", 1], "sd": "always"},
        {"path": ["has_part"], "sd": "never", "mandatory": True},
        {"path": ["absent"], "sd": "always"},
    ],
)
def test_sd_9_a_credential_that_keeps_the_rules_passes(
    claim: dict[str, object], credential: SDJWT, issuer: TestSigner, now: datetime
) -> None:
    for compact in (credential.compact, present(credential.compact, []), present(credential.compact, ["address"])):
        check_type(rule(**claim), verify(compact, issuer_key=issuer.public_key, now=now))


@pytest.mark.parametrize(
    "claim",
    [
        {"path": ["given_name"], "sd": "never"},
        {"path": ["vct"], "sd": "always"},
        {"path": ["address", "street"], "sd": "always"},
        {"path": ["has_part", None], "sd": "never"},
        {"path": ["has_part", 0, "definition"], "sd": "always"},
        {"path": ["absent"], "mandatory": True},
        {"path": ["address", "zip"], "mandatory": True},
        {"path": ["given_name", "x"]},
        {"path": ["address", None]},
        {"path": [0]},
    ],
)
def test_sd_9_a_credential_that_breaks_a_rule_is_refused(
    claim: dict[str, object], credential: SDJWT, issuer: TestSigner, now: datetime
) -> None:
    verified = verify(credential.compact, issuer_key=issuer.public_key, now=now)
    assert code(lambda: check_type(rule(**claim), verified)) == "type_rule_broken"


def test_sd_9_a_hidden_element_counts_as_disclosable(credential: SDJWT, issuer: TestSigner, now: datetime) -> None:
    verified = verify(present(credential.compact, [("has_part", 1)]), issuer_key=issuer.public_key, now=now)
    check_type(rule(path=["has_part", 0], sd="always"), verified)
    never = rule(path=["has_part", 0], sd="never")
    assert code(lambda: check_type(never, verified)) == "type_rule_broken"


def test_sd_9_what_was_not_disclosed_is_not_missing(credential: SDJWT, issuer: TestSigner, now: datetime) -> None:
    verified = verify(present(credential.compact, []), issuer_key=issuer.public_key, now=now)
    check_type(rule(path=["given_name"], mandatory=True), verified)


def test_sd_9_a_credential_of_another_type_is_refused(credential: SDJWT, issuer: TestSigner, now: datetime) -> None:
    verified = verify(credential.compact, issuer_key=issuer.public_key, now=now)
    other = TypeMetadata(vct="urn:example:other")
    assert code(lambda: check_type(other, verified)) == "type_metadata_mismatch"
