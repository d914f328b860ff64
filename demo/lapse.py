"""Chapter 4: one safety merit is suspended, and what stands on it is suspended too, until it holds again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from demo import showing
from demo.hydropower import DUTY_PATHWAY, MERITS, TECHNICIAN_PATHWAY
from demo.memory import Memory, Step
from demo.parties import SKELLEFTEA_KRAFT, TECHNICIAN, Stage, expect, until
from demo.showing import Copy
from kompetenspass.openid import status

LOCKOUT = "skk-vk-03"


async def an_employer_verifies_the_role(stage: Stage, memory: Memory) -> str:
    """The award's credential alone, judged by its own status."""
    verdict = await showing.answered(stage, TECHNICIAN, definition_id=DUTY_PATHWAY)
    showing.expect_verified(verdict)
    count = len(verdict["checks"])
    return f"The employer asked for the duty role alone: verified, all {count} checks hold; no merit had to be shown."


async def an_employer_verifies_what_is_below(stage: Stage, memory: Memory) -> str:
    """Deep verification: its constituents are shown too, and its rule is evaluated again on what was shown."""
    verdict = await showing.answered(stage, TECHNICIAN, definition_id=DUTY_PATHWAY, deep=True, share_parts=True)
    showing.expect_verified(verdict)
    held = {check["code"] for check in verdict["checks"] if check["ok"]}
    expect(held >= {"constituents", "stack_rule"}, f"these checks hold: {sorted(held)}")
    parts = len(verdict["credentials"]) - 1
    return (
        f"It also asked what the role rests on, and the technician agreed: the {parts} credentials shown with it are "
        "the parts that the awards name, and the rules, evaluated again on them, are satisfied."
    )


async def a_lapse_climbs_two_steps(stage: Stage, memory: Memory) -> str:
    """The issuer suspends one merit; the technician's award follows, then the duty role; nothing else."""
    watched = await _watched(stage, memory)
    start = showing.now()
    await _command(stage, memory.technician.merits[LOCKOUT], "suspend", "investigation")
    merit, technician, duty = await showing.turned(stage, watched, status.SUSPENDED, start)
    others = [id_ for definition_id, id_ in memory.technician.merits.items() if definition_id != LOCKOUT]
    expect(len(others) == len(MERITS) - 1, f"{len(others)} other merits")
    values = await showing.values(stage, await _copies(stage, others))
    expect(set(values) == {status.VALID}, f"the other merits are {values}")
    return (
        f"Skellefteå Kraft suspended the lockout merit ({LOCKOUT}); in the published status lists it changed after "
        f"{merit:.1f} s, the technician's award after {technician:.1f} s, the duty role after {duty:.1f} s; "
        f"the other {len(others)} merits are valid."
    )


async def the_timeline_says_why(stage: Stage, memory: Memory) -> str:
    """Each award names what lapsed below it."""
    awards = memory.technician.awards
    first, second = awards[TECHNICIAN_PATHWAY].credential_id, awards[DUTY_PATHWAY].credential_id
    technician = await showing.row(stage, TECHNICIAN, first, "suspended", LOCKOUT)
    duty = await showing.row(stage, TECHNICIAN, second, "suspended", TECHNICIAN_PATHWAY)
    said = [f"{row['title']['sv']} “{row['text']['sv']}”" for row in (technician, duty)]
    return f"The technician's timeline says why: {said[0]}; {said[1]}."


async def the_role_is_refused_now(stage: Stage, memory: Memory) -> str:
    """The employer asks again."""
    await showing.refused_for_status(stage, TECHNICIAN, DUTY_PATHWAY)
    return "The employer asks for the duty role again: refused, because its status is suspended."


async def what_ended_the_lapse_restores_both(stage: Stage, memory: Memory) -> str:
    """The merit is reinstated; both awards are active again by themselves."""
    watched = await _watched(stage, memory)
    start = showing.now()
    await _command(stage, memory.technician.merits[LOCKOUT], "reinstate", "cleared")
    _, technician, duty = await showing.turned(stage, watched, status.VALID, start)
    return (
        f"The lockout merit is reinstated: the technician's award is active again after {technician:.1f} s, "
        f"the duty role after {duty:.1f} s, and nobody had to do anything."
    )


