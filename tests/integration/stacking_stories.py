"""The whole story of stacking, learner by learner: two pathways, and every way that an award of them may go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date

from kompetenspass.core.clock import system_clock
from tests.integration.stacking_flows import Learner, Partner

TECHNICIAN, SWEDISH = "skk-path-drifttekniker", "sko-path-yrkessvenska"

Ending = Callable[[Partner, Learner, str], Awaitable[None]]


async def technician(partner: Partner, learner: Learner, number: int) -> str:
    """Earn skk-vk-01 to 17, be awarded by decision, fetch it, lose and regain it; return how the story ended."""
    for one in range(1, 18):
        await partner.earn(learner, f"skk-vk-{one:02}")
    await partner.decide(learner, TECHNICIAN)
    stack_id = (await partner.award(learner, TECHNICIAN, "awarded"))["stack_id"]
    await partner.collect(learner, stack_id)
    await partner.suspend(learner.merits["skk-vk-03"])
    if number % 2:
        await partner.award(learner, TECHNICIAN, "suspended")
    await partner.reinstate(learner.merits["skk-vk-03"])
    await partner.award(learner, TECHNICIAN, "awarded")
    ending = TECHNICIANS[number % len(TECHNICIANS)]
    await ending(partner, learner, stack_id)
    return f"{learner.name}: {ending.__name__}"


async def care_assistant(partner: Partner, learner: Learner, number: int) -> str:
    """Earn nine merits of vocational Swedish, one of them suspended meanwhile, and be awarded; return how it ended."""
    chosen = [(number + one) % 5 + 4 for one in range(4)]
    for one in (1, 2, 3, *chosen, 9):
        await partner.earn(learner, f"sko-ys-{one:02}")
    held_up = learner.merits[f"sko-ys-{chosen[0]:02}"]
    await partner.suspend(held_up)
    await partner.earn(learner, "sko-ys-10")
    await partner.reinstate(held_up)
    stack_id = (await partner.award(learner, SWEDISH, "awarded"))["stack_id"]
    await partner.collect(learner, stack_id)
    ending = ASSISTANTS[number % len(ASSISTANTS)]
    await ending(partner, learner, stack_id)
    return f"{learner.name}: {ending.__name__}"


async def replaced(partner: Partner, learner: Learner, stack_id: str) -> None:
    """A merit is corrected: the award rests on its successor, and is fetched again."""
    definition_id = next(one for one in ("skk-vk-08", "sko-ys-01") if one in learner.merits)
    await partner.collect(learner, stack_id, await partner.supersede(learner, definition_id))


async def given_back(partner: Partner, learner: Learner, stack_id: str) -> None:
    """The holder gives a live merit back: the award stays suspended."""
    await partner.revoke(learner.merits["skk-vk-02"], "holder_request")
    await partner.award(learner, TECHNICIAN, "suspended")


async def confirmed(partner: Partner, learner: Learner, stack_id: str) -> None:
    """There never was a live merit; the awarding body confirms the award in spite of it."""
    await partner.revoke(learner.merits["skk-vk-04"], "issued_in_error", void_ab_initio=True)
    await partner.review(stack_id, decision="confirm")
    await partner.award(learner, TECHNICIAN, "awarded")


async def ended(partner: Partner, learner: Learner, stack_id: str) -> None:
    """There never was a live merit; the awarding body revokes the award."""
    await partner.revoke(learner.merits["skk-vk-05"], "fraud", void_ab_initio=True)
    await partner.review(stack_id, decision="revoke", ground="wrong_information", heard_on=_today().isoformat())
    await partner.award(learner, TECHNICIAN, "revoked")


async def held_twice(partner: Partner, learner: Learner, stack_id: str) -> None:
    """The issuer suspends the award itself; a lapse comes and goes, and does not lift that."""
    award = await partner.award(learner, TECHNICIAN, "awarded")
    await partner.suspend(award["credential_id"])
    await partner.suspend(learner.merits["skk-vk-06"])
    await partner.award(learner, TECHNICIAN, "suspended")
    await partner.reinstate(learner.merits["skk-vk-06"])
    await partner.award(learner, TECHNICIAN, "awarded")


async def left_suspended(partner: Partner, learner: Learner, stack_id: str) -> None:
    """Two live merits are suspended, one of them comes back."""
    for one in ("skk-vk-03", "skk-vk-05"):
        await partner.suspend(learner.merits[one])
    await partner.reinstate(learner.merits["skk-vk-03"])


async def merit_was_real(partner: Partner, learner: Learner, stack_id: str) -> None:
    """The holder gives a merit back that counted when the award was made: the award is unaffected."""
    await partner.revoke(learner.merits["sko-ys-02"], "holder_request")


async def in_review(partner: Partner, learner: Learner, stack_id: str) -> None:
    """There never was a merit: a review is opened, and the award stands until it is decided."""
    await partner.revoke(learner.merits["sko-ys-03"], "issued_in_error", void_ab_initio=True)


async def withdrawn(partner: Partner, learner: Learner, stack_id: str) -> None:
    """The issuer revokes the credential of the award: the award is over."""
    award = await partner.award(learner, SWEDISH, "awarded")
    await partner.revoke(award["credential_id"], "issued_in_error", void_ab_initio=True)
    await partner.award(learner, SWEDISH, "revoked")


def _today() -> date:
    return system_clock().date()


TECHNICIANS: tuple[Ending, ...] = (replaced, confirmed, given_back, held_twice, ended, left_suspended)
ASSISTANTS: tuple[Ending, ...] = (replaced, in_review, withdrawn, merit_was_real)
