"""No person is in the log, and a person can be forgotten."""

from __future__ import annotations

import json

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from services.issuance.service.vault_ports import Identity
from services.issuance.tests.rig import LEARNER, Rig
from services.issuance.tests.verifier import disclosed
from services.issuance.vault import MasterKey, Vault


async def test_the_log_holds_no_name_no_score_no_code_and_no_key(rig: Rig) -> None:
    wallet = await rig.wallet(tx_code=True)
    compact = (await wallet.fetched())["credentials"][0]["credential"]
    claims = disclosed(compact, rig.signer)
    log = "\n".join(await rig.logged())
    secrets = [*LEARNER.values(), claims["learner_identification"], claims["jti"], claims["assessment_grade"]]
    secrets += [wallet.key.public_jwk["x"], wallet.code, wallet.access_token, '"score', "92.0", compact.split("~")[1]]
    assert [secret for secret in secrets if json.dumps(secret)[1:-1] in log or secret in log] == []


async def test_the_database_holds_names_and_scores_only_sealed(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.fetched()
    dump = await rig.dump("vault_learners", "vault_entries", "vault_tenants", "offers", "achievements", "credentials")
    plain = [value for value in (*LEARNER.values(), wallet.key.public_jwk["x"], "score_percent") if value in dump]
    sealed = [value for value in LEARNER.values() if value.encode().hex() in dump]
    assert (plain, sealed) == ([], [])


async def test_a_learner_has_one_pseudonym_with_one_tenant_and_another_with_another(rig: Rig) -> None:
    first = await rig.vault.identification("org:a", "learner")
    assert first == await rig.vault.identification("org:a", "learner")
    assert first != await rig.vault.identification("org:b", "learner")


async def test_a_forgotten_learner_can_not_be_read_nor_issued_to(rig: Rig) -> None:
    wallet = await rig.wallet()
    await wallet.token()
    assert await rig.vault.shred(wallet.achievement["learner_ref"])
    assert (await wallet.credential()).json()["error"] == "credential_request_denied"
    assert await rig.rows("spent_nonces") == await rig.rows("used_indices") == 0
    assert not await rig.vault.shred(wallet.achievement["learner_ref"])


async def test_a_forgotten_learner_is_no_longer_known(rig: Rig) -> None:
    learner_ref = (await rig.plan()).json()["learner_ref"]
    await rig.vault.shred(learner_ref)
    assert (await rig.plan("sko-ys-02", {"learner_ref": learner_ref})).status_code == 404


async def test_an_entry_opens_with_its_own_master_key_only(rig: Rig) -> None:
    entry = uuid7()
    await rig.vault.enrol("org:a", "learner", Identity("Given", "Family"))
    await rig.vault.keep("learner", entry, "results", {"percent": 92.0})
    identity, kept = await rig.vault.read("learner", entry)
    assert (identity.given_name, kept) == ("Given", {"percent": 92.0})
    with pytest.raises(Problem, match="vault_unreadable"):
        await Vault(rig.runtime.statements, MasterKey(rig.settings.state_dir / "other.key")).read("learner", entry)


async def test_an_entry_of_another_learner_is_not_there(rig: Rig) -> None:
    entry = uuid7()
    for learner in ("one", "two"):
        await rig.vault.enrol("org:a", learner, Identity("Given", learner))
    await rig.vault.keep("one", entry, "results", {})
    with pytest.raises(Problem, match="vault_entry_gone"):
        await rig.vault.read("two", entry)


async def test_the_master_key_is_in_a_file_that_only_its_owner_reads(rig: Rig) -> None:
    path = rig.settings.state_dir / "vault.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == 32
