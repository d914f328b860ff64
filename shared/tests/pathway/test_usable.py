from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound
from kompetenspass.pathway.proof import Proof
from kompetenspass.pathway.rule import Age
from kompetenspass.pathway.standing import age_end
from kompetenspass.testing.holdings import NOW, award, days, merit, named, pathway


def leaf(conditions: dict[str, Any], *held: Any, bound: Bound | None = None, **constraints: Any) -> Proof:
    return evaluate(pathway({"credential": "a"} | conditions, **constraints), held, (), NOW, bound=bound).proof


@pytest.mark.parametrize(
    ("conditions", "good", "bad", "reason"),
    [
        ({"version": "2..3"}, {"version": 2}, {"version": 4}, "version"),
        ({"version": ">=2"}, {"version": 9}, {"version": 1}, "version"),
        ({"issued_by": ["org:x", "org:y"]}, {"issuer_org": "org:y"}, {}, "other_issuer"),
        ({"min_recognition": "R5"}, {"recognition_level": "R5"}, {"recognition_level": "R4"}, "recognition_too_low"),
        ({"min_result_percent": 80}, {"result_percent": 80}, {"result_percent": 79.9}, "result_too_low"),
        ({"min_result_percent": 80}, {"result_percent": 100}, {}, "result_too_low"),
        ({"max_age": "P10D"}, {"awarded_at": days(-10)}, {"awarded_at": days(-10.001)}, "too_old"),
        ({"rpl": False}, {}, {"rpl": True}, "rpl_refused"),
        ({"rpl": True}, {"rpl": True}, {"standing": "revoked"}, "revoked"),
    ],
)
def test_a_leaf_takes_what_fits_its_condition_and_says_why_not(
    conditions: dict[str, Any], good: dict[str, Any], bad: dict[str, Any], reason: str
) -> None:
    assert leaf(conditions, merit("a", **good)).verdict == "true"
    refused = leaf(conditions, merit("a", **bad))
    assert (refused.verdict, refused.reason) == ("false", reason)


def test_the_least_recognition_of_the_pathway_holds_for_credentials_and_awards() -> None:
    assert leaf({}, merit("a", recognition_level="R2"), min_recognition="R3").reason == "recognition_too_low"
    low, path = award("p", recognition_level="R2"), pathway({"pathway": "p"}, min_recognition="R3")
    assert evaluate(path, (), (low,), NOW).proof.reason == "recognition_too_low"


def test_a_result_that_cannot_be_read_is_unknown_unless_the_standing_decides() -> None:
    hidden: dict[str, Any] = {"result_known": False}
    found = leaf({"min_result_percent": 80}, merit("a", **hidden))
    assert (found.verdict, found.reason) == ("unknown", "result_unknown")
    assert leaf({}, merit("a", **hidden)).verdict == "true"
    assert leaf({"min_result_percent": 80}, merit("a", standing="revoked", **hidden)).reason == "revoked"


def test_of_several_credentials_the_nearest_ones_reason_is_told() -> None:
    held = [merit("a", "old", standing="expired"), merit("a", "low", recognition_level="R1"), merit("b")]
    assert leaf({"min_recognition": "R3"}, *held).reason == "expired"
    assert leaf({}).reason == "not_held"


def test_the_age_of_a_constituent_is_that_at_the_award_unless_it_must_be_valid_now() -> None:
    bound = Bound(days(-9), frozenset((named("a"),)))
    for validity, verdict in (("snapshot", "true"), ("live", "false"), ("grace:P9D", "false")):
        assert leaf({"max_age": "P5D", "validity": validity}, merit("a"), bound=bound).verdict == verdict
    too_old = Bound(days(-1), frozenset((named("a"),)))
    assert leaf({"max_age": "P5D"}, merit("a"), bound=too_old).reason == "too_old"


def test_an_unknown_standing_past_its_last_day_does_not_count() -> None:
    assert leaf({}, merit("a", standing="unknown", valid_to=days(-1))).reason == "expired"
    assert leaf({"validity": "grace:P9D"}, merit("a", standing="unknown", valid_to=days(-1))).verdict == "unknown"


@pytest.mark.parametrize(
    ("start", "age", "end"),
    [
        (datetime(2024, 1, 31, tzinfo=UTC), Age(months=1), datetime(2024, 2, 29, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), Age(years=1), datetime(2025, 2, 28, tzinfo=UTC)),
        (datetime(2024, 11, 30, 8, tzinfo=UTC), Age(1, 3, 1), datetime(2026, 3, 1, 8, tzinfo=UTC)),
        (datetime(9999, 6, 1, tzinfo=UTC), Age(months=7), datetime.max.replace(tzinfo=UTC)),
        (datetime(9999, 12, 1, tzinfo=UTC), Age(days=70), datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_an_age_is_counted_in_calendar_parts(start: datetime, age: Age, end: datetime) -> None:
    assert age_end(start, age) == end
