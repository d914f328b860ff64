"""The credential endpoint over HTTP. Numbers are those of the OpenID4VCI checklist."""

from __future__ import annotations

from services.issuance.tests.rig import Rig


async def test_the_straight_line_ends_in_a_signed_credential(rig: Rig) -> None:
    wallet = await rig.wallet()
    response = await wallet.fetched()
    assert len(response["credentials"]) == 1
    assert response["credentials"][0]["credential"].endswith("~")
