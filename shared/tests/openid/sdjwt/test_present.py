"""What the holder discloses: what was asked for, its parents, what it contains, and nothing else."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

import pytest

from kompetenspass.openid.sdjwt import SDJWT, Path, SDJWTError, issue, present, select_places, verify
from kompetenspass.testing.keys import TestSigner


@pytest.mark.parametrize(
    ("paths", "disclosed"),
    [
        ([], set()),
        (["given_name"], {("given_name",)}),
        (["vct"], set()),
        ([("address", "city")], {("address",), ("address", "city")}),
        ([("address", "street")], {("address",)}),
        (["address"], {("address",), ("address", "city")}),
        ([("has_part", 1)], {("has_part", 1)}),
        ([("has_part", None)], {("has_part", 0), ("has_part", 1)}),
        ([("has_part", None, "definition")], {("has_part", 0), ("has_part", 1)}),
        (["has_part"], {("has_part", 0), ("has_part", 1)}),
    ],
)
def test_sd_6_parents_come_with_what_is_selected(
    paths: list[Any], disclosed: set[Path], credential: SDJWT, issuer: TestSigner, now: datetime
) -> None:
    shown = verify(present(credential.compact, paths), issuer_key=issuer.public_key, now=now)
    assert shown.disclosed == disclosed


@pytest.mark.parametrize(
    "path", ["absent", ("address", "zip"), ("has_part", 2), ("given_name", "x"), ("given_name", 0), ("address", None)]
)
def test_a_claim_that_is_not_there_is_refused(path: Any, credential: SDJWT) -> None:
    with pytest.raises(SDJWTError) as refused:
        present(credential.compact, ["given_name", path])
    assert refused.value.code == "claim_not_found"


def test_a_second_presentation_of_a_presentation_cannot_disclose_more(credential: SDJWT) -> None:
    less = present(credential.compact, ["given_name", ("has_part", 1)])
    assert present(less, [("has_part", 1)]).count("~") == 2
    with pytest.raises(SDJWTError, match="claim_not_found"):
        present(less, [("has_part", 0)])


def test_sd_6_an_element_that_lacks_the_asked_claim_stays_hidden(issuer: TestSigner, now: datetime) -> None:
    claims: dict[str, object] = {"vct": "urn:example:type", "parts": [{"a": 1}, {"b": 2}]}
    copy = issue(claims, disclosable=[("parts", None)], signer=issuer, random=secrets.token_bytes)
    shown = verify(present(copy.compact, [("parts", None, "b")]), issuer_key=issuer.public_key, now=now)
    assert shown.claims["parts"] == [{"b": 2}]


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        (("name",), ["Arthur Dent"]),
        (("address", "street_address"), ["42 Market Street"]),
        (("degrees", None, "type"), ["Bachelor of Science", "Master of Science"]),
        (("nationalities", 1), ["Betelgeusian"]),
        (("nationalities", 2), []),
        (("name", None), []),
    ],
)
def test_vp_11_claims_paths_select_as_in_the_specs_example(path: Path, selected: list[str]) -> None:
    credential = {
        "name": "Arthur Dent",
        "address": {"street_address": "42 Market Street"},
        "degrees": [{"type": "Bachelor of Science"}, {"type": "Master of Science"}],
        "nationalities": ["British", "Betelgeusian"],
    }
    assert list(select_places(credential, path).values()) == selected
