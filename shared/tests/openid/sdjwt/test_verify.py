"""Every defect that makes a verifier refuse an SD-JWT, each with its code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.openid.jose import b64u_encode, leaf_key, sign_jws, verify_chain
from kompetenspass.openid.sdjwt import SDJWT, Path, parse_header, present, refuse_kb, verify
from kompetenspass.openid.sdjwt.issue import sha256_b64u
from kompetenspass.testing.keys import TestSigner

Signed = Callable[..., str]


def disclosure(*content: object) -> str:
    return b64u_encode(json.dumps(content).encode())


@pytest.fixture
def code(issuer: TestSigner, now: datetime) -> Callable[[object], str]:
    """Answer the code with which a credential is refused, or `accepted`."""

    def judge(compact: object, moment: datetime = now) -> str:
        try:
            verify(compact, issuer_key=issuer.public_key, now=moment)
        except Problem as problem:
            return problem.code
        return "accepted"

    return judge


NAME = disclosure("salt", "given_name", "Åsa")
ELEMENT = disclosure("salt", "DE")


def test_disclosed_claims_take_their_places(credential: SDJWT, issuer: TestSigner, now: datetime) -> None:
    shown = present(credential.compact, ["given_name", ("has_part", 1)])
    verified = verify(shown, issuer_key=issuer.public_key, now=now)
    assert verified.claims["given_name"] == "Åsa"
    assert verified.claims["has_part"] == [{"definition": "b"}]
    expected: set[Path] = {("given_name",), ("has_part", 1)}
    assert verified.disclosed == expected
    assert verified.digest == credential.digest


@pytest.mark.parametrize("compact", ["", "a.b.c", "~", "~a~", None, 7, "a.b.c~é~", "a.b.c~~~", "x" * 600_000 + "~"])
def test_sd_1_what_is_not_an_sd_jwt_is_refused(compact: object, code: Callable[[object], str]) -> None:
    assert code(compact) == "sd_jwt_malformed"


def test_sd_1_without_its_last_tilde_the_last_disclosure_is_taken_for_a_key_binding(
    credential: SDJWT, issuer: TestSigner, now: datetime
) -> None:
    verified = verify(credential.compact.rstrip("~"), issuer_key=issuer.public_key, now=now)
    with pytest.raises(Problem, match="kb_jwt_unexpected"):
        refuse_kb(verified)


@pytest.mark.parametrize("name", ["sha-1", "SHA-256", "md5", 256, None, ["sha-256"]])
def test_sd_2_an_unknown_digest_algorithm_is_refused(name: object, signed: Signed, code: Any) -> None:
    assert code(signed({"_sd_alg": name})) == "sd_alg_unsupported"


def test_sd_2_the_digest_algorithm_stands_only_at_the_top(signed: Signed, code: Any) -> None:
    assert code(signed({"a": {"_sd_alg": "sha-256"}})) == "sd_alg_misplaced"
    assert code(signed({"a": [{"_sd_alg": "sha-256"}]})) == "sd_alg_misplaced"


def test_sd_2_sha_512_digests_are_read(signed: Signed, code: Any) -> None:
    digest = b64u_encode(hashlib.sha512(NAME.encode()).digest())
    assert code(signed({"_sd": [digest], "_sd_alg": "sha-512"}, NAME)) == "accepted"


def test_sd_3_reserved_names_in_disclosures_are_refused(signed: Signed, code: Any) -> None:
    for name in ("_sd", "...", "_sd_alg"):
        bad = disclosure("salt", name, ["x"])
        assert code(signed({"_sd": [sha256_b64u(bad)]}, bad)) == "claim_name_reserved"
    assert code(signed({"a": {"...": "x"}})) == "claim_name_reserved"


@pytest.mark.parametrize("content", [["s"], ["s", "a", 1, 2], [], {"s": 1}, "text", [1, "a", "b"], ["s", 1, "b"]])
def test_sd_4_a_disclosure_of_the_wrong_shape_is_refused(content: object, signed: Signed, code: Any) -> None:
    bad = b64u_encode(json.dumps(content).encode())
    assert code(signed({"_sd": [sha256_b64u(bad)]}, bad)) == "disclosure_malformed"


@pytest.mark.parametrize(
    "bad", ["a=b", "WyJhIl0=", b64u_encode(b'["s","a",1'), b64u_encode(b'["s","a",{"b":1,"b":2}]')]
)
def test_sd_4_a_disclosure_that_cannot_be_read_is_refused(bad: str, signed: Signed, code: Any) -> None:
    assert code(signed({"_sd": [sha256_b64u(bad)]}, bad)) == "disclosure_malformed"


def test_sd_4_a_disclosure_in_the_wrong_kind_of_place_is_refused(signed: Signed, code: Any) -> None:
    assert code(signed({"_sd": [sha256_b64u(ELEMENT)]}, ELEMENT)) == "disclosure_malformed"
    assert code(signed({"a": [{"...": sha256_b64u(NAME)}]}, NAME)) == "disclosure_malformed"


def test_sd_4_duplicate_digests_are_refused(signed: Signed, code: Any) -> None:
    digest = sha256_b64u(NAME)
    assert code(signed({"_sd": [digest, digest]}, NAME)) == "duplicate_digest"
    assert code(signed({"_sd": [digest], "a": {"_sd": [digest]}}, NAME)) == "duplicate_digest"
    assert code(signed({"a": [{"...": "decoy"}, {"...": "decoy"}]})) == "duplicate_digest"


def test_sd_4_a_digest_repeated_inside_a_disclosure_is_refused(signed: Signed, code: Any) -> None:
    outer = disclosure("salt", "outer", {"_sd": [sha256_b64u(NAME)]})
    assert code(signed({"_sd": [sha256_b64u(NAME), sha256_b64u(outer)]}, NAME, outer)) == "duplicate_digest"


def test_sd_4_a_disclosure_sent_twice_is_refused(signed: Signed, code: Any) -> None:
    assert code(signed({"_sd": [sha256_b64u(NAME)]}, NAME, NAME)) == "duplicate_disclosure"


def test_sd_4_an_unreferenced_disclosure_is_refused(signed: Signed, code: Any) -> None:
    assert code(signed({"_sd": ["decoy"]}, NAME)) == "disclosure_unreferenced"
    assert code(signed({}, NAME)) == "disclosure_unreferenced"


def test_sd_6_a_nested_disclosure_without_its_parent_is_refused(signed: Signed, code: Any) -> None:
    outer = disclosure("salt", "outer", {"_sd": [sha256_b64u(NAME)]})
    assert code(signed({"_sd": [sha256_b64u(outer)]}, outer, NAME)) == "accepted"
    assert code(signed({"_sd": [sha256_b64u(outer)]}, NAME)) == "disclosure_unreferenced"


def test_sd_4_a_disclosure_never_replaces_a_claim(signed: Signed, code: Any) -> None:
    assert code(signed({"given_name": "Eva", "_sd": [sha256_b64u(NAME)]}, NAME)) == "claim_name_collision"
    other = disclosure("salt2", "given_name", "Eva")
    both = {"_sd": [sha256_b64u(NAME), sha256_b64u(other)]}
    assert code(signed(both, NAME, other)) == "claim_name_collision"


@pytest.mark.parametrize("bad", [{"...": "d", "a": 1}, {"...": 1}, {"...": None}])
def test_sd_4_an_array_digest_stands_alone_and_is_text(bad: object, signed: Signed, code: Any) -> None:
    assert code(signed({"a": [bad]})) == "sd_jwt_malformed"


@pytest.mark.parametrize("bad", ["digest", {"a": 1}, [1], [None], 7])
def test_sd_4_sd_must_be_an_array_of_texts(bad: object, signed: Signed, code: Any) -> None:
    assert code(signed({"_sd": bad})) == "sd_jwt_malformed"


def test_sd_4_undisclosed_array_elements_vanish(signed: Signed, issuer: TestSigner, now: datetime) -> None:
    payload = {"a": [{"...": "hidden"}, {"...": sha256_b64u(ELEMENT)}, 3], "b": [{"...": "hidden2"}]}
    verified = verify(signed(payload, ELEMENT), issuer_key=issuer.public_key, now=now)
    assert verified.claims == {"vct": "urn:example:type", "a": ["DE", 3], "b": []}
    assert verified.processed.hidden


def test_sd_4_an_object_of_hidden_claims_becomes_an_empty_object(
    signed: Signed, issuer: TestSigner, now: datetime
) -> None:
    verified = verify(signed({"a": {"_sd": ["decoy"]}, "_sd": []}), issuer_key=issuer.public_key, now=now)
    assert verified.claims == {"vct": "urn:example:type", "a": {}}


def test_claims_nested_too_deep_are_refused(signed: Signed, code: Any) -> None:
    lists: object = 1
    objects: object = 1
    for _ in range(40):
        lists, objects = [lists], {"a": objects}
    assert code(signed({"a": lists})) == "sd_jwt_malformed"
    assert code(signed({"a": objects})) == "sd_jwt_malformed"
    hidden = disclosure("salt", "b", objects)
    assert code(signed({"_sd": [sha256_b64u(hidden)]}, hidden)) == "sd_jwt_malformed"


def test_sd_4_whether_anything_is_hidden_is_told(signed: Signed, issuer: TestSigner, now: datetime) -> None:
    for payload, hidden in (
        ({"_sd": [sha256_b64u(NAME)]}, False),
        ({"_sd": [sha256_b64u(NAME), "decoy"]}, True),
        ({"_sd": [sha256_b64u(NAME)], "a": {"_sd": ["decoy"]}}, True),
        ({"_sd": [sha256_b64u(NAME)], "a": [{"...": "decoy"}]}, True),
    ):
        verified = verify(signed(payload, NAME), issuer_key=issuer.public_key, now=now)
        assert verified.processed.hidden is hidden


def test_sd_4_an_unsigned_credential_is_refused(code: Any) -> None:
    head, body = (
        b64u_encode(json.dumps(part).encode()) for part in ({"alg": "none", "typ": "dc+sd-jwt"}, {"vct": "x"})
    )
    assert code(f"{head}.{body}.AAAA~") == "unsupported_alg"


def test_sd_4_an_expired_credential_is_refused(credential: SDJWT, code: Any, now: datetime) -> None:
    assert code(credential.compact, now + timedelta(hours=2)) == "expired"


def test_sd_4_a_credential_is_refused_before_its_time(signed: Signed, code: Any, now: datetime) -> None:
    assert code(signed({"nbf": int(now.timestamp()) + 600})) == "not_yet_valid"


def test_sd_7_another_type_of_token_is_refused(signed: Signed, code: Any) -> None:
    assert code(signed({}, typ="JWT")) == "wrong_typ"
    assert code(signed({}, typ="vc+sd-jwt")) == "accepted"
    assert code(signed({}, typ="application/dc+sd-jwt")) == "accepted"


@pytest.mark.parametrize("name", ["iss", "nbf", "exp", "cnf", "vct#integrity", "aka_vcts", "status"])
def test_sd_7_registered_claims_in_disclosures_are_refused(name: str, signed: Signed, code: Any) -> None:
    bad = disclosure("salt", name, 4_000_000_000 if name == "exp" else 1)
    assert code(signed({"_sd": [sha256_b64u(bad)]}, bad)) == "claim_not_disclosable"


def test_sd_7_a_disclosure_inside_a_registered_claim_is_refused(signed: Signed, code: Any) -> None:
    inner = disclosure("salt", "uri", "https://x.example")
    assert code(signed({"status": {"_sd": [sha256_b64u(inner)]}}, inner)) == "claim_not_disclosable"


@pytest.mark.parametrize("name", ["sub", "iat"])
def test_sd_7_sub_and_iat_may_be_disclosed(name: str, signed: Signed, code: Any) -> None:
    fine = disclosure("salt", name, 1)
    assert code(signed({"_sd": [sha256_b64u(fine)]}, fine)) == "accepted"


@pytest.mark.parametrize("vct", ["", None, 7, ["a"]])
def test_sd_7_vct_must_be_text(vct: object, signed: Signed, code: Any) -> None:
    assert code(signed({"vct": vct})) == "vct_missing"


def test_sd_8_a_foreign_key_under_the_right_x5c_is_refused(
    credential: SDJWT, issuer: TestSigner, now: datetime
) -> None:
    thief = TestSigner()
    payload = {"vct": "urn:example:type", "iss": "https://issuer.example/issuers/a"}
    forged = sign_jws({"typ": "dc+sd-jwt", "kid": issuer.kid, "x5c": list(issuer.x5c)}, payload, thief) + "~"
    leaf = verify_chain(parse_header(forged)["x5c"], [issuer.anchor.certificate], now)
    with pytest.raises(Problem) as refused:
        verify(forged, issuer_key=leaf_key(leaf), now=now)
    assert refused.value.code == "invalid_signature"


def test_sd_4_a_changed_disclosure_is_refused(credential: SDJWT, code: Any) -> None:
    changed = credential.compact.replace(credential.disclosures[0], disclosure("salt", "given_name", "Eva"))
    assert code(changed) == "disclosure_unreferenced"
