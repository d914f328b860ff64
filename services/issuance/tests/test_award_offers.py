"""Offers of awards: by command, and by themselves because of an event; and what is issued under them."""

from __future__ import annotations

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events import stacking
from kompetenspass.events.envelope import seal
from kompetenspass.log.api import Append
from kompetenspass.log.memory import MemoryLog
from services.issuance.app import profile_of
from services.issuance.domain.stack import stream_of
from services.issuance.service.awards_cause import because_of
from services.issuance.service.offers import Offers
from services.issuance.service.ports import Caller
from services.issuance.tests.awarded import award, by_itself, compact, offers_of, refused
from services.issuance.tests.rig import Rig
from services.issuance.tests.world import KOMMUN
from services.issuance.vault import MasterKey


async def test_an_offer_by_itself_is_made_once_however_often_its_cause_is_handled(rig: Rig) -> None:
    made = await award(rig)
    first = await by_itself(made)
    rig.clock.advance(seconds=60)
    assert await by_itself(made) == first
    (offered,) = await offers_of(made)
    assert (offered["offer_id"], offered["tx_code"]) == (str(first), False)
    assert await rig.scalar(f"select count(*) from offers where credential_id = '{made.credential_id}'") == 1


def on_a_log_of_its_own(rig: Rig, log: MemoryLog) -> Offers:
    """Return offers on the service's state, with a log that nobody else reads."""
    master = MasterKey(rig.settings.state_dir / "vault.key")
    return Offers(log, rig.queries, rig.state, master, profile_of(rig.settings), rig.clock)


async def test_what_a_crash_left_of_an_offer_by_itself_is_taken_up(rig: Rig) -> None:
    made = await award(rig)
    stated = await rig.runtime.log.read_stream(stream_of(made.stack_id))
    (one,) = [one for one in stated if isinstance(one.event, stacking.CredentialStacked)]
    seen = []
    for _ in ("the log never heard of it", "the log hears of it"):
        log = MemoryLog("issuance", rig.clock)
        await log.append(Append(one.stream, 0, [seal(one.id, one.event, one.context)]))
        offer_id = await on_a_log_of_its_own(rig, log).offer_award_by_itself(made.stack_id, because_of(one))
        (offered,) = await log.read_stream(f"cred-{made.credential_id}")
        seen.append((offer_id, offered.id, offered.event))
        rig.clock.advance(seconds=60)
    assert seen[0] == seen[1]


async def test_an_offer_by_itself_can_be_told_again_while_it_is_open(rig: Rig) -> None:
    made = await award(rig)
    offer_id = await by_itself(made)
    assert offer_id is not None
    one, other = [await made.offered(offer_id) for _ in range(2)]
    assert one.offered == other.offered
    answer = await rig.client.get(one.offered["qr_svg_url"].removesuffix("/qr.svg"))
    assert answer.json() == one.document
    await one.token()
    assert await rig.offers.told_again(offer_id) is None


async def test_an_offer_by_command_is_told_once(rig: Rig) -> None:
    made = await award(rig)
    offered = await rig.offers.offer_award(made.caller, made.stack_id, tx_code=False)
    assert await rig.offers.told_again(offered.offer_id) is None
    assert await rig.offers.told_again(uuid7()) is None


async def test_what_the_wallet_has_as_it_is_bound_is_not_offered_again_by_itself(rig: Rig) -> None:
    made = await award(rig)
    await compact(await made.offered(await by_itself(made)))
    await made.suspend()
    assert await rig.offers.offer_award_by_itself(made.stack_id, await made.reinstate()) is None
    assert len(await offers_of(made)) == 1


async def test_a_suspended_award_is_not_issued_nor_offered_and_offered_again_when_it_holds(rig: Rig) -> None:
    made = await award(rig)
    wallet = await made.offered(await by_itself(made))
    await wallet.token()
    await rig.offers.withdraw_award(made.credential_id, "suspended", await made.suspend())
    await refused(wallet)
    assert await by_itself(made) is None
    with pytest.raises(Problem, match="award that stands"):
        await rig.offers.offer_award(made.caller, made.stack_id, tx_code=False)
    again = await made.offered(await rig.offers.offer_award_by_itself(made.stack_id, await made.reinstate()))
    assert again.offered["offer_id"] != wallet.offered["offer_id"]
    await compact(again)


async def test_a_withdrawal_because_of_a_suspension_is_said_once(rig: Rig) -> None:
    made = await award(rig)
    offer_id = await by_itself(made)
    cause = await made.suspend()
    for _ in range(2):
        await rig.offers.withdraw_award(made.credential_id, "suspended", cause)
    (withdrawn,) = await offers_of(made, "OfferWithdrawn")
    assert (withdrawn["offer_id"], withdrawn["cause"]) == (str(offer_id), "suspended")
    assert offer_id is not None
    assert await rig.offers.told_again(offer_id) is None


async def test_a_suspension_that_is_handled_again_leaves_alone_what_was_offered_since(rig: Rig) -> None:
    made = await award(rig)
    await by_itself(made)
    suspension = await made.suspend()
    await rig.offers.withdraw_award(made.credential_id, "suspended", suspension)
    again = await rig.offers.offer_award_by_itself(made.stack_id, await made.reinstate())
    assert await rig.offers.withdraw_award(made.credential_id, "suspended", suspension) == 0
    await compact(await made.offered(again))


async def test_what_was_fetched_is_not_taken_back(rig: Rig) -> None:
    made = await award(rig)
    await compact(await made.offered(await by_itself(made)))
    assert await rig.offers.withdraw_award(made.credential_id, "revoked", await made.revoke()) == 0
    assert await offers_of(made, "OfferWithdrawn") == []


async def test_a_revoked_award_is_not_offered_any_more(rig: Rig) -> None:
    made = await award(rig)
    await made.revoke()
    with pytest.raises(Problem, match="award that stands"):
        await rig.offers.offer_award(made.caller, made.stack_id, tx_code=False)


async def test_only_its_awarding_body_offers_an_award(rig: Rig) -> None:
    made = await award(rig)
    for org, role, code in (("org:other", "awarding_body", "not_found"), (KOMMUN, "provider", "forbidden")):
        caller = Caller(org, frozenset({role}), made.caller.context)
        with pytest.raises(Problem) as refusal:
            await rig.offers.offer_award(caller, made.stack_id, tx_code=False)
        assert refusal.value.code == code
    with pytest.raises(Problem, match="award"):
        await rig.offers.offer_award(made.caller, uuid7(), tx_code=False)
