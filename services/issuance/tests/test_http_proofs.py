"""Key proofs and nonces at the credential endpoint. Numbers are those of the OpenID4VCI checklist and the traps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kompetenspass.openid.jose import sign_jws
from kompetenspass.testing.keys import TestSigner
from services.issuance.tests.rig import ISSUER, MERIT, Json, Rig, Wallet

TYP = "openid4vci-proof+jwt"


async def ready(rig: Rig) -> Wallet:
    wallet = await rig.wallet()
    await wallet.token()
    return wallet


def handmade(wallet: Wallet, fresh: str, *, header: Json | None = None, signer: Any = None, **claims: Any) -> str:
    """Return a proof that is right but for what is changed; None takes a member away."""
    head: Json = {"typ": TYP, "alg": "ES256", "jwk": dict(wallet.key.public_jwk)} | (header or {})
    body: Json = {"aud": ISSUER, "iat": int(wallet.rig.clock().timestamp()), "nonce": fresh} | claims
    kept = {name: value for name, value in body.items() if value is not None}
    return sign_jws({name: value for name, value in head.items() if value is not None}, kept, signer or wallet.key)


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "JWT"}, {}),
        ({"typ": None}, {}),
        ({"jwk": None}, {}),
        ({"kid": "did:example:1"}, {}),
        ({"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}, {}),
        ({}, {"aud": "https://other.example"}),
        ({}, {"aud": None}),
        ({}, {"iat": None}),
        ({}, {"iat": 1}),
        ({}, {"iat": "now"}),
        ({}, {"iss": "some-client"}),
        ({}, {"nonce": None}),
    ],
)
async def test_vci_37_a_proof_with_a_defect_is_an_invalid_proof(rig: Rig, header: Json, claims: Json) -> None:
    wallet = await ready(rig)
    answer = await wallet.credential(handmade(wallet, await wallet.nonce(), header=header, **claims))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_proof")


async def test_vci_37_a_private_key_in_the_header_is_refused(rig: Rig) -> None:
    wallet = await ready(rig)
    jwk = {**wallet.key.public_jwk, "d": "A" * 43}
    answer = await wallet.credential(handmade(wallet, await wallet.nonce(), header={"jwk": jwk}))
    assert answer.json()["error"] == "invalid_proof"


async def test_trap_30_a_proof_signed_by_another_key_than_it_names_is_refused(rig: Rig) -> None:
    wallet = await ready(rig)
    answer = await wallet.credential(handmade(wallet, await wallet.nonce(), signer=TestSigner()))
    assert answer.json()["error"] == "invalid_proof"


async def test_vci_33_a_made_up_nonce_is_an_invalid_nonce(rig: Rig) -> None:
    wallet = await ready(rig)
    answer = await wallet.credential(wallet.proof("made-up"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_nonce")


async def test_trap_3_a_used_nonce_is_an_invalid_nonce_and_no_new_one_comes_with_it(rig: Rig) -> None:
    wallet = await ready(rig)
    proof = wallet.proof(await wallet.nonce())
    assert (await wallet.credential(proof)).status_code == 200
    again = await wallet.credential(proof)
    assert again.json()["error"] == "invalid_nonce"
    assert set(again.json()) == {"error", "error_description"}


async def test_vci_33_an_expired_nonce_is_an_invalid_nonce(rig: Rig) -> None:
    wallet = await rig.wallet()
    nonce = await wallet.nonce()
    rig.clock.advance(timedelta(seconds=301))
    await wallet.token()
    assert (await wallet.credential(wallet.proof(nonce))).json()["error"] == "invalid_nonce"


async def test_a_nonce_of_another_issuer_is_an_invalid_nonce(rig: Rig) -> None:
    await rig.world.found("org:another", "En annan", "issuer")
    await rig.caught_up()
    wallet = await ready(rig)
    nonce = await wallet.nonce("another")
    assert (await wallet.credential(wallet.proof(nonce))).json()["error"] == "invalid_nonce"


async def test_a_refused_proof_does_not_spend_its_nonce(rig: Rig) -> None:
    wallet = await ready(rig)
    nonce = await wallet.nonce()
    await wallet.credential(handmade(wallet, nonce, aud="https://other.example"))
    assert (await wallet.credential(wallet.proof(nonce))).status_code == 200


async def test_the_singular_proof_of_earlier_drafts_is_refused(rig: Rig) -> None:
    wallet = await ready(rig)
    proof = {"proof_type": "jwt", "jwt": wallet.proof(await wallet.nonce())}
    answer = await wallet.request({"credential_configuration_id": MERIT, "proof": proof})
    assert answer.json()["error"] == "invalid_proof"
