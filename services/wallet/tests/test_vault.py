"""The vault: what it keeps opens only with its own keys, and only where it was sealed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import random_bytes, uuid7
from kompetenspass.openid import jose
from kompetenspass.testing.clock import FixedClock
from kompetenspass.web.runtime import Runtime
from services.wallet.state import State
from services.wallet.vault import Vault, holder_keys


@pytest.fixture
async def vault(runtime: Runtime, clock: FixedClock) -> Vault:
    made = Vault(runtime.engine, runtime.settings.state_dir / "wallet.kek", clock)
    await made.open()
    return made


async def keep(vault: Vault, account_id: UUID, digest: str, compact: str) -> None:
    key = await vault.new_key(account_id)
    await vault.keep(
        account_id,
        digest=digest,
        thumbprint=key.kid,
        issuer="https://issuer.example",
        vct="type",
        compact=compact,
        received_at=FixedClock()(),
    )


async def test_a_key_comes_back_and_signs_as_itself(vault: Vault, account_id: UUID) -> None:
    made = await vault.new_key(account_id)
    again = await vault.key(account_id, made.kid)
    token = jose.sign_jws({"typ": "trial+jwt"}, {"a": 1}, again)
    assert jose.verify_jws(token, jose.public_key(made.public_jwk), typ="trial+jwt").payload == {"a": 1}


async def test_another_accounts_key_is_not_there(vault: Vault, account_id: UUID) -> None:
    made = await vault.new_key(account_id)
    with pytest.raises(Problem, match="not_found"):
        await vault.key(uuid7(), made.kid)


async def test_what_was_moved_to_another_place_does_not_open(vault: Vault, account_id: UUID, runtime: Runtime) -> None:
    first, second = await vault.new_key(account_id), await vault.new_key(account_id)
    async with runtime.engine.begin() as connection:
        sealed = await connection.scalar(select(holder_keys.c.sealed).where(holder_keys.c.thumbprint == first.kid))
        moved = update(holder_keys).where(holder_keys.c.thumbprint == second.kid).values(sealed=sealed)
        await connection.execute(moved)
    with pytest.raises(Problem, match="vault_unreadable"):
        await vault.key(account_id, second.kid)


async def test_another_wallets_key_opens_nothing(
    vault: Vault, account_id: UUID, runtime: Runtime, clock: FixedClock, tmp_path: Path
) -> None:
    await keep(vault, account_id, "d", "a.b.c~")
    (held,) = await vault.held(account_id)
    assert held.compact == "a.b.c~"
    other = tmp_path / "other.kek"
    other.write_bytes(random_bytes(32))
    foreign = Vault(runtime.engine, other, clock)
    await foreign.open()
    with pytest.raises(Problem, match="vault_unreadable"):
        await foreign.held(account_id)


async def test_a_broken_key_file_is_refused(runtime: Runtime, clock: FixedClock, tmp_path: Path) -> None:
    broken = tmp_path / "broken.kek"
    broken.write_bytes(b"short")
    with pytest.raises(Problem, match="key_unusable"):
        await Vault(runtime.engine, broken, clock).open()


async def test_what_an_account_held_is_gone_once_it_is_forgotten(vault: Vault, account_id: UUID) -> None:
    await keep(vault, account_id, "d", "a.b.c~")
    await vault.forget(account_id)
    with pytest.raises(Problem, match="not_found"):
        await vault.held(account_id)


async def test_links_and_sessions_that_are_over_are_swept(
    runtime: Runtime, clock: FixedClock, account_id: UUID
) -> None:
    state = State(runtime.engine)
    await state.keep_link(b"1", account_id, clock() + timedelta(seconds=1))
    await state.keep_session(b"2", account_id, clock() + timedelta(seconds=9))
    assert await state.sweep(clock() + timedelta(seconds=5)) == 1
    assert await state.session(b"2", clock()) == account_id
