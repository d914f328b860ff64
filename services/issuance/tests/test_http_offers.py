"""Offers over HTTP: by value, by reference, as QR; replaced, withdrawn, lapsed."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from kompetenspass.openid.oid4vci.offer import parse_offer_uri
from services.issuance.tests.rig import GRANT, ISSUER, MERIT, Rig, Wallet, scores
from services.issuance.tests.world import KOMMUN, VUX


async def test_vci_1_an_offer_names_issuer_and_configuration(rig: Rig) -> None:
    document = (await rig.wallet()).document
    assert document["credential_issuer"] == ISSUER
    assert document["credential_configuration_ids"] == [MERIT]


async def test_vci_2_the_offer_is_by_value_or_by_reference_never_both(rig: Rig) -> None:
    offered = (await rig.wallet()).offered
    by_value = parse_qs(urlsplit(offered["offer_uri"]).query)
    by_reference = parse_qs(urlsplit(offered["offer_uri_by_reference"]).query)
    assert list(by_value) == ["credential_offer"]
    assert list(by_reference) == ["credential_offer_uri"]
    assert offered["offer_uri"].startswith("openid-credential-offer://?")


async def test_vci_3_the_reference_answers_the_same_offer_as_json(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    url = parse_offer_uri(wallet.offered["offer_uri_by_reference"])
    assert isinstance(url, str)
    answer = await rig.client.get(url)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == wallet.document


async def test_vci_3_every_offer_has_an_unguessable_reference_of_its_own(rig: Rig) -> None:
    urls = {(await rig.wallet()).offered["qr_svg_url"] for _ in range(2)}
    assert len(urls) == 2
    assert all(len(url.split("/")[-2]) == 43 for url in urls)


async def test_vci_5_a_transaction_code_is_announced_and_told_apart(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    assert wallet.document["grants"][GRANT]["tx_code"] == {"input_mode": "numeric", "length": 6}
    assert wallet.offered["tx_code"].isdigit()
    assert wallet.offered["tx_code"] not in json.dumps(wallet.document)


async def test_vci_5_without_a_transaction_code_none_is_announced(rig: Rig) -> None:
    wallet = await rig.wallet()
    assert set(wallet.document["grants"][GRANT]) == {"pre-authorized_code"}


async def test_the_qr_code_is_an_svg(rig: Rig) -> None:
    answer = await rig.client.get((await rig.wallet()).offered["qr_svg_url"])
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert b"<svg" in answer.content


async def test_a_reference_is_over_once_its_code_was_used(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    assert (await rig.client.get(wallet.offered["qr_svg_url"].removesuffix("/qr.svg"))).status_code == 404


async def test_an_unknown_reference_is_not_found(rig: Rig) -> None:
    assert (await rig.client.get("/offers/unknown")).status_code == 404


async def test_only_a_confirmed_achievement_is_offered(rig: Rig) -> None:
    achievement_id = (await rig.plan()).json()["achievement_id"]
    await rig.record(achievement_id, scores(92))
    path = f"/v1/achievements/{achievement_id}/offers"
    answer = await rig.post(path, {"tx_code": False}, KOMMUN, "awarding_body")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_confirmed")


@pytest.mark.parametrize(("org", "role", "status"), [(VUX, "provider", 403), ("org:other", "awarding_body", 404)])
async def test_only_its_awarding_body_offers(rig: Rig, org: str, role: str, status: int) -> None:
    achievement = await rig.achieved()
    path = f"/v1/achievements/{achievement['achievement_id']}/offers"
    assert (await rig.post(path, {"tx_code": False}, org, role)).status_code == status


async def test_an_offer_again_is_for_the_same_credential_and_withdraws_the_older(rig: Rig) -> None:
    wallet = await rig.wallet()
    again = await rig.offer(wallet.achievement["achievement_id"])
    assert again["credential_id"] == wallet.offered["credential_id"]
    assert (await wallet.redeem()).json()["error"] == "invalid_grant"
    (withdrawn,) = await rig.events("OfferWithdrawn")
    assert (withdrawn["offer_id"], withdrawn["cause"]) == (wallet.offered["offer_id"], "replaced")


async def test_a_withdrawn_offer_gives_no_token_and_says_so_in_the_log_once(rig: Rig) -> None:
    wallet = await rig.wallet()
    path = f"/v1/offers/{wallet.offered['offer_id']}/withdraw"
    for _ in range(2):
        answer = await rig.post(path, {}, KOMMUN, "awarding_body")
        assert answer.status_code == 200
    assert (await wallet.redeem()).json()["error"] == "invalid_grant"
    assert [event["cause"] for event in await rig.events("OfferWithdrawn")] == ["issuer"]


async def withdrawn(rig: Rig, wallet: Wallet) -> httpx2.Response:
    return await rig.post(f"/v1/offers/{wallet.offered['offer_id']}/withdraw", {}, KOMMUN, "awarding_body")


async def test_an_offer_that_is_withdrawn_while_its_token_lives_issues_nothing(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    assert (await withdrawn(rig, wallet)).status_code == 200
    assert [event["cause"] for event in await rig.events("OfferWithdrawn")] == ["issuer"]
    answer = await wallet.credential()
    assert (answer.status_code, answer.json()["error"]) == (400, "credential_request_denied")
    assert await rig.events("CredentialIssued") == []


async def test_an_offer_cannot_be_withdrawn_once_its_credential_is_issued(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.fetched()
    answer = await withdrawn(rig, wallet)
    assert (answer.status_code, answer.json()["code"]) == (409, "credential_issued")
    assert "registry" in answer.json()["remedy"]
    assert await rig.events("OfferWithdrawn") == []


async def test_another_organisation_cannot_withdraw_an_offer(rig: Rig) -> None:
    wallet = await rig.wallet()
    answer = await rig.post(f"/v1/offers/{wallet.offered['offer_id']}/withdraw", {}, "org:other", "awarding_body")
    assert answer.status_code == 404


async def test_an_offer_lapses_in_time_and_the_log_says_so(rig: Rig) -> None:
    wallet = await rig.wallet()
    rig.clock.advance(seconds=4 * 86400)
    assert (await wallet.redeem()).json()["error"] == "invalid_grant"
    await rig.offers.sweep()
    assert [event["cause"] for event in await rig.events("OfferWithdrawn")] == ["expired"]


async def test_an_offer_that_was_fetched_never_lapses(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.fetched()
    rig.clock.advance(seconds=4 * 86400)
    await rig.offers.sweep()
    assert await rig.events("OfferWithdrawn") == []


async def test_an_offer_that_is_replaced_while_its_token_lives_issues_nothing(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    await rig.offer(wallet.achievement["achievement_id"])
    assert (await wallet.credential()).json()["error"] == "credential_request_denied"
