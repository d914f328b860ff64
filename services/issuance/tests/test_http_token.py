"""The token and nonce endpoints over HTTP. Numbers are those of the OpenID4VCI checklist."""

from __future__ import annotations

import asyncio
import json

import pytest

from services.issuance.tests.rig import GRANT, MERIT, SLUG, Rig, Wallet

OTHER_CODE = "000000"


def wrong(wallet: Wallet) -> str:
    return OTHER_CODE if wallet.offered["tx_code"] != OTHER_CODE else "111111"


async def test_vci_22_a_code_gives_a_bearer_token_without_client_authentication(rig: Rig) -> None:
    answer = await (await rig.wallet()).redeem()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"


async def test_vci_25_a_bearer_token_lives_at_most_five_minutes(rig: Rig) -> None:
    wallet = await rig.wallet()
    assert (await wallet.redeem()).json()["expires_in"] <= 300


async def test_vci_25_a_token_is_over_after_its_time(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    rig.clock.advance(seconds=301)
    assert (await wallet.credential()).status_code == 401


_NUL = json.dumps([{"type": "openid_credential", "credential_configuration_id": "\0"}])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"pre-authorized_code": None}, "invalid_request"),
        ({"pre-authorized_code": "unknown"}, "invalid_grant"),
        ({"tx_code": "123456"}, "invalid_request"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"authorization_details": _NUL}, "invalid_authorization_details"),
    ],
)
async def test_vci_23_a_wrong_token_request_is_refused_by_its_own_error(
    rig: Rig, changes: dict[str, str | None], code: str
) -> None:
    answer = await (await rig.wallet()).redeem(**changes)
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"


async def test_vci_23_a_used_code_is_refused(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    assert (await wallet.redeem()).json()["error"] == "invalid_grant"


async def test_a_code_is_good_at_its_own_issuer_only(rig: Rig) -> None:
    wallet = await rig.wallet()
    form = {"grant_type": GRANT, "pre-authorized_code": wallet.code}
    answer = await rig.client.post("/issuers/skelleftea-vux/token", data=form)
    assert answer.json()["error"] == "invalid_grant"
    assert (await wallet.redeem()).status_code == 200


async def test_vci_6_a_missing_transaction_code_does_not_count(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    for _ in range(6):
        assert (await wallet.redeem(tx_code=None)).json()["error"] == "invalid_request"
    assert (await wallet.redeem()).status_code == 200


async def test_vci_6_the_right_transaction_code_works_after_a_wrong_one(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    for _ in range(4):
        assert (await wallet.redeem(tx_code=wrong(wallet))).json()["error"] == "invalid_grant"
    assert (await wallet.redeem()).status_code == 200


async def test_vci_6_five_wrong_transaction_codes_burn_the_offer(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    for _ in range(5):
        await wallet.redeem(tx_code=wrong(wallet))
    assert (await wallet.redeem()).json()["error"] == "invalid_grant"
    assert [event["cause"] for event in await rig.events("OfferWithdrawn")] == ["tx_code_attempts"]


async def test_vci_6_guessing_many_at_once_gets_no_more_than_five_tries(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    await asyncio.gather(*(wallet.redeem(tx_code=wrong(wallet)) for _ in range(20)))
    assert await rig.scalar("select attempts from offers") == 5


async def test_a_wrong_guess_at_the_same_moment_does_not_keep_the_right_one_out(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    guesses = (wallet.redeem(tx_code=wrong(wallet)) for _ in range(2))
    answers = await asyncio.gather(*guesses, wallet.redeem(), wallet.redeem(tx_code=wrong(wallet)))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert answers[2].status_code == 200


async def test_many_wallets_at_once_have_each_its_own_token(rig: Rig) -> None:
    wallets = [await rig.wallet(tx_code=bool(number % 2)) for number in range(6)]
    spoiled = wallets[3].redeem(tx_code=wrong(wallets[3]))
    *answers, refused = await asyncio.gather(
        *(wallet.redeem() for wallet in wallets if wallet is not wallets[3]), spoiled
    )
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["access_token"] for answer in answers}) == 5
    assert refused.json()["error"] == "invalid_grant"


async def test_of_two_requests_at_once_with_one_code_one_wins(rig: Rig) -> None:
    wallet = await rig.wallet()
    answers = await asyncio.gather(*(wallet.redeem() for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


async def test_vci_24_asked_by_authorization_details_the_answer_names_identifiers(rig: Rig) -> None:
    details = [{"type": "openid_credential", "credential_configuration_id": MERIT}]
    answer = await (await rig.wallet()).redeem(authorization_details=json.dumps(details))
    assert answer.json()["authorization_details"] == [{**details[0], "credential_identifiers": [MERIT]}]


async def test_vci_24_details_for_something_else_leave_the_code_unused(rig: Rig) -> None:
    wallet = await rig.wallet()
    details = [{"type": "openid_credential", "credential_configuration_id": "sko-ys-02"}]
    answer = await wallet.redeem(authorization_details=json.dumps(details))
    assert answer.json()["error"] == "invalid_authorization_details"
    assert (await wallet.redeem()).status_code == 200


async def test_vci_26_a_nonce_is_fresh_each_time_and_not_stored_by_caches(rig: Rig) -> None:
    answers = [await rig.client.post(f"/issuers/{SLUG}/nonce") for _ in range(2)]
    assert answers[0].status_code == 200
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert set(answers[0].json()) == {"c_nonce"}
    assert answers[0].json() != answers[1].json()


async def test_vci_26_an_unknown_issuer_has_no_nonces(rig: Rig) -> None:
    assert (await rig.client.post("/issuers/unknown/nonce")).status_code == 404


async def test_trap_26_an_error_is_a_top_level_member(rig: Rig) -> None:
    answer = await rig.client.post(f"/issuers/{SLUG}/token", json={"grant_type": GRANT})
    assert set(answer.json()) == {"error", "error_description"}


async def test_secrets_of_an_offer_are_stored_as_hashes_only(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    await wallet.token()
    dump = await rig.dump("offers", "tokens")
    for secret in (wallet.code, wallet.offered["tx_code"], wallet.access_token):
        assert secret not in dump
