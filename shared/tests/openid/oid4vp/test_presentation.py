"""A presentation from end to end: selected and bound by a wallet, verified in the specification's order."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import random_bytes
from kompetenspass.openid import sdjwt
from kompetenspass.openid.oid4vp import VPTokenResponse, presentations
from kompetenspass.openid.oid4vp.dcql import (
    Credential,
    Match,
    QueryNotMet,
    check_credential_sets,
    definition_query,
    match,
    parse,
    select,
)
from kompetenspass.testing.keys import TestSigner

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
VCT = "https://c.example/vct/mikromerit/1"
CLIENT_ID = "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk"
NONCE = "n-0S6_WzA2Mj"
ISSUER, HOLDER, STRANGER = TestSigner(), TestSigner(), TestSigner()
CLAIMS = {
    "vct": VCT,
    "definition": "urn:sko-ys-09",
    "family_name": "Andersson",
    "given_name": "Kim",
    "has_part": ["a", "b"],
}
HIDDEN: list[str | sdjwt.Path] = ["family_name", "given_name", ("has_part", None)]
QUERY = definition_query(vct=VCT, definition="urn:sko-ys-09", claims=[("family_name",)])


@dataclass(frozen=True)
class Binding:
    aud: str = CLIENT_ID
    nonce: str = NONCE
    issued_at: datetime = NOW
    signer: TestSigner = HOLDER

    def sign(self) -> sdjwt.KeyBinding:
        return sdjwt.KeyBinding(self.aud, self.nonce, self.issued_at, self.signer)


SOUND = Binding()


def issued(signer: TestSigner = ISSUER) -> str:
    return sdjwt.issue(
        CLAIMS, disclosable=HIDDEN, signer=signer, random=random_bytes, holder_jwk=HOLDER.public_jwk
    ).compact


def presented(compact: str, binding: Binding = SOUND, query: dict[str, Any] = QUERY) -> str:
    held = Credential("dc+sd-jwt", frozenset({VCT}), CLAIMS)
    (chosen,) = select(parse(query), [held])[query["credentials"][0]["id"]]
    return sdjwt.present(compact, chosen.paths, kb=binding.sign())


def verify_one(presentation: str) -> Credential:
    key = ISSUER.public_key
    found = sdjwt.verify_presentation(presentation, issuer_key=key, aud=CLIENT_ID, nonce=NONCE, now=NOW)
    return Credential("dc+sd-jwt", frozenset({str(found.claims["vct"])}), found.processed.as_issued)


def verified(presentation: str, query: dict[str, Any] = QUERY) -> Match:
    asked = parse(query)
    found = presentations(VPTokenResponse({"mikromerit": [presentation]}), asked)
    (met,) = [match(asked.credentials[0], verify_one(compact)) for compact in found["mikromerit"]]
    check_credential_sets(asked, found)
    return met


def code_of(presentation: str) -> str:
    with pytest.raises(Problem) as refused:
        verified(presentation)
    return refused.value.code


def test_vp_16_and_23_what_was_asked_for_is_disclosed_and_verified_and_nothing_else() -> None:
    claims = verified(presented(issued())).credential.claims
    assert (claims["family_name"], claims["definition"]) == ("Andersson", "urn:sko-ys-09")
    assert "given_name" not in claims
    assert claims["has_part"] == [sdjwt.UNDISCLOSED, sdjwt.UNDISCLOSED]


@pytest.mark.parametrize(
    ("binding", "code"),
    [
        (replace(SOUND, signer=STRANGER), "invalid_signature"),
        (replace(SOUND, nonce="other"), "kb_nonce_mismatch"),
        (replace(SOUND, aud="https://verifier.example"), "kb_aud_mismatch"),
        (replace(SOUND, aud=CLIENT_ID.removeprefix("x509_hash:")), "kb_aud_mismatch"),
        (replace(SOUND, issued_at=NOW - timedelta(days=365)), "too_old"),
        (replace(SOUND, issued_at=NOW + timedelta(days=365)), "not_yet_valid"),
    ],
)
def test_vp_17_and_traps_20_and_23_a_wrong_key_binding_is_refused(binding: Binding, code: str) -> None:
    assert code_of(presented(issued(), binding)) == code


def test_vp_17_a_foreign_issuer_signature_is_refused() -> None:
    assert code_of(presented(issued(STRANGER))) == "invalid_signature"


def test_vp_17_and_trap_23_a_key_binding_over_other_disclosures_is_refused() -> None:
    compact = issued()
    with_name, without = presented(compact), sdjwt.present(compact, [], kb=SOUND.sign())
    moved = without[: without.rindex("~") + 1] + with_name[with_name.rindex("~") + 1 :]
    assert code_of(moved) == "kb_sd_hash_mismatch"


def test_vp_16_without_key_binding_the_presentation_is_refused() -> None:
    assert code_of(sdjwt.present(issued(), [("family_name",)])) == "kb_jwt_missing"


def test_vp_9_a_claim_that_was_kept_back_or_another_definition_does_not_meet_the_query() -> None:
    assert code_of(sdjwt.present(issued(), [], kb=SOUND.sign())) == "dcql_query_not_met"
    other = definition_query(vct=VCT, definition="urn:other")
    with pytest.raises(QueryNotMet) as refused:
        verified(presented(issued()), other)
    assert refused.value.reason.value == "value"


def test_vp_16_a_response_that_answers_only_a_part_is_refused() -> None:
    query = {"credentials": [*QUERY["credentials"], {"id": "more", "format": "dc+sd-jwt", "meta": {}}]}
    with pytest.raises(QueryNotMet) as refused:
        verified(presented(issued()), query)
    assert refused.value.path == "credentials[more]"
