"""A type that extends another: inherited, overridden, never loosened."""

from __future__ import annotations

from datetime import datetime

import pytest

from kompetenspass.openid.sdjwt import SDJWT, SDJWTError, TypeMetadata, check_type, join_types, verify
from kompetenspass.testing.keys import TestSigner

BASE: dict[str, object] = {
    "vct": "https://example.com/base-type-metadata",
    "display": [{"locale": "en", "name": "Base"}],
    "claims": [
        {"path": ["name"], "display": [{"label": "Full Name", "locale": "en"}]},
        {"path": ["address", "city"], "display": [{"label": "City", "locale": "en"}], "sd": "always"},
        {"path": ["born"], "mandatory": True},
    ],
}
CHILD: dict[str, object] = {"vct": "https://example.com/custom-type-metadata", "extends": BASE["vct"]}


def joined(*claims: object, **changes: object) -> TypeMetadata:
    child = TypeMetadata.model_validate({**CHILD, "claims": claims, **changes})
    return join_types([child, TypeMetadata.model_validate(BASE)])


def refused(*chain: dict[str, object]) -> str:
    with pytest.raises(SDJWTError) as error:
        join_types([TypeMetadata.model_validate(document) for document in chain])
    return error.value.code


def test_sd_9_claims_are_inherited_and_overridden_as_in_the_specs_example() -> None:
    town = {"path": ["address", "city"], "display": [{"label": "Town", "locale": "en"}]}
    nationalities = {"path": ["nationalities"], "display": [{"label": "Nationalities", "locale": "en"}]}
    claims = {claim.path: claim for claim in joined(town, nationalities).claims}
    assert list(claims) == [("name",), ("address", "city"), ("born",), ("nationalities",)]
    assert claims["address", "city"].display[0].label == "Town"
    assert claims["address", "city"].sd == "always"
    assert claims["born",].mandatory


def test_sd_9_a_display_of_its_own_stands_alone() -> None:
    assert joined().display[0].name == "Base"
    assert [item.name for item in joined(display=[{"locale": "sv", "name": "Eget"}]).display] == ["Eget"]


@pytest.mark.parametrize(
    "claim", [{"path": ["address", "city"], "sd": "never"}, {"path": ["born"], "mandatory": False}]
)
def test_sd_9_a_type_that_loosens_a_rule_is_refused(claim: dict[str, object]) -> None:
    assert refused({**CHILD, "claims": [claim]}, BASE) == "type_metadata_malformed"


def test_sd_9_a_chain_that_is_circular_or_broken_is_refused() -> None:
    circle: dict[str, object] = {"vct": BASE["vct"], "extends": CHILD["vct"]}
    for chain in ((), (CHILD,), (CHILD, circle), (CHILD, circle, CHILD), (BASE, CHILD), (CHILD, CHILD)):
        assert refused(*chain) == "type_metadata_malformed"


def test_sd_9_a_type_that_was_not_joined_is_not_judged_by(credential: SDJWT, issuer: TestSigner, now: datetime) -> None:
    verified = verify(credential.compact, issuer_key=issuer.public_key, now=now)
    lone = TypeMetadata(vct=verified.claims["vct"], extends="urn:example:base")
    with pytest.raises(SDJWTError, match="type_metadata_malformed"):
        check_type(lone, verified)
