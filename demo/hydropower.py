"""Chapter 3: at Skellefteå Kraft, 23 merits make an operations technician, and then one who may be on duty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from demo import earning, showing
from demo.memory import Award, Memory, Step
from demo.parties import SKELLEFTEA_KRAFT, TECHNICIAN, Stage, expect, until

TECHNICIAN_PATHWAY, DUTY_PATHWAY = "skk-path-drifttekniker", "skk-path-vakthavande"
MERITS = tuple(f"skk-vk-{number:02}" for number in range(1, 24))
FOR_TECHNICIANS = 17
_ONE_MORE = FOR_TECHNICIANS + 1
_SAFETY = "skk-vk-02"
_TO_ANSWER_SECONDS = 60


async def the_pathway_is_open(stage: Stage, memory: Memory) -> str:
    """Anybody reads the rules, as sentences."""
    both = [await _explained(stage, pathway_id) for pathway_id in (TECHNICIAN_PATHWAY, DUTY_PATHWAY)]
    titles = [f"“{each['title']}”" for each in both]
    sentences = [len(each["sentences"]) for each in both]
    return (
        f"Two pathways are published, {titles[0]} and, on top of it, {titles[1]}; "
        f"their rules can be read as {sentences[0]} and {sentences[1]} plain sentences."
    )


async def _explained(stage: Stage, pathway_id: str) -> dict[str, Any]:
    explained: dict[str, Any] = await stage.get(None, "catalog", f"/v1/pathways/{pathway_id}/explanation?lang=en")
    return explained


async def a_critical_error_is_not_confirmed(stage: Stage, memory: Memory) -> str:
    """Every criterion met, but with one critical error where none is allowed."""
    definition = await earning.published(stage, _SAFETY)
    learner = {"given_name": "Demo", "family_name": "Drifttekniker"}
    planned = await earning.planned(stage, SKELLEFTEA_KRAFT, _SAFETY, learner, "work_based")
    memory.technician.learner_ref = planned["learner_ref"]
    results = earning.observed(definition, critical_errors=1)
    passed = await earning.recorded(stage, SKELLEFTEA_KRAFT, planned["achievement_id"], results)
    expect(not passed, "a critical error passed")
    await earning.not_confirmed(stage, SKELLEFTEA_KRAFT, planned["achievement_id"])
    title = earning.title_of(definition)
    return f"“{title}”: every criterion met in both instruments, but one critical error: failed, and not confirmed."


async def the_first_merits_are_earned(stage: Stage, memory: Memory) -> str:
    """01 to 17 in order, since some need others before them."""
    await _earn(stage, memory, MERITS[:FOR_TECHNICIANS])
    return (
        f"{FOR_TECHNICIANS} merits, one after the other: each assessed by an assessor whom a founding decision "
        "authorised, confirmed, offered, and fetched into the technician's hosted wallet."
    )


async def _earn(stage: Stage, memory: Memory, definition_ids: Sequence[str]) -> None:
    """Let the technician earn merits in order, each up to the credential in the wallet."""
    learner = {"learner_ref": memory.technician.learner_ref}
    for definition_id in definition_ids:
        definition = await earning.published(stage, definition_id)
        planned = await earning.planned(stage, SKELLEFTEA_KRAFT, definition_id, learner, "work_based")
        achievement_id = planned["achievement_id"]
        passed = await earning.recorded(stage, SKELLEFTEA_KRAFT, achievement_id, earning.observed(definition))
        expect(passed, f"{definition_id} did not pass")
        await earning.confirmed(stage, SKELLEFTEA_KRAFT, achievement_id)
        offer = await earning.offered(stage, SKELLEFTEA_KRAFT, achievement_id)
        await earning.received(stage, TECHNICIAN, offer)
        memory.technician.merits[definition_id] = offer["credential_id"]


async def the_technician_is_proposed(stage: Stage, memory: Memory) -> str:
    """The platform sees by itself that the rule is satisfied, and proposes the award with its proof."""
    proposed = await _proposed(stage, memory, TECHNICIAN_PATHWAY)
    parts, sentences = len(proposed["constituents"]), len(proposed["explanation"])
    return (
        f"The rule is satisfied, so the award is proposed by itself: it rests on {parts} of the merits, "
        f"and its proof says so in {sentences} sentences."
    )


async def _proposed(stage: Stage, memory: Memory, pathway_id: str) -> dict[str, Any]:
    """Return the proposal of a pathway's award with its proof, once there is one."""
    query = f"learner_ref={memory.technician.learner_ref}&pathway_id={pathway_id}"

    async def probe() -> str | None:
        listed = await stage.get(SKELLEFTEA_KRAFT.awarding_body, "issuance", f"/v1/awards?{query}")
        return listed["items"][0]["stack_id"] if listed["items"] else None

    stack_id = await until(probe, f"{pathway_id} was not proposed", _TO_ANSWER_SECONDS)
    award = await _award(stage, stack_id)
    expect(award["state"] == "proposed", f"{pathway_id} is {award['state']}")
    proof = award["evaluation"]["proof"]
    expect((award["evaluation"]["outcome"], proof["verdict"]) == ("satisfied", "true"), f"the proof says {proof}")
    memory.technician.awards[pathway_id] = Award(stack_id, award["credential_id"])
    return award


