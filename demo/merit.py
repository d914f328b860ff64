"""Chapter 1: one microcredential of Skellefteå kommun, from its definition to its revocation."""

from __future__ import annotations

from demo import earning, showing
from demo.memory import Memory, Step
from demo.parties import LEARNER, SKELLEFTEA_KOMMUN, Stage, expect
from kompetenspass.openid import status

DEFINITION = "sko-ys-01"


async def the_catalog_is_open(stage: Stage, memory: Memory) -> str:
    """Anybody reads the published definition."""
    definition = memory.language.definition = await earning.published(stage, DEFINITION)
    title, version = earning.title_of(definition), definition["version"]
    return f"“{title}” is published, version {version}; anybody can read it."


async def a_result_below_the_rule_is_not_confirmed(stage: Stage, memory: Memory) -> str:
    """79 % in one instrument is recorded as failed, and confirming it is refused with the reason."""
    learner = {"given_name": "Demo", "family_name": "Elev"}
    planned = await earning.planned(stage, SKELLEFTEA_KOMMUN, DEFINITION, learner)
    achievement_id, memory.language.learner_ref = planned["achievement_id"], planned["learner_ref"]
    results = earning.percents(memory.language.definition, 79, 92)
    expect(not await earning.recorded(stage, SKELLEFTEA_KOMMUN, achievement_id, results), "79 % passed")
    await earning.not_confirmed(stage, SKELLEFTEA_KOMMUN, achievement_id)
    return "79 % in one instrument: recorded as failed, and confirming it is refused (pass_rule_not_met)."


async def a_result_above_the_rule_is_confirmed(stage: Stage, memory: Memory) -> str:
    """The same learner tries again and reaches 92 % in every instrument."""
    learner = {"learner_ref": memory.language.learner_ref}
    planned = await earning.planned(stage, SKELLEFTEA_KOMMUN, DEFINITION, learner)
    achievement_id = memory.language.achievement_id = planned["achievement_id"]
    results = earning.percents(memory.language.definition, 92, 92)
    expect(await earning.recorded(stage, SKELLEFTEA_KOMMUN, achievement_id, results), "92 % did not pass")
    await earning.confirmed(stage, SKELLEFTEA_KOMMUN, achievement_id)
    return "92 % in both instruments: passed, and confirmed by Skellefteå kommun."


async def the_credential_is_offered(stage: Stage, memory: Memory) -> str:
    """The awarding body offers it with a transaction code that reaches the learner on another way."""
    achievement_id = memory.language.achievement_id
    memory.language.offer = await earning.offered(stage, SKELLEFTEA_KOMMUN, achievement_id, tx_code=True)
    return "The offer is a link or a QR code, and six digits that go to the learner another way."


async def the_hosted_wallet_receives_it(stage: Stage, memory: Memory) -> str:
    """The learner's hosted wallet fetches it over OpenID4VCI."""
    await earning.received(stage, LEARNER, memory.language.offer)
    return "The hosted wallet fetched the credential over OpenID4VCI, bound to a key of its own."


async def the_timeline_shows_it(stage: Stage, memory: Memory) -> str:
    """The learner sees the merit."""
    row = await showing.row(stage, LEARNER, memory.language.offer["credential_id"], "issued")
    return f"The learner's timeline shows “{row['title']['sv']}”, issued."


async def an_employer_verifies_it(stage: Stage, memory: Memory) -> str:
    """An employer asks for that definition over OpenID4VP, and every check holds."""
    verdict = await showing.answered(stage, LEARNER, definition_id=DEFINITION)
    showing.expect_verified(verdict)
    return f"An employer asked over OpenID4VP: verified, all {len(verdict['checks'])} checks hold."


async def the_issuer_revokes_it(stage: Stage, memory: Memory) -> str:
    """The issuer revokes it, and the published list changes: within two seconds, unless the machine is busy."""
    credential_id = memory.language.offer["credential_id"]
    copy = await showing.copy_of(stage, SKELLEFTEA_KOMMUN.issuer, credential_id)
    expect(await showing.values(stage, [copy]) == [status.VALID], "it was not VALID before")
    body, start = {"reason_code": "issued_in_error"}, showing.now()
    await stage.post(SKELLEFTEA_KOMMUN.issuer, "registry", f"/v1/credentials/{credential_id}/revoke", body)
    (seconds,) = await showing.turned(stage, [copy], status.INVALID, start)
    return f"Skellefteå kommun revoked it; the published status list changed after {seconds:.1f} s."


async def it_is_refused_now(stage: Stage, memory: Memory) -> str:
    """The same credential, asked for again, is refused for its status."""
    await showing.refused_for_status(stage, LEARNER, DEFINITION)
    return "The same credential, shown again: refused, because its status is revoked."


async def the_timeline_shows_why(stage: Stage, memory: Memory) -> str:
    """The learner sees that it was revoked, and for what reason."""
    credential_id = memory.language.offer["credential_id"]
    await showing.row(stage, LEARNER, credential_id, "revoked", "issued_in_error")
    return "The timeline shows that it was revoked, and why (issued_in_error)."


STEPS: tuple[tuple[str, Step], ...] = (
    ("defined", the_catalog_is_open),
    ("failed", a_result_below_the_rule_is_not_confirmed),
    ("earned", a_result_above_the_rule_is_confirmed),
    ("offered", the_credential_is_offered),
    ("issued", the_hosted_wallet_receives_it),
    ("shown", the_timeline_shows_it),
    ("verified", an_employer_verifies_it),
    ("revoked", the_issuer_revokes_it),
    ("refused", it_is_refused_now),
    ("explained", the_timeline_shows_why),
)
"""The steps in order, each with its short name."""
