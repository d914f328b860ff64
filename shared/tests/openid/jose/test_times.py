"""The time claims of a JWT, on both sides of every edge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kompetenspass.openid.jose import JoseError, check_times

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
T = int(NOW.timestamp())


def code(claims: dict[str, Any], **options: Any) -> str:
    try:
        check_times(claims, NOW, **options)
    except JoseError as error:
        return error.code
    return "accepted"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, "accepted"),
        ({"exp": T + 1, "nbf": T, "iat": T}, "accepted"),
        ({"exp": T - 59}, "accepted"),
        ({"exp": T - 60}, "expired"),
        ({"nbf": T + 60}, "accepted"),
        ({"nbf": T + 61}, "not_yet_valid"),
        ({"iat": T + 60.0}, "accepted"),
        ({"iat": T + 60.5}, "not_yet_valid"),
        ({"exp": "1"}, "malformed_claim"),
        ({"exp": None}, "malformed_claim"),
        ({"nbf": True}, "malformed_claim"),
        ({"iat": [T]}, "malformed_claim"),
        ({"exp": 10**400}, "malformed_claim"),
    ],
)
def test_times_are_judged_with_a_minute_of_skew(claims: dict[str, Any], expected: str) -> None:
    assert code(claims) == expected


def test_without_skew_the_edge_is_sharp() -> None:
    assert code({"exp": T}, skew_seconds=0) == "expired"
    assert code({"nbf": T}, skew_seconds=0) == "accepted"


def test_required_claims_must_be_there() -> None:
    assert code({"iat": T}, required=("iat", "exp")) == "missing_claim"
    assert code({"iat": T, "exp": T + 1}, required=("iat", "exp")) == "accepted"


def test_age_is_bounded_by_iat() -> None:
    assert code({}, max_age_seconds=300) == "missing_claim"
    assert code({"iat": T - 360}, max_age_seconds=300) == "accepted"
    assert code({"iat": T - 361}, max_age_seconds=300) == "too_old"
