"""What must hold when many come at once, or something breaks off in the middle."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from uuid import UUID

from kompetenspass.core.ids import uuid7
from services.issuance.service.indices import BLOCK, Indices
from services.issuance.tests.rig import Rig, scores
from services.issuance.tests.world import KOMMUN, LIST_URI
from services.issuance.vault import MasterKey

SECOND_LIST = "https://registry.example/status/2"


async def test_fifty_issues_at_once_have_fifty_indices(rig: Rig) -> None:
    wallets = await asyncio.gather(*(rig.wallet() for _ in range(50)))
    answers = await asyncio.gather(*(wallet.fetched() for wallet in wallets))
    assert len(answers) == 50
    copies = [event["copies"][0] for event in await rig.events("CredentialIssued")]
    assert len({(copy["status_uri"], copy["index"]) for copy in copies}) == 50
    assert await rig.rows("used_indices") == 50


async def test_requests_at_once_on_one_token_leave_one_live_copy(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    answers = await asyncio.gather(*(wallet.credential() for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409, 400}
    live = set[str]()
    for event in await rig.events("CredentialIssued"):
        live = (live - set(event["replaces"])) | {copy["digest"] for copy in event["copies"]}
    assert len(live) == 1


async def test_a_nonce_that_was_spent_is_refused_to_its_own_wallet_only(rig: Rig) -> None:
    wallets = await asyncio.gather(*(rig.wallet() for _ in range(4)))
    for wallet in wallets:
        await wallet.token()
    spent = await wallets[0].nonce()
    assert (await wallets[0].credential(wallets[0].proof(spent))).status_code == 200
    fresh = [wallet.credential() for wallet in wallets[1:]]
    *answers, refused = await asyncio.gather(*fresh, wallets[0].credential(wallets[0].proof(spent)))
    assert [answer.status_code for answer in answers] == [200] * 3
    assert refused.json()["error"] == "invalid_nonce"
    assert await rig.rows("used_indices") == 4


async def test_of_requests_at_once_with_one_nonce_one_is_answered(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    proof = wallet.proof(await wallet.nonce())
    answers = await asyncio.gather(*(wallet.credential(proof) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5
    refused = [answer.json()["error"] for answer in answers if answer.status_code == 400]
    assert refused == ["invalid_nonce"] * 5
    assert await rig.rows("used_indices") == 1
    assert await rig.rows("vault_entries") == 2  # the results, and the holder's key of the one that was answered


async def test_plans_at_once_for_one_learner_leave_one_open(rig: Rig) -> None:
    learner = {"learner_ref": (await rig.achieved("sko-ys-02"))["learner_ref"]}
    answers = await asyncio.gather(*(rig.plan(learner=learner) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


async def test_two_processes_lease_different_indices(rig: Rig) -> None:
    keys = MasterKey(rig.settings.state_dir / "vault.key")
    processes = [Indices(rig.state, keys) for _ in range(3)]
    leased = await asyncio.gather(*(process.lease(KOMMUN, BLOCK + 10) for process in processes))
    flat = [entry for entries in leased for entry in entries]
    assert len(set(flat)) == 3 * (BLOCK + 10)


async def test_indices_do_not_tell_their_order(rig: Rig) -> None:
    leased = await Indices(rig.state, MasterKey(rig.settings.state_dir / "vault.key")).lease(KOMMUN, 20)
    indices = [index for _, index in leased]
    assert len({later - earlier for earlier, later in pairwise(indices)}) > 10


async def test_a_full_list_gives_way_to_the_spare_one(rig: Rig) -> None:
    await rig.world.open_list(uuid7(), SECOND_LIST, 64)
    await rig.caught_up()
    leased = await Indices(rig.state, MasterKey(rig.settings.state_dir / "vault.key")).lease(KOMMUN, 4096 + 64)
    assert {uri for uri, _ in leased[:4096]} == {LIST_URI}
    assert {uri for uri, _ in leased[4096:]} == {SECOND_LIST}
    assert len(set(leased)) == 4096 + 64


async def test_without_a_list_the_wallet_is_told_to_try_again(rig: Rig) -> None:
    await rig.execute("update status_lists set next_counter = size")
    wallet = await rig.wallet()
    await wallet.token()
    answer = await wallet.credential()
    assert (answer.status_code, answer.json()["error"]) == (503, "no_status_list")


async def test_a_place_whose_achievement_was_never_born_is_given_up(rig: Rig) -> None:
    learner = (await rig.plan()).json()["learner_ref"]
    await rig.state.open_achievement(learner, "sko-ys-02", "course", UUID(int=1), rig.clock())
    rig.clock.advance(seconds=3600)
    await rig.achievements.sweep()
    await rig.caught_up()
    assert await rig.rows("openings") == 1
    assert (await rig.plan("sko-ys-02", {"learner_ref": learner})).status_code == 201


async def test_a_place_that_a_crash_left_is_no_hindrance(rig: Rig) -> None:
    learner = (await rig.plan()).json()["learner_ref"]
    await rig.state.open_achievement(learner, "sko-ys-02", "course", UUID(int=1), rig.clock())
    first = await rig.plan("sko-ys-02", {"learner_ref": learner})  # it was never born: this one takes its id
    assert (first.status_code, first.json()["achievement_id"]) == (201, str(UUID(int=1)))
    await rig.record(first.json()["achievement_id"], scores(10))
    await rig.state.open_achievement(learner, "sko-ys-02", "course", UUID(int=1), rig.clock())
    second = await rig.plan("sko-ys-02", {"learner_ref": learner})  # it is closed: its place is given up
    assert second.status_code == 201
    assert second.json()["achievement_id"] != first.json()["achievement_id"]


async def test_two_plans_at_once_make_one_achievement(rig: Rig) -> None:
    learner = (await rig.plan()).json()["learner_ref"]
    await rig.state.open_achievement(learner, "sko-ys-02", "course", UUID(int=1), rig.clock())
    both = await asyncio.gather(*(rig.plan("sko-ys-02", {"learner_ref": learner}) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [201, 409]
    assert {answer.json()["achievement_id"] for answer in both} == {str(UUID(int=1))}


async def test_what_a_crash_left_half_said_is_said_by_the_sweep(rig: Rig) -> None:
    wallet = await rig.wallet()
    await rig.state.withdraw_offer(UUID(wallet.offered["offer_id"]), "issuer")
    await rig.offers.sweep()
    await rig.offers.sweep()
    assert [event["cause"] for event in await rig.events("OfferWithdrawn")] == ["issuer"]


async def test_spent_state_is_swept_when_it_is_over(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.fetched()
    rig.clock.advance(seconds=3600)
    await rig.state.sweep(rig.clock())
    assert await rig.rows("tokens") == await rig.rows("spent_nonces") == 0
    assert await rig.rows("used_indices") == 1