async def _award(stage: Stage, stack_id: str) -> dict[str, Any]:
    award: dict[str, Any] = await stage.get(SKELLEFTEA_KRAFT.awarding_body, "issuance", f"/v1/awards/{stack_id}")
    return award


async def the_technician_is_awarded(stage: Stage, memory: Memory) -> str:
    """Somebody at Skellefteå Kraft decides; the award's credential is offered by itself."""
    title = await _awarded(stage, memory, TECHNICIAN_PATHWAY, "DEMO-DECISION-TECHNICIAN")
    return f"Skellefteå Kraft decided to award it; the credential “{title}” was offered by itself and is in the wallet."


async def _awarded(stage: Stage, memory: Memory, pathway_id: str, decision_ref: str) -> str:
    """Decide on a proposal and let the wallet fetch the award's credential; return the title that it shows."""
    award = memory.technician.awards[pathway_id]
    path, body = f"/v1/awards/{award.stack_id}/decision", {"decision": "award", "decision_ref": decision_ref}
    await stage.post(SKELLEFTEA_KRAFT.awarding_body, "issuance", path, body)

    async def probe() -> dict[str, Any] | None:
        offer: dict[str, Any] | None = (await _award(stage, award.stack_id))["offer"]
        return offer

    offer = await until(probe, f"the award of {pathway_id} was not offered", _TO_ANSWER_SECONDS)
    await earning.received(stage, TECHNICIAN, offer)
    row = await showing.row(stage, TECHNICIAN, award.credential_id, "awarded")
    title: str = row["title"]["sv"]
    return title


async def the_wallet_shows_the_way(stage: Stage, memory: Memory) -> str:
    """One more merit, and the learner sees how far it is to the duty role, and what is next."""
    await _earn(stage, memory, MERITS[FOR_TECHNICIANS:_ONE_MORE])

    async def probe() -> dict[str, str] | None:
        pathways = (await stage.get(TECHNICIAN, "wallet", "/v1/pathways"))["pathways"]
        found = [each for each in pathways if (each["pathway_id"], each["done"]) == (DUTY_PATHWAY, _ONE_MORE)]
        text: dict[str, str] | None = found[0]["text"] if found and found[0]["next"] else None
        return text

    text = await until(probe, f"the wallet did not show {_ONE_MORE} of {len(MERITS)}")
    expect(text["sv"].startswith(f"{_ONE_MORE} av {len(MERITS)}, nästa: "), f"the wallet shows {text}")
    return f"One more, and the wallet's page says “{text['sv']}” (in English “{text['en']}”)."


async def the_last_merits_are_earned(stage: Stage, memory: Memory) -> str:
    """19 to 23, and the duty role is proposed."""
    await _earn(stage, memory, MERITS[_ONE_MORE:])
    proposed = await _proposed(stage, memory, DUTY_PATHWAY)
    kinds = [each["kind"] for each in proposed["constituents"]]
    return (
        f"All {len(MERITS)} are earned, and the duty role is proposed: "
        f"it rests on {kinds.count('definition')} merits and {kinds.count('pathway')} award."
    )


async def the_duty_role_is_awarded(stage: Stage, memory: Memory) -> str:
    """Decided and received like the first."""
    title = await _awarded(stage, memory, DUTY_PATHWAY, "DEMO-DECISION-DUTY")
    return f"Decided as well: “{title}” is in the wallet, an award that stands on another award."


STEPS: tuple[tuple[str, Step], ...] = (
    ("charted", the_pathway_is_open),
    ("critical", a_critical_error_is_not_confirmed),
    ("collected", the_first_merits_are_earned),
    ("proposed", the_technician_is_proposed),
    ("awarded", the_technician_is_awarded),
    ("halfway", the_wallet_shows_the_way),
    ("complete", the_last_merits_are_earned),
    ("promoted", the_duty_role_is_awarded),
)
"""The steps in order, each with its short name."""
