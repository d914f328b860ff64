from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound, Held, HeldAward
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import Pathway
from kompetenspass.testing.holdings import NOW, award, days, merit, named, pathway

ONE = {"credential": "a"}
LIVE_ONE = {"credential": "a", "validity": "live"}
GRACE_ONE = {"credential": "a", "validity": "grace:P30D"}
BOUND = Bound(days(-9), frozenset((named("a"),)))


def on(rule: dict[str, Any], *held: Held, bound: Bound | None = None, **constraints: Any) -> Evaluation:
    return evaluate(pathway(rule, **constraints), held, (), NOW, bound=bound)


def nested(path: Pathway, *awards: HeldAward, bound: Bound | None = None) -> str:
    return evaluate(path, (), awards, NOW, bound=bound).outcome


def test_a_credential_satisfies_its_leaf_and_is_told() -> None:
    found = on(ONE, merit("a"))
    assert (found.outcome, found.missing, found.unknown, found.missing_exact) == ("satisfied", (), (), True)
    assert [(use.place, use.kind, use.id, use.credential_id) for use in found.used] == [
        (("rule",), "definition", "a", named("a"))
    ]
    assert found.proof.as_json() == {
        "place": "rule",
        "node": "credential",
        "verdict": "true",
        "id": "a",
        "used": [str(named("a"))],
    }


def test_an_unknown_status_makes_the_answer_indeterminate() -> None:
    found = on({"all_of": [ONE, {"credential": "b"}]}, merit("a", standing="unknown"), merit("b"))
    assert (found.outcome, found.unknown, found.missing) == ("indeterminate", (named("a"),), ())
    assert [(one.verdict, one.reason) for one in found.proof.children] == [
        ("unknown", "status_unknown"),
        ("true", None),
    ]


def test_an_unknown_status_does_not_matter_beside_a_certain_one() -> None:
    found = on({"any_of": [ONE, {"credential": "b"}]}, merit("a", standing="unknown"), merit("b"))
    assert (found.outcome, found.unknown) == ("satisfied", ())


def test_an_unknown_status_does_not_matter_where_the_rule_fails_anyway_but_the_nearest_way_tells_it() -> None:
    found = on({"all_of": [ONE, {"credential": "b"}]}, merit("a", standing="unknown"))
    assert (found.outcome, [part.id for part in found.missing], found.unknown) == (
        "not_satisfied",
        ["b"],
        (named("a"),),
    )


def test_every_unknown_that_decides_is_told() -> None:
    found = on({"any_of": [ONE, {"credential": "b"}]}, merit("a", standing="unknown"), merit("b", standing="suspended"))
    assert (found.outcome, set(found.unknown)) == ("indeterminate", {named("a"), named("b")})


# The table of domain 4.3: standing of the constituent, before an award, after it as a snapshot, after it when live.
TABLE = [
    ("valid", {}, "satisfied", "satisfied", "satisfied"),
    ("expired", {"standing": "expired", "valid_to": days(-1)}, "not_satisfied", "satisfied", "not_satisfied"),
    ("expired, not yet told", {"valid_to": days(-1)}, "not_satisfied", "satisfied", "not_satisfied"),
    ("suspended", {"standing": "suspended"}, "indeterminate", "satisfied", "not_satisfied"),
    (
        "revoked, void",
        {"standing": "revoked", "reason_code": "fraud", "void_ab_initio": True},
        *("not_satisfied", "not_satisfied", "not_satisfied"),
    ),
    (
        "revoked by request",
        {"standing": "revoked", "reason_code": "holder_request"},
        *("not_satisfied", "satisfied", "not_satisfied"),
    ),
    (
        "key compromised",
        {"standing": "revoked", "reason_code": "key_compromise"},
        *("not_satisfied", "satisfied", "not_satisfied"),
    ),
    ("unknown", {"standing": "unknown"}, "indeterminate", "indeterminate", "indeterminate"),
]


