"""A credential of which verification has not heard yet: it is waited for, and never judged by what is not known."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until
from kompetenspass.web.cli import runtime_of
from services.verification import app as room
from services.verification.app import create_app
from services.verification.domain import judgement
from services.verification.tests.test_http import TOKENS, Said, outbound, settings
from services.verification.tests.test_tables import trusted
from services.verification.tests.world import BASE, World


async def test_a_credential_that_was_not_heard_of_in_time_is_not_refused_but_judged_when_asked_again(
    database: Database, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = DevelopmentTokenIssuer(tmp_path, TOKENS, clock=world.clock)
    app = create_app(settings(database, tmp_path, world, tokens), clock=world.clock, http=outbound(world))
    logs = {owner: PostgresLog(owner, database.dsn(owner)) for owner in ("registry", "catalog", "issuance")}
    said, credential, runtime = Said(logs), world.credential(), runtime_of(app)
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)

    async def is_ready() -> bool:
        return (await http.get("/readyz")).status_code == 200

    async with app.router.lifespan_context(app), http:
        await until(is_ready)
        await runtime.readers.stop()
        for log in logs.values():
            await log.start()
        await said.say(trusted(world, judgement.read(credential).digest))
        monkeypatch.setattr(room, "CATCH_UP_SECONDS", 0.05)
        early = await http.post("/v1/verify", json={"credential": credential})
        assert (early.status_code, early.json()["code"]) == (503, "not_caught_up")
        monkeypatch.setattr(room, "CATCH_UP_SECONDS", PATIENCE_SECONDS)
        await runtime.readers.start()
        assert (await http.get("/livez", headers=said.wait)).status_code == 200
        again = await http.post("/v1/verify", json={"credential": credential})
        assert again.json()["outcome"] == "verified"
        for log in logs.values():
            await log.stop()
