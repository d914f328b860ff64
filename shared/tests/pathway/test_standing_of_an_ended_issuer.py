"""A merit whose issuer has ended counts as before: as history, and, where it must be live, until its own end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound, Held
from kompetenspass.testing.holdings import NOW, days, merit, pathway


def ended(**changes: object) -> Held:
    return replace(merit("a"), standing="revoked", reason_code="issuer_ended", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("validity", ["snapshot", "live"])
def test_it_counts_before_and_after_an_award(validity: str) -> None:
    rule, held = pathway({"credential": "a", "validity": validity}), ended()
    bound = Bound(days(-1), frozenset({held.credential_id}))
    assert evaluate(rule, [held], [], NOW).outcome == "satisfied"
    assert evaluate(rule, [held], [], NOW, bound=bound).outcome == "satisfied"


def test_it_ends_with_the_merit_itself_and_never_was_if_it_was_void() -> None:
    rule = pathway({"credential": "a", "validity": "live"})
    for gone in (ended(valid_to=days(-1)), ended(void_ab_initio=True)):
        bound = Bound(days(-2), frozenset({gone.credential_id}))
        assert evaluate(rule, [gone], [], NOW, bound=bound).outcome == "not_satisfied"
