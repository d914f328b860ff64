"""The status list token and the reference to it, with every reason to refuse them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.openid.jose import parse_unverified, sign_jws
from kompetenspass.openid.status import (
    SUSPENDED,
    Reference,
    StatusError,
    encode,
    new_values,
    read_reference,
    set_value,
    token,
    verify_token,
    verify_token_by_x5c,
)
from kompetenspass.testing.keys import TestSigner

URI = "https://registry.example/status/1"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SIGNER = TestSigner()
ANCHORS = [SIGNER.anchor.certificate]
LST = "eNrbuRgAAhcBXQ"


def good(**changes: Any) -> str:
    values: dict[str, Any] = {"uri": URI, "signer": SIGNER, "issued_at": NOW, "ttl_seconds": 60}
    return token(LST, 1, **{**values, **changes})


def made(typ: object = "statuslist+jwt", **changes: Any) -> str:
    claims = {"sub": URI, "iat": int(NOW.timestamp()), "status_list": {"bits": 1, "lst": LST}, **changes}
    return sign_jws({"typ": typ}, {name: value for name, value in claims.items() if value is not ...}, SIGNER)


def code(compact: object, now: datetime = NOW) -> str:
    try:
        verify_token(compact, uri=URI, key=SIGNER.public_key, now=now)
    except Problem as problem:
        return problem.code
    return "accepted"


def test_tsl_2_the_token_carries_what_the_spec_demands() -> None:
    header, claims = parse_unverified(good(expires_at=NOW + timedelta(days=1), aggregation_uri="https://r.example/all"))
    assert header == {"alg": "ES256", "typ": "statuslist+jwt", "kid": SIGNER.kid, "x5c": list(SIGNER.x5c)}
    moment = int(NOW.timestamp())
    assert claims == {
        "sub": URI,
        "iat": moment,
        "exp": moment + 86400,
        "ttl": 60,
        "status_list": {"bits": 1, "lst": LST, "aggregation_uri": "https://r.example/all"},
    }


def test_a_suspended_credential_is_read_from_its_token() -> None:
    values = new_values(64, 2)
    set_value(values, 2, 41, SUSPENDED)
    compact = token(encode(values, 2), 2, uri=URI, signer=SIGNER, issued_at=NOW)
    held = verify_token_by_x5c(compact, uri=URI, anchors=ANCHORS, now=NOW)
    assert [held.get(idx) for idx in (40, 41, 42)] == [0, SUSPENDED, 0]


def test_tsl_7_an_index_beyond_the_list_is_refused() -> None:
    with pytest.raises(StatusError) as refused:
        verify_token(good(), uri=URI, key=SIGNER.public_key, now=NOW).get(16)
    assert refused.value.code == "status_index_out_of_range"


@pytest.mark.parametrize("typ", ["JWT", "statuslist+cwt", None])
def test_trap_6_another_typ_is_refused(typ: object) -> None:
    assert code(made(typ)) == "wrong_typ"


@pytest.mark.parametrize("sub", [URI + "/", URI.upper(), "https://registry.example/status/2"])
def test_trap_6_a_token_for_another_list_is_refused(sub: str) -> None:
    assert code(made(sub=sub)) == "status_token_subject_mismatch"


@pytest.mark.parametrize(
    "changes",
    [{"sub": ...}, {"sub": 7}, {"iat": ...}, {"status_list": ...}, {"status_list": "x"}, {"ttl": 0}, {"ttl": -1}],
)
def test_tsl_2_a_token_without_its_claims_is_refused(changes: dict[str, Any]) -> None:
    assert code(made(**changes)) == "status_token_malformed"


@pytest.mark.parametrize("changes", [{"iat": "now"}, {"exp": "later"}, {"ttl": "long"}, {"exp": True}])
def test_tsl_2_times_that_are_not_numbers_are_refused(changes: dict[str, Any]) -> None:
    assert code(made(**changes)) == "malformed_claim"


@pytest.mark.parametrize("held", [{}, {"bits": 1}, {"lst": LST}, {"bits": 3, "lst": LST}, {"bits": "1", "lst": LST}])
def test_tsl_2_a_malformed_list_is_refused(held: dict[str, Any]) -> None:
    assert code(made(status_list=held)) == "status_list_malformed"


def test_tsl_7_an_expired_token_is_refused() -> None:
    compact = good(expires_at=NOW + timedelta(minutes=5))
    assert code(compact) == "accepted"
    assert code(compact, NOW + timedelta(minutes=7)) == "expired"


def test_tsl_7_a_token_from_the_future_is_refused() -> None:
    assert code(good(), NOW - timedelta(hours=1)) == "not_yet_valid"


def test_trap_30_a_foreign_key_under_the_right_x5c_is_refused() -> None:
    forged = token(LST, 1, uri=URI, signer=TestSigner(), issued_at=NOW, header={"x5c": list(SIGNER.x5c)})
    with pytest.raises(Problem, match="invalid_signature"):
        verify_token_by_x5c(forged, uri=URI, anchors=ANCHORS, now=NOW)


def test_trap_6_a_token_without_x5c_or_under_a_foreign_anchor_is_refused() -> None:
    with pytest.raises(Problem, match="bad_x5c"):
        verify_token_by_x5c(made(), uri=URI, anchors=ANCHORS, now=NOW)
    with pytest.raises(Problem, match="untrusted_chain"):
        verify_token_by_x5c(good(signer=TestSigner()), uri=URI, anchors=ANCHORS, now=NOW)


def test_tsl_7_a_token_is_cached_by_ttl_but_never_beyond_exp() -> None:
    key, moment = SIGNER.public_key, NOW.timestamp()
    plain = verify_token(good(), uri=URI, key=key, now=NOW)
    assert plain.fresh_until(NOW) == moment + 60
    short = verify_token(good(expires_at=NOW + timedelta(seconds=30)), uri=URI, key=key, now=NOW)
    assert short.fresh_until(NOW) == moment + 30
    silent = verify_token(good(ttl_seconds=None), uri=URI, key=key, now=NOW)
    assert silent.fresh_until(NOW, default_ttl_seconds=5) == moment + 5


def test_tsl_3_the_reference_is_read_from_claims() -> None:
    reference = Reference(URI, 7)
    assert read_reference({"status": reference.claim()}) == reference
    assert read_reference({"vct": "x"}) is None


@pytest.mark.parametrize(
    "status",
    [
        None,
        "x",
        {},
        {"other_mechanism": {}},
        {"status_list": []},
        {"status_list": {"idx": 1}},
        {"status_list": {"uri": URI}},
        {"status_list": {"idx": -1, "uri": URI}},
        {"status_list": {"idx": "1", "uri": URI}},
        {"status_list": {"idx": 1.0, "uri": URI}},
        {"status_list": {"idx": True, "uri": URI}},
        {"status_list": {"idx": 1, "uri": "/status/1"}},
        {"status_list": {"idx": 1, "uri": "https://a b"}},
        {"status_list": {"idx": 1, "uri": "https://[a"}},
    ],
)
def test_tsl_3_a_malformed_reference_is_refused(status: object) -> None:
    with pytest.raises(StatusError) as refused:
        read_reference({"status": status})
    assert refused.value.code == "status_reference_malformed"
