"""Several copies at once, where the settings allow it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kompetenspass.testing.keys import TestSigner
from kompetenspass.testing.postgres import Database
from services.issuance.tests.conftest import running
from services.issuance.tests.rig import SLUG, Rig
from services.issuance.tests.verifier import signed_claims


@pytest.fixture
async def batching(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(database, tmp_path, batch_size=3) as made:
        yield made


async def test_vci_32_each_key_gets_one_copy_that_cannot_be_linked_to_the_others(batching: Rig) -> None:
    wallet = await batching.wallet()
    await wallet.token()
    keys, nonce = [TestSigner() for _ in range(3)], await wallet.nonce()
    answer = await wallet.credential(*(wallet.proof(nonce, key) for key in keys))
    claims = [signed_claims(one["credential"], batching.signer) for one in answer.json()["credentials"]]
    assert [one["cnf"]["jwk"] for one in claims] == [dict(key.public_jwk) for key in keys]
    assert len({one["status"]["status_list"]["idx"] for one in claims}) == 3
    assert len({one["jti"] for one in claims}) == 3
    assert all(one["iat"] % 3600 == 0 for one in claims)
    (event,) = await batching.events("CredentialIssued")
    assert len(event["copies"]) == 3


async def test_vci_32_one_key_binds_at_most_one_copy(batching: Rig) -> None:
    wallet = await batching.wallet()
    await wallet.token()
    nonce = await wallet.nonce()
    answer = await wallet.credential(wallet.proof(nonce), wallet.proof(nonce))
    assert answer.json()["error"] == "invalid_proof"


async def test_vci_10_the_metadata_names_the_batch_size_only_if_it_is_two_or_more(batching: Rig) -> None:
    answer = await batching.client.get(f"/.well-known/openid-credential-issuer/issuers/{SLUG}")
    assert answer.json()["batch_credential_issuance"] == {"batch_size": 3}
