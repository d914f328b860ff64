"""Chapter 2: a module of Handelsrådet, passed by criteria instead of per cent."""

from __future__ import annotations

from demo import earning, showing
from demo.memory import Memory, Step
from demo.parties import HANDELSRADET, LEARNER, Stage, expect

DEFINITION = "han-01"


async def the_criteria_are_open(stage: Stage, memory: Memory) -> str:
    """Anybody reads what must be shown."""
    definition = memory.retail.definition = await earning.published(stage, DEFINITION)
    count = len(earning.criteria(definition))
    return f"“{earning.title_of(definition)}” has no percentage: who passes has met all of its {count} criteria."


async def an_unmet_criterion_is_not_confirmed(stage: Stage, memory: Memory) -> str:
    """All criteria but the last: recorded as failed, and confirming it is refused with the reason."""
    learner = {"given_name": "Demo", "family_name": "Butikssäljare"}
    planned = await earning.planned(stage, HANDELSRADET, DEFINITION, learner)
    achievement_id, memory.retail.learner_ref = planned["achievement_id"], planned["learner_ref"]
    definition = memory.retail.definition
    unmet = definition["content"]["learning_outcomes"][-1]
    results = earning.observed(definition, but=[unmet["id"]])
    expect(not await earning.recorded(stage, HANDELSRADET, achievement_id, results), f"passed without {unmet['id']}")
    await earning.not_confirmed(stage, HANDELSRADET, achievement_id)
    asked = f"{unmet['activity']['sv']} {unmet['content']['sv']}"
    return f"One criterion is not met, to “{asked}”: recorded as failed, and confirming it is refused."


async def all_criteria_met_are_confirmed(stage: Stage, memory: Memory) -> str:
    """The same learner tries again and meets all of them."""
    learner = {"learner_ref": memory.retail.learner_ref}
    planned = await earning.planned(stage, HANDELSRADET, DEFINITION, learner)
    achievement_id = memory.retail.achievement_id = planned["achievement_id"]
    results = earning.observed(memory.retail.definition)
    expect(await earning.recorded(stage, HANDELSRADET, achievement_id, results), "all criteria met did not pass")
    await earning.confirmed(stage, HANDELSRADET, achievement_id)
    return "At the next try every criterion is met: passed, and confirmed by Handelsrådet."


async def the_same_wallet_receives_it(stage: Stage, memory: Memory) -> str:
    """Another awarding body's offer goes into the same wallet."""
    offer = memory.retail.offer = await earning.offered(stage, HANDELSRADET, memory.retail.achievement_id)
    await earning.received(stage, LEARNER, offer)
    row = await showing.row(stage, LEARNER, offer["credential_id"], "issued")
    issuer = row["issuer_name"]["sv"]
    return f"Offered, and fetched into the same hosted wallet: its timeline now has “{row['title']['sv']}” of {issuer}."


async def an_employer_verifies_it(stage: Stage, memory: Memory) -> str:
    """The employer asks for this one, and every check holds."""
    verdict = await showing.answered(stage, LEARNER, definition_id=DEFINITION)
    showing.expect_verified(verdict)
    return f"The employer asked for it: verified, all {len(verdict['checks'])} checks hold."


STEPS: tuple[tuple[str, Step], ...] = (
    ("criteria", the_criteria_are_open),
    ("unmet", an_unmet_criterion_is_not_confirmed),
    ("met", all_criteria_met_are_confirmed),
    ("received", the_same_wallet_receives_it),
    ("employed", an_employer_verifies_it),
)
"""The steps in order, each with its short name."""
