"""The claims of a credential, compared with the pilot's own example."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from kompetenspass.core.digest import content_digest
from kompetenspass.openid.mikromerit import CLAIMS, DISCLOSABLE, NEVER_SD
from services.issuance.domain.authority import Definition, Organisation
from services.issuance.domain.claims import (
    CopyRefs,
    Earned,
    Learner,
    Parties,
    Token,
    claims_of_copy,
    claims_of_merit,
    expires_on,
    valid_to,
)
from services.issuance.tests.world import KOMMUN, PILOT, SOCIALKONTORET, definition

EXAMPLE = json.loads((PILOT.parent / "examples" / "sdjwtvc_claims_sko-ys-09.json").read_text("utf-8"))
EXPECTED: dict[str, Any] = EXAMPLE["extended_vct_claims"]
CONTENT = definition("sko-ys-09")
ISSUED_AT = datetime(2026, 11, 20, 9, 47, 11, tzinfo=UTC)
NOT_OURS_TO_FIX = {"cnf", "iat", "exp", "jti", "status", "learner_identification", "vct#integrity"}


def organisation(org_id: str, name: str) -> Organisation:
    return Organisation(org_id, org_id[4:], {"sv": name}, "<registration number>", "SE", "Västerbottens län")


def built(**earned: Any) -> dict[str, Any]:
    kommun = organisation(KOMMUN, "Skellefteå kommun (demo)")
    digest = content_digest(CONTENT)
    merit = claims_of_merit(
        Definition("sko-ys-09", CONTENT["urn"], 1, digest, KOMMUN, KOMMUN, CONTENT["provider"], CONTENT),
        Parties(kommun, kommun, kommun, organisation(SOCIALKONTORET, "Socialkontoret, Skellefteå kommun")),
        Learner("Demo", "Elev", "pseudonym"),
        Earned(**({
            "percent": 84.0,
            "awarded_on": date(2026, 11, 19),
            "supervision": CONTENT["assessment"]["supervision"]["uri"],
            "recognition_level": "R4",
        } | earned)),
        ["urn:mikromerit:demo:pathway:sko-path-yrkessvenska"],
    )  # fmt: skip
    token = Token(EXPECTED["iss"], EXPECTED["vct"], "sha256-x", ISSUED_AT, timedelta(days=365))
    return claims_of_copy(merit, token, CopyRefs(UUID(int=5), "https://registry.example/status/1", 17))


def test_the_claims_are_those_of_the_pilots_example() -> None:
    ours = {name: value for name, value in built().items() if name not in NOT_OURS_TO_FIX}
    theirs = {name: value for name, value in EXPECTED.items() if name not in NOT_OURS_TO_FIX}
    assert ours == theirs


def test_every_claim_is_one_of_the_type() -> None:
    assert set(built()) <= {str(claim.path[0]) for claim in CLAIMS}


def test_every_mandatory_claim_of_the_type_is_there() -> None:
    mandatory = {str(claim.path[0]) for claim in CLAIMS if claim.mandatory}
    assert mandatory - set(built()) == {"cnf"}


def test_what_says_who_somebody_is_can_be_kept_back() -> None:
    personal = {"given_name", "family_name", "learner_identification", "assessment_grade"}
    assert {(name,) for name in personal} <= DISCLOSABLE
    assert not personal & NEVER_SD


def test_sd11_times_are_rounded_so_that_copies_cannot_be_linked() -> None:
    claims = built()
    assert claims["iat"] % 3600 == 0
    assert claims["exp"] - claims["iat"] == 365 * 86400
    assert claims["iat"] <= ISSUED_AT.timestamp()


def test_a_rule_without_percentages_gives_no_percentage() -> None:
    assert built(percent=None)["assessment_grade"] == "godkänd"


def test_a_fraction_of_a_per_cent_is_kept() -> None:
    assert built(percent=84.5)["assessment_grade"] == "84.5 %"


def test_a_merit_without_an_end_has_no_date_of_expiry() -> None:
    assert "date_of_expiry" not in built()
    assert valid_to({"validity": {"months": None}}, date(2026, 1, 1)) is None


@pytest.mark.parametrize(
    ("awarded", "months", "last"),
    [
        (date(2026, 11, 19), 24, date(2028, 11, 19)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 1, 31), 11, date(2026, 12, 31)),
        (date(2026, 12, 1), 36, date(2029, 12, 1)),
    ],
)
def test_a_merit_ends_so_many_months_later_on_a_day_that_exists(awarded: date, months: int, last: date) -> None:
    assert expires_on({"validity": {"months": months}}, awarded) == last


def test_the_last_day_counts_whole() -> None:
    end = valid_to({"validity": {"months": 12}}, date(2026, 11, 19))
    assert end == datetime(2027, 11, 20, tzinfo=UTC)


def test_an_unplaced_merit_claims_no_level() -> None:
    names = {"level_of_learning_experience", "nqf_level", "level_placement"}
    unplaced = {**CONTENT, "level": {"applicable": False, "eqf": 3}}
    merit = claims_of_merit(
        Definition("x", "urn:x", 1, "d", KOMMUN, KOMMUN, KOMMUN, unplaced),
        Parties(organisation(KOMMUN, "K"), organisation(KOMMUN, "K"), None, None),
        Learner("A", "B", "c"),
        Earned(90.0, date(2026, 1, 1), "urn:s", "R1"),
        [],
    )
    assert not names & set(merit)
    assert not {"creator", "quality_assurance_body", "part_of"} & set(merit)
