"""What an issued credential says, read by the reference library: VCI-31, VCI-43, SD-1 to SD-11, TSL-3, traps 5 and 8.

Sources: RFC 9901; SD-JWT VC; OpenID4VCI 1.0, appendix A.3.
"""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import pairwise
from typing import Any

import pytest
from cryptography import x509
from sd_jwt.verifier import SDJWTVerifier

from kompetenspass.core.clock import system_clock
from tests.integration.stranger import JSON, Held, Stranger, chain_of, check_chain, json_of, leaf_key, opened_by_leaf

ALWAYS = {
    "family_name", "given_name", "birth_date", "learner_identification", "assessment_grade", "pass_threshold",
    "learning_outcomes", "learning_outcomes_structured", "expected_study_time", "level_of_learning_experience",
    "types_of_quality_assurance", "prerequisites_to_enroll", "integration_stackability_options", "assessment_types",
    "supervision_and_id_verification", "part_of",
}  # fmt: skip
NEVER = {
    "vct", "vct#integrity", "iss", "iat", "exp", "cnf", "status", "jti", "issuing_authority", "issuing_country",
    "issuing_region", "achievement_title", "date_of_issuance", "date_awarded", "date_of_expiry", "definition",
    "definition_version", "awarding_body", "creator", "quality_assurance_body", "recognition_level",
    "language_of_classes", "form_of_participation", "nqf_level", "level_placement",
}  # fmt: skip
EU_MANDATORY = {
    "family_name", "learner_identification", "achievement_title", "issuing_country", "issuing_authority",
    "date_of_issuance", "expected_study_time", "types_of_quality_assurance", "learning_outcomes",
}  # fmt: skip


def disclosures_of(held: Held) -> list[list[Any]]:
    parts = held.credential.split("~")[1:-1]
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts]


def oracle(held: Held) -> JSON:
    """Return the verified claims as the reference implementation of SD-JWT has them."""
    key = leaf_key(held.credential)
    return dict(SDJWTVerifier(held.credential, lambda *_: key).get_verified_payload())


def test_vci_43_sd_1_the_credential_is_an_sd_jwt_without_key_binding(held: Held) -> None:
    assert held.credential.endswith("~")
    assert len(held.credential.split("~")[0].split(".")) == 3
    assert all(part for part in held.credential.split("~")[:-1])


def test_sd_7_sd_8_trap_5_the_header_has_the_type_and_a_chain_without_anchor(
    held: Held, root: x509.Certificate, kommun: Stranger
) -> None:
    header = json_of(held.credential.split(".")[0])
    assert set(header) <= {"alg", "typ", "kid", "x5c"}
    assert (header["alg"], header["typ"]) == ("ES256", "dc+sd-jwt")
    chain = chain_of(header)
    check_chain(chain, root)
    names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [kommun.issuer]
    assert chain[0].not_valid_after_utc > system_clock() > chain[0].not_valid_before_utc


def test_trap_32_the_signing_key_stands_in_the_issuers_jwks(held: Held, kommun: Stranger) -> None:
    keys = kommun.parties.ask("get", "issuance", f"/issuers/{kommun.office.slug}/jwks").json()["keys"]
    signing = leaf_key(held.credential).export_public(as_dict=True)
    assert [key for key in keys if (key["x"], key["y"]) == (signing["x"], signing["y"])]


def test_sd_4_the_signature_and_every_disclosure_hold_for_the_reference_library(held: Held, kommun: Stranger) -> None:
    claims = oracle(held)
    assert claims["iss"] == kommun.issuer
    assert (claims["given_name"], claims["family_name"]) == ("Åsa", "Öberg")
    assert claims["assessment_grade"] == "92 %"
    assert "_sd" not in json.dumps(claims)


def test_sd_3_salts_are_fresh_and_long_and_names_are_claims(held: Held) -> None:
    disclosures = disclosures_of(held)
    salts = [disclosure[0] for disclosure in disclosures]
    assert all(len(disclosure) == 3 for disclosure in disclosures)
    assert len(set(salts)) == len(salts)
    assert all(len(base64.urlsafe_b64decode(salt + "==")) >= 16 for salt in salts)