async def the_issuer_suspends_by_hand(stage: Stage, memory: Memory) -> str:
    """The duty role itself, for a reason of the issuer's own."""
    duty = memory.technician.awards[DUTY_PATHWAY].credential_id
    copy = await showing.copy_of(stage, SKELLEFTEA_KRAFT.issuer, duty)
    start = showing.now()
    await _command(stage, duty, "suspend", "investigation")
    (seconds,) = await showing.turned(stage, [copy], status.SUSPENDED, start)
    return f"Now Skellefteå Kraft suspends the duty role itself, by hand; it shows after {seconds:.1f} s."


async def a_lapse_that_ends_leaves_it(stage: Stage, memory: Memory) -> str:
    """The lockout merit lapses and holds again; the issuer's own suspension stands."""
    duty, lockout = memory.technician.awards[DUTY_PATHWAY].credential_id, memory.technician.merits[LOCKOUT]
    lapse = f"lapse:{memory.technician.awards[DUTY_PATHWAY].stack_id}"
    await _command(stage, lockout, "suspend", "investigation")
    await _suspended_for(stage, duty, {"issuer", lapse})
    watched, start = await _watched(stage, memory), showing.now()
    await _command(stage, lockout, "reinstate", "cleared")
    await _suspended_for(stage, duty, {"issuer"})
    await showing.turned(stage, watched[:2], status.VALID, start)
    expect(await showing.values(stage, watched[2:]) == [status.SUSPENDED], "the issuer's own suspension was lifted")
    said = await showing.said_now(stage, TECHNICIAN, duty, "suspended", "issuer")
    return (
        "The lockout merit is suspended and reinstated once more: the technician's award is active again, "
        f"but the duty role stays suspended, as its issuer ordered: the timeline says “{said}”."
    )


async def the_issuer_lifts_it(stage: Stage, memory: Memory) -> str:
    """Only the issuer lifts what the issuer ordered; then the role is verified again."""
    duty = memory.technician.awards[DUTY_PATHWAY].credential_id
    copy = await showing.copy_of(stage, SKELLEFTEA_KRAFT.issuer, duty)
    start = showing.now()
    await _command(stage, duty, "reinstate", "cleared")
    (seconds,) = await showing.turned(stage, [copy], status.VALID, start)
    await showing.lists_are_over()
    showing.expect_verified(await showing.answered(stage, TECHNICIAN, definition_id=DUTY_PATHWAY))
    return f"Skellefteå Kraft lifts it: active after {seconds:.1f} s, and the employer's next request is verified."


async def _command(stage: Stage, credential_id: str, command: str, reason_code: str) -> None:
    path = f"/v1/credentials/{credential_id}/{command}"
    await stage.post(SKELLEFTEA_KRAFT.issuer, "registry", path, {"reason_code": reason_code})


async def _watched(stage: Stage, memory: Memory) -> list[Copy]:
    """Return where the lockout merit, the technician's award and the duty role stand."""
    awards = memory.technician.awards
    ids = (
        memory.technician.merits[LOCKOUT],
        *(awards[id_].credential_id for id_ in (TECHNICIAN_PATHWAY, DUTY_PATHWAY)),
    )
    return await _copies(stage, ids)


async def _copies(stage: Stage, credential_ids: Iterable[str]) -> list[Copy]:
    return [await showing.copy_of(stage, SKELLEFTEA_KRAFT.issuer, credential_id) for credential_id in credential_ids]


async def _suspended_for(stage: Stage, credential_id: str, causes: set[str]) -> None:
    """Return once a credential is suspended for exactly these causes."""

    async def probe() -> Mapping[str, Any] | None:
        known = await stage.get(SKELLEFTEA_KRAFT.issuer, "registry", f"/v1/credentials/{credential_id}")
        return known if set(known["causes"]) == causes else None

    await until(probe, f"the causes did not become {sorted(causes)}")


STEPS: tuple[tuple[str, Step], ...] = (
    ("trusted", an_employer_verifies_the_role),
    ("deep", an_employer_verifies_what_is_below),
    ("lapsed", a_lapse_climbs_two_steps),
    ("told", the_timeline_says_why),
    ("barred", the_role_is_refused_now),
    ("restored", what_ended_the_lapse_restores_both),
    ("manual", the_issuer_suspends_by_hand),
    ("kept", a_lapse_that_ends_leaves_it),
    ("lifted", the_issuer_lifts_it),
)
"""The steps in order, each with its short name."""
