"""The claims of a stack award, for the pilots' own pathways, and the credential that is signed of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

import pytest
import yaml

from kompetenspass.core.digest import content_digest
from kompetenspass.core.ids import random_bytes
from kompetenspass.openid.jose import public_key
from kompetenspass.openid.mikromerit import CLAIMS, DISCLOSABLE, type_metadata, vct
from kompetenspass.openid.sdjwt.issue import issue
from kompetenspass.openid.sdjwt.present import present
from kompetenspass.openid.sdjwt.process import UNDISCLOSED
from kompetenspass.openid.sdjwt.type_metadata import check_type, read_type_metadata
from kompetenspass.openid.sdjwt.verify import VerifiedSDJWT, verify
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.keys import TestSigner
from services.issuance.domain.authority import Definition, Organisation
from services.issuance.domain.award_claims import RESERVATION, Awarded, Part, claims_of_award, common_assurer, merits_of
from services.issuance.domain.claims import Claims, CopyRefs, Learner, Parties, Token, claims_of_copy
from services.issuance.tests.world import PILOT

CATALOG = "https://catalog.example"
KRAFT = Organisation("org:skelleftea-kraft", "skelleftea-kraft", {"sv": "Skellefteå Kraft"}, "DEMO-6", "SE")
SIX_OF_EIGHT = [f"skk-vk-{number:02}" for number in (*range(1, 14), 16, 17)]
YRKESSVENSKA = [f"sko-ys-{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 9, 10)]


@cache
def pilots() -> dict[str, Any]:
    """Return all definitions and pathways of the two pilots, by id."""
    files = [PILOT, PILOT.parent / "01_skelleftea_kraft_vattenkraft.yaml"]
    found = [yaml.safe_load(file.read_text("utf-8")) for file in files]
    return {one["id"]: one for content in found for one in (*content["definitions"], *content["pathways"])}


def defined(id_: str, **changes: Any) -> Definition:
    content = pilots()[id_] | changes
    owner = content["awarding_body"]
    return Definition(id_, content["urn"], 1, content_digest(content), owner, owner, owner, content)


def part(id_: str, parts: Iterable[Part] | None = None, **changes: Any) -> Part:
    digests = (f"digest of {id_}",)
    return Part(uuid5(UUID(int=1), id_), defined(id_, **changes), digests, None if parts is None else tuple(parts))


def claims(pathway: Definition | str, parts: Iterable[Part | str], *part_of: str) -> Claims:
    """Return the award of a pathway to a learner who holds these parts."""
    held = tuple(part(one) if isinstance(one, str) else one for one in parts)
    its = pathway if isinstance(pathway, Definition) else defined(pathway)
    awarded = Awarded(its, held, date(2026, 11, 20), "R3")
    return claims_of_award(awarded, Parties(KRAFT, KRAFT, KRAFT, None), Learner("Demo", "Elev", "pseudonym"), part_of)


def test_the_technicians_award_sums_and_joins_what_it_rests_on() -> None:
    made = claims("skk-path-drifttekniker", SIX_OF_EIGHT, "urn:outer")
    assert made["achievement_title"] == "Drifttekniker vattenkraft"
    assert made["expected_study_time"] == "PT178H"
    assert made["types_of_quality_assurance"] == ["Intern kvalitetssäkring med branschgranskning"]
    assert len(made["assessment_types"]) == len(set(made["assessment_types"])) == 4
    assert made["language_of_classes"] == ["sv"]
    assert made["form_of_participation"] == pilots()["skk-vk-01"]["participation"]["uri"]
    assert made["learning_outcomes"] == [pilots()[id_]["title"]["sv"] for id_ in SIX_OF_EIGHT]
    assert (made["part_of"], made["integration_stackability_options"]) == (["urn:outer"], True)


def test_the_award_in_vocational_swedish_has_its_hours_level_and_parts() -> None:
    made = claims("sko-path-yrkessvenska", reversed(YRKESSVENSKA))
    assert made["definition"] == "urn:mikromerit:demo:pathway:sko-path-yrkessvenska"
    assert (made["definition_version"], made["expected_study_time"]) == (1, "PT200H")
    assert made["has_part"] == [
        {"definition": f"urn:mikromerit:demo:{id_}", "digests": [f"digest of {id_}"]} for id_ in YRKESSVENSKA
    ]
    assert made["level_of_learning_experience"] == 3
    assert made["nqf_level"] == "http://data.europa.eu/snb/qdr/c_4ec9e6c0"
    assert made["level_placement"] == "not_applied"
    assert len(made["assessment_types"]) == 3
    assert (made["integration_stackability_options"], "part_of" in made) == (False, False)


def test_an_award_tells_no_result_and_has_no_end() -> None:
    absent = {"assessment_grade", "pass_threshold", "supervision_and_id_verification", "date_of_expiry"}
    assert not absent & set(claims("sko-path-yrkessvenska", YRKESSVENSKA))


def test_the_placement_is_decided_only_where_an_authority_decided() -> None:
    result = {"kind": "partial_qualification", "eqf": 3, "seqf": 3}
    for said, claimed in (("decided", "decided"), ("indicative", "not_applied"), (None, "not_applied")):
        pathway = defined("sko-path-yrkessvenska", result=result | {"placement": said})
        assert claims(pathway, YRKESSVENSKA)["level_placement"] == claimed


def test_a_pathway_without_a_level_claims_none() -> None:
    made = claims(defined("sko-path-yrkessvenska", result={"kind": "x", "placement": "not_applied"}), YRKESSVENSKA)
    assert not {"level_of_learning_experience", "nqf_level", "level_placement"} & set(made)


def test_a_nested_award_counts_what_it_rests_on_and_no_credential_twice() -> None:
    nested = part("skk-path-drifttekniker", [part(id_) for id_ in SIX_OF_EIGHT])
    own = [f"skk-vk-{number:02}" for number in (*range(8, 16), *range(18, 24))]
    made = claims("skk-path-vakthavande", [nested, *own])
    assert made["expected_study_time"] == "PT282H"
    assert len(made["has_part"]) == 15
    assert made["learning_outcomes"][0] == "Drifttekniker vattenkraft"
    assert len(merits_of([nested, *(part(id_) for id_ in own)])) == 23


def test_the_reservation_stands_in_the_text_of_an_award_that_can_be_suspended() -> None:
    assert claims("skk-path-drifttekniker", SIX_OF_EIGHT)["achievement_description"].endswith(RESERVATION)
    assert RESERVATION not in claims("sko-path-yrkessvenska", YRKESSVENSKA)["achievement_description"]


def test_what_the_pathway_says_of_itself_is_the_description() -> None:
    described = defined("sko-path-yrkessvenska", description={"sv": "Om vägen.", "en": "About the pathway."})
    assert claims(described, YRKESSVENSKA)["achievement_description"] == "Om vägen."
    assert "achievement_description" not in claims(defined("sko-path-yrkessvenska", note=None), YRKESSVENSKA)


def test_the_most_common_form_of_participation_wins_and_of_several_the_first_in_the_alphabet() -> None:
    forms = {"sko-ys-01": "urn:b", "sko-ys-02": "urn:a", "sko-ys-03": "urn:b", "sko-ys-04": "urn:a"}
    parts = [part(id_, participation={"uri": uri}) for id_, uri in forms.items()]
    assert claims("sko-path-yrkessvenska", parts)["form_of_participation"] == "urn:a"
    assert claims("sko-path-yrkessvenska", parts[:3])["form_of_participation"] == "urn:b"


def test_the_quality_assurer_is_named_only_where_it_is_the_same_for_all() -> None:
    assert common_assurer([part(id_) for id_ in SIX_OF_EIGHT]) == "org:demo-energy-sector-council"
    assert common_assurer([part("skk-vk-01"), part("sko-ys-01")]) is None
    assert common_assurer([]) is None


def test_hours_may_be_fractions() -> None:
    parts = [part("sko-ys-01", workload={"hours": 1.5}), part("sko-ys-02", workload={"hours": 2})]
    assert claims("sko-path-yrkessvenska", parts)["expected_study_time"] == "PT3.5H"


def test_the_order_of_events_changes_nothing() -> None:
    assert claims("sko-path-yrkessvenska", YRKESSVENSKA) == claims("sko-path-yrkessvenska", reversed(YRKESSVENSKA))


def signed(made: Claims, *paths: Any) -> VerifiedSDJWT:
    """Return the award as somebody verifies it who is shown only what the paths select."""
    signer = TestSigner()
    token = Token("https://issuance.example/issuers/k", vct(CATALOG), "sha256-x", NOON, timedelta(days=365))
    copy = claims_of_copy(made, token, CopyRefs(UUID(int=5), "https://registry.example/status/1", 17))
    issued = issue(
        copy, disclosable=DISCLOSABLE, signer=signer, random=random_bytes, holder_jwk=TestSigner().public_jwk
    )
    return verify(present(issued.compact, paths), issuer_key=public_key(dict(signer.public_jwk)), now=NOON)


@pytest.mark.parametrize(
    ("pathway", "parts"), [("skk-path-drifttekniker", SIX_OF_EIGHT), ("sko-path-yrkessvenska", YRKESSVENSKA)]
)
def test_a_verifiers_type_check_accepts_the_award(pathway: str, parts: list[str]) -> None:
    metadata = read_type_metadata(type_metadata(CATALOG), vct=vct(CATALOG))
    made = claims(pathway, parts)
    check_type(metadata, signed(made))
    check_type(metadata, signed(made, *made))
    mandatory = {str(claim.path[0]) for claim in CLAIMS if claim.mandatory}
    assert set(made) <= {str(claim.path[0]) for claim in CLAIMS}
    assert mandatory - set(made) == {
        "vct", "vct#integrity", "iss", "iat", "cnf", "status", "jti", "date_of_issuance",
    }  # fmt: skip


def test_one_constituent_can_be_shown_without_the_others() -> None:
    made = claims("skk-path-drifttekniker", SIX_OF_EIGHT)
    shown = signed(made, ("has_part", 2)).processed.as_issued["has_part"]
    assert shown[2] == made["has_part"][2]
    assert [one is UNDISCLOSED for one in shown] == [number != 2 for number in range(15)]
    assert signed(made).claims["has_part"] == []


@pytest.mark.parametrize("definition_id", [f"skk-vk-{number:02}" for number in range(1, 24)])
def test_the_levels_of_seqf_are_those_that_the_definitions_name(definition_id: str) -> None:
    level = pilots()[definition_id]["level"]
    assert claims(defined("sko-path-yrkessvenska", result=level), YRKESSVENSKA)["nqf_level"] == level["seqf_uri"]