def test_sd_3_the_digests_stand_in_no_order_that_tells_which_is_which(held: Held) -> None:
    digests = held.payload["_sd"]
    assert digests == sorted(digests)
    assert len(set(digests)) == len(digests) >= len(disclosures_of(held))
    assert held.payload.get("_sd_alg", "sha-256") == "sha-256"


def test_sd_7_what_is_hidden_and_what_is_open_is_as_the_type_says(held: Held) -> None:
    hidden = {disclosure[1] for disclosure in disclosures_of(held)}
    shown = set(held.payload) - {"_sd", "_sd_alg"}
    assert hidden <= ALWAYS
    assert not shown & ALWAYS
    assert shown - {"achievement_description", "ects", "esco_skills"} <= NEVER
    assert hidden | shown >= EU_MANDATORY
    assert {"vct", "vct#integrity", "iss", "iat", "exp", "cnf", "status", "jti"} <= shown


def test_sd_7_cnf_is_the_wallets_public_key_and_nothing_more(held: Held) -> None:
    assert held.payload["cnf"] == {"jwk": dict(held.key.public_jwk)}


def test_sd_9_the_type_resolves_to_the_bytes_that_the_credential_vouches_for(held: Held, kommun: Stranger) -> None:
    assert held.payload["vct"] == f"{kommun.parties.urls['catalog']}/vct/mikromerit/1"
    answer = kommun.parties.http.get(held.payload["vct"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert held.payload["vct#integrity"] == f"sha256-{digest}"
    document = answer.json()
    assert document["vct"] == held.payload["vct"]
    assert "extends" not in document
    assert {entry["locale"] for entry in document["display"]} == {"sv", "en"}


def test_sd_9_the_type_describes_every_claim_and_its_disclosure(held: Held, kommun: Stranger) -> None:
    described = {
        claim["path"][0]: claim
        for claim in kommun.parties.http.get(held.payload["vct"]).json()["claims"]
        if len(claim["path"]) == 1
    }
    claims = oracle(held)
    assert set(claims) <= set(described)
    assert {name for name, claim in described.items() if claim["sd"] == "always"} == ALWAYS
    assert {name for name, claim in described.items() if claim["sd"] == "never"} == NEVER
    assert {name for name, claim in described.items() if claim["mandatory"]} <= set(claims)
    for claim in described.values():
        assert set(claim) == {"path", "display", "mandatory", "sd"}
        assert {entry["locale"] for entry in claim["display"]} == {"sv", "en"}


def test_tsl_3_sd_10_the_status_is_one_reference_to_a_list(held: Held, kommun: Stranger) -> None:
    assert set(held.payload["status"]) == {"status_list"}
    assert set(held.status) == {"idx", "uri"}
    assert isinstance(held.status["idx"], int)
    assert held.status["idx"] >= 0
    assert held.status["uri"].startswith(f"{kommun.parties.urls['registry']}/status/")


def test_sd_11_times_are_whole_and_do_not_tell_copies_apart(held: Held) -> None:
    now = system_clock().timestamp()
    issued, ends = held.payload["iat"], held.payload["exp"]
    assert (type(issued), type(ends)) == (int, int)
    assert (issued % 3600, ends % 3600) == (0, 0)
    assert issued <= now < ends
    assert "nbf" not in held.payload


def test_trap_8_two_copies_share_nothing_that_links_them(kommun: Stranger) -> None:
    copies = [kommun.received() for _ in range(3)]
    for copy in copies:
        opened_by_leaf(copy.credential.split("~")[0])
    for unlike in (
        [copy.payload["jti"] for copy in copies],
        [copy.payload["_sd"][0] for copy in copies],
        [copy.status["idx"] for copy in copies],
        [disclosure[0] for copy in copies for disclosure in disclosures_of(copy)],
    ):
        assert len(set(unlike)) == len(unlike)


def test_tsl_8_indices_are_no_arithmetic_sequence(kommun: Stranger) -> None:
    indices = [kommun.received().status["idx"] for _ in range(4)]
    steps = {after - before for before, after in pairwise(indices)}
    assert len(steps) > 1


@pytest.mark.parametrize("secret", ["credential_id", "learner_ref"])
def test_no_internal_id_stands_in_a_credential(held: Held, secret: str) -> None:
    claims = json.dumps(oracle(held))
    assert secret not in claims
    assert held.credential_id not in claims