@pytest.mark.parametrize(
    ("changes", "before", "snapshot", "live"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_a_change_of_a_constituent_counts_as_the_table_says(
    changes: dict[str, Any], before: str, snapshot: str, live: str
) -> None:
    held = merit("a", **changes)
    assert on(ONE, held).outcome == before
    assert on(LIVE_ONE, held).outcome == before
    assert on(ONE, held, bound=BOUND).outcome == snapshot
    assert on(LIVE_ONE, held, bound=BOUND).outcome == live


@pytest.mark.parametrize("changes", [row[1] for row in TABLE], ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("rule", [ONE, LIVE_ONE, GRACE_ONE | {"min_result_percent": 80}])
def test_what_a_decision_accepted_counts_whatever_became_of_it(rule: dict[str, Any], changes: dict[str, Any]) -> None:
    accepted = replace(BOUND, accepted=BOUND.constituents)
    assert on(rule, merit("a", **changes), bound=accepted).outcome == "satisfied"


@pytest.mark.parametrize(
    ("standing", "outcome"), [("valid", "satisfied"), ("suspended", "not_satisfied"), ("unknown", "indeterminate")]
)
def test_another_credential_fills_in_after_an_award_when_it_is_valid(standing: Any, outcome: str) -> None:
    void = merit("a", standing="revoked", void_ab_initio=True)
    assert on(ONE, void, merit("a", "other", standing=standing), bound=BOUND).outcome == outcome


def test_a_superseded_credential_counts_as_its_successor() -> None:
    old = merit("a", standing="revoked", reason_code="superseded", superseded_by=named("new"))
    new = merit("a", "new", awarded_at=days(-1))
    for rule in (ONE, LIVE_ONE):
        for bound in (None, BOUND):
            found = on(rule, old, new, bound=bound)
            assert (found.outcome, [use.credential_id for use in found.used]) == ("satisfied", [named("new")])
    assert on(ONE, old).outcome == "not_satisfied"


def test_a_successor_is_a_constituent_in_the_place_of_what_it_replaced() -> None:
    old = merit("a", standing="revoked", superseded_by=named("middle"))
    middle = merit("a", "middle", standing="revoked", superseded_by=named("new"))
    new = merit("a", "new", standing="expired", valid_to=days(-1))
    assert on(ONE, new, old, middle, bound=BOUND).outcome == "satisfied"
    assert on(LIVE_ONE, new, old, middle, bound=BOUND).outcome == "not_satisfied"


def test_a_correction_with_a_lower_result_fails_the_leaf_until_a_decision_accepts_it() -> None:
    rule = ONE | {"min_result_percent": 80}
    old = merit("a", standing="revoked", superseded_by=named("new"), result_percent=90)
    new = merit("a", "new", result_percent=70)
    assert on(rule, old, new, bound=BOUND).outcome == "not_satisfied"
    assert on(rule, old, new, bound=replace(BOUND, accepted=BOUND.constituents)).outcome == "satisfied"
    assert on(rule, old, new, bound=replace(BOUND, accepted=frozenset((named("new"),)))).outcome == "satisfied"
    revoked = replace(new, standing="revoked", void_ab_initio=True)
    assert on(rule, old, revoked, bound=replace(BOUND, accepted=BOUND.constituents)).outcome == "not_satisfied"


def test_supersession_in_a_circle_ends() -> None:
    first, second = merit("a", superseded_by=named("b")), merit("a", "b", superseded_by=named("a"))
    assert on(ONE, first, second, bound=BOUND).outcome == "not_satisfied"


@pytest.mark.parametrize("bound", [None, BOUND])
def test_grace_counts_what_expired_shortly_ago(bound: Bound | None) -> None:
    for ago, outcome in ((29.9, "satisfied"), (30, "not_satisfied")):
        expired = merit("a", standing="expired", valid_to=days(-ago))
        assert on(GRACE_ONE, expired, bound=bound).outcome == outcome
    assert on(GRACE_ONE, merit("a", standing="expired"), bound=bound).outcome == "not_satisfied"
    suspended = on(GRACE_ONE, merit("a", standing="suspended"), bound=bound).outcome
    assert suspended == ("indeterminate" if bound is None else "not_satisfied")


def test_an_award_of_the_nested_pathway_satisfies_its_leaf_in_any_version() -> None:
    found = evaluate(pathway({"pathway": "p"}), (), (award("p", version=7),), NOW)
    assert (found.outcome, found.used[0].kind, found.used[0].credential_id) == ("satisfied", "pathway", named("p"))


@pytest.mark.parametrize(
    ("standing", "snapshot", "live", "live_after"),
    [
        ("valid", "satisfied", "satisfied", "satisfied"),
        ("suspended", "satisfied", "indeterminate", "not_satisfied"),
        ("revoked", "not_satisfied", "not_satisfied", "not_satisfied"),
        ("unknown", "indeterminate", "indeterminate", "indeterminate"),
    ],
)
def test_a_nested_award_counts_as_its_standing_says(standing: Any, snapshot: str, live: str, live_after: str) -> None:
    held, bound = award("p", standing=standing), Bound(days(-1), frozenset((named("p"),)))
    plain, current = pathway({"pathway": "p"}), pathway({"pathway": "p", "validity": "live"})
    assert (nested(plain, held), nested(plain, held, bound=bound)) == (snapshot, snapshot)
    assert (nested(current, held), nested(current, held, bound=bound)) == (live, live_after)


def test_counting_twice_is_refused_within_an_award_and_allowed_through_a_nested_one() -> None:
    twice = {"all_of": [ONE, {"any_of": [ONE, {"credential": "b"}]}]}
    found = on(twice, merit("a"))
    assert found.outcome == "not_satisfied"
    assert [child.reason for child in found.proof.children[1].children] == ["taken", "not_held"]
    assert on(twice, merit("a"), double_counting="allow").outcome == "satisfied"
    assert on(twice, merit("a"), merit("a", "again")).outcome == "satisfied"
    through = pathway({"all_of": [ONE, {"pathway": "p"}]})
    assert evaluate(through, (merit("a"),), (award("p"),), NOW).outcome == "satisfied"


def test_order_asks_for_the_first_to_be_awarded_before_the_second() -> None:
    rule, order = {"all_of": [ONE, {"credential": "b"}]}, [["a", "b"]]
    early, late = merit("a", awarded_at=days(-20)), merit("a", awarded_at=days(-2))
    assert on(rule, early, merit("b"), order=order).outcome == "satisfied"
    found = on(rule, late, merit("b"), order=order)
    assert (found.outcome, found.proof.children[1].reason) == ("not_satisfied", "order")
    assert [(part.kind, part.id) for part in found.missing] == [("order", "constraints.order[0]")]
    again = merit("b", "again", awarded_at=days(-1))
    assert on(rule, late, merit("b"), again, order=order).outcome == "satisfied"
    doubtful = on({"any_of": [{"credential": "b"}, {"all_of": [ONE, ONE]}]}, replace(early, standing="unknown"),
                  merit("b"), order=order)  # fmt: skip
    assert doubtful.outcome == "indeterminate"


def test_a_renewed_first_keeps_the_order_that_the_original_had() -> None:
    rule, order = {"all_of": [ONE, {"credential": "b"}]}, [["a", "b"]]
    original = merit("a", awarded_at=days(-20), standing="revoked", superseded_by=named("renewed"))
    assert (
        on(rule, original, merit("a", "renewed", awarded_at=days(-1)), merit("b"), order=order).outcome == "satisfied"
    )


def test_the_smallest_binding_takes_the_earliest_and_no_more_than_needed() -> None:
    held = [merit(name, awarded_at=days(-age)) for name, age in (("a", 1), ("b", 3), ("c", 2), ("d", 3))]
    found = on({"n_of": {"min": 2, "of": [{"credential": name} for name in "abcd"]}}, *held)
    assert [use.id for use in found.used] == ["b", "d"]
    assert [child.verdict for child in found.proof.children] == ["true"] * 4
    assert [bool(child.used) for child in found.proof.children] == [False, True, False, True]


def test_an_award_looked_at_again_keeps_what_it_rests_on() -> None:
    held = [merit(name, awarded_at=days(-age)) for name, age in (("a", 1), ("b", 3))]
    assert [use.id for use in on({"any_of": [ONE, {"credential": "b"}]}, *held).used] == ["b"]
    assert [use.id for use in on({"any_of": [ONE, {"credential": "b"}]}, *held, bound=BOUND).used] == ["a"]
    again = merit("a", "again", awarded_at=days(-50))
    assert [use.credential_id for use in on(ONE, again, merit("a"), bound=BOUND).used] == [named("a")]


def test_input_order_does_not_matter() -> None:
    held = [merit("a", str(age), awarded_at=days(-age)) for age in (4, 4.5, 9)] + [merit("b", standing="unknown")]
    rule = {"all_of": [ONE, ONE, {"any_of": [{"credential": "b"}, {"credential": "c"}]}]}
    assert on(rule, *held) == on(rule, *reversed(held))
    assert on(rule, *held).proof_digest == on(rule, *reversed(held)).proof_digest


def test_the_next_change_is_when_a_candidate_stops_counting() -> None:
    path = {"all_of": [LIVE_ONE, GRACE_ONE | {"credential": "b"}, {"credential": "c", "max_age": "P1M"}]}
    held = [
        merit("a", valid_to=days(40)), merit("b", standing="expired", valid_to=days(-1)), merit("c"),
        merit("a", "gone", valid_to=days(-3)), merit("d", valid_to=days(1)),
    ]  # fmt: skip
    assert on(path, *held).next_change == days(18) + timedelta(microseconds=1)
    assert on(path, *held[:2]).next_change == days(29)
    assert on(path, held[0]).next_change == days(40)
    assert on(ONE, merit("a", valid_to=days(40)), bound=BOUND).next_change is None


def test_at_the_next_change_the_answer_changes() -> None:
    for rule in (LIVE_ONE, GRACE_ONE, ONE | {"max_age": "P1M"}):
        held = merit("a", valid_to=days(90)) if rule is LIVE_ONE else merit("a", valid_to=days(-1), standing="expired")
        held = merit("a") if "max_age" in rule else held
        moment = on(rule, held).next_change
        assert moment is not None
        outcomes = [
            evaluate(pathway(rule), (held,), (), at).outcome for at in (moment - timedelta(microseconds=1), moment)
        ]
        assert outcomes == ["satisfied", "not_satisfied"]


def test_a_leaf_may_depend_on_an_unknown_credential_that_would_free_a_certain_one_for_it() -> None:
    """The recent one fits both leaves, the old one, of which nothing is known just now, only the first."""
    recent, old = merit("a", "recent", awarded_at=days(-1)), merit("a", "old", awarded_at=days(-13), standing="unknown")
    strict = {"credential": "a", "max_age": "P12D"}
    either = on({"any_of": [ONE, strict]}, recent, old)
    assert either.outcome == "satisfied"
    both = on({"all_of": [ONE, strict]}, recent, old)
    assert (both.outcome, both.unknown) == ("indeterminate", (named("old"),))
