"""The notification endpoint. Numbers are those of the OpenID4VCI checklist."""

from __future__ import annotations

import pytest

from services.issuance.tests.rig import SLUG, Json, Rig


async def test_vci_42_a_notification_is_taken_and_its_repeat_as_well(rig: Rig) -> None:
    wallet = await rig.wallet()
    response = await wallet.fetched()
    for _ in range(2):
        assert (await wallet.notify(response["notification_id"])).status_code == 204


async def test_vci_42_after_a_notification_nothing_more_is_issued(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.notify((await wallet.fetched())["notification_id"])
    assert (await wallet.credential()).json()["error"] == "credential_request_denied"


async def test_vci_42_an_unknown_id_is_refused(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.fetched()
    answer = await wallet.notify("unknown")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_notification_id")


async def test_vci_42_before_anything_was_issued_every_id_is_unknown(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    assert (await wallet.notify("")).json()["error"] == "invalid_notification_request"
    assert (await wallet.notify("x")).json()["error"] == "invalid_notification_id"


async def test_vci_42_the_id_of_replaced_copies_is_over(rig: Rig) -> None:
    wallet = await rig.wallet()
    first = await wallet.fetched()
    second = (await wallet.credential()).json()
    assert (await wallet.notify(first["notification_id"])).status_code == 400
    assert (await wallet.notify(second["notification_id"])).status_code == 204


@pytest.mark.parametrize("body", [{}, {"notification_id": "x"}, {"notification_id": "x", "event": "other"}, []])
async def test_vci_42_a_malformed_notification_is_refused(rig: Rig, body: Json) -> None:
    wallet = await rig.wallet()
    headers = {"Authorization": f"Bearer {await wallet.token()}"}
    answer = await rig.client.post(f"/issuers/{SLUG}/notification", json=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_notification_request")


async def test_vci_42_without_a_token_the_answer_is_401(rig: Rig) -> None:
    answer = await rig.client.post(f"/issuers/{SLUG}/notification", json={})
    assert answer.status_code == 401
