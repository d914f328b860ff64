"""The safety case of the first pilot: a lapsed lockout credential suspends two awards, one hop after the other."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kompetenspass.events.stacking import StackSuspended
from kompetenspass.pathway.held import HeldAward, Standing
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.rule import Pathway
from kompetenspass.testing.clock import NOON
from services.issuance.tests.stacking import DAY, Story, held, id_of, names, nested, of_award
from services.issuance.tests.world import PILOT

OPERATOR, ON_DUTY = "skk-path-drifttekniker", "skk-path-vakthavande"
MERITS = tuple(f"skk-vk-{number:02}" for number in range(1, 24))
LOCKOUT = "skk-vk-03"
_OF_STATE: dict[str, Standing] = {"awarded": "valid", "suspended": "suspended"}


@pytest.fixture(scope="module")
def pathways() -> dict[str, Pathway]:
    text = next(PILOT.parent.glob("01_*.yaml")).read_text("utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    wanted = [one for one in content["pathways"] if one["id"] in (OPERATOR, ON_DUTY)]
    return {one["id"]: parse(one) for one in wanted}


@pytest.fixture
def stories(pathways: dict[str, Pathway]) -> tuple[Story, Story]:
    """A technician with both awards; all 23 merits stand at the level that the role asks for."""
    operator, on_duty = (Story(pathways[one], *MERITS, seqf=5) for one in (OPERATOR, ON_DUTY))
    operator.awarded()
    on_duty.gets(nested(OPERATOR))
    return operator, on_duty.awarded()


def hop(operator: Story) -> Standing:
    return _OF_STATE[operator.state.name]


def test_a_lapsed_lockout_suspends_the_operator_and_one_hop_later_the_role_on_duty(
    stories: tuple[Story, Story],
) -> None:
    operator, on_duty = stories
    expired = {"standing": "expired", "valid_to": NOON}
    suspended = operator.becomes(LOCKOUT, **expired)[-1]
    assert isinstance(suspended, StackSuspended)
    assert [one.definition_id for one in suspended.lapsed] == [LOCKOUT]
    assert names(on_duty.becomes(LOCKOUT, **expired)) == []
    suspended = on_duty.becomes(OPERATOR, standing=hop(operator))[-1]
    assert isinstance(suspended, StackSuspended)
    assert [one.definition_id for one in suspended.lapsed] == [OPERATOR]


def test_the_renewed_lockout_reinstates_both(stories: tuple[Story, Story]) -> None:
    operator, on_duty = stories
    operator.becomes(LOCKOUT, standing="expired", valid_to=NOON)
    on_duty.becomes(OPERATOR, standing=hop(operator))
    operator.later(DAY)
    operator.gets(held(f"{LOCKOUT}/renewed", awarded_at=operator.at, seqf=5))
    assert of_award(operator.reassessed()) == ["StackReinstated"]
    assert of_award(on_duty.becomes(OPERATOR, standing=hop(operator))) == ["StackReinstated"]
    assert isinstance(on_duty.has[id_of(OPERATOR)], HeldAward)


@pytest.mark.parametrize("merit", MERITS)
def test_a_fraudulent_merit_is_reviewed_where_it_is_bound(stories: tuple[Story, Story], merit: str) -> None:
    for story in stories:
        bound_here = id_of(merit) in story.state.constituents
        follows = of_award(story.becomes(merit, standing="revoked", reason_code="fraud", void_ab_initio=True))
        assert ("StackReviewOpened" in follows) == bound_here
        assert story.reassessed() == ()
