"""A log's public face over HTTP, and an auditor's walk with the commands of a service."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from kompetenspass.log.api import Append
from kompetenspass.log.conformance import draft
from kompetenspass.log.merkle import audit
from kompetenspass.log.merkle.kept import Kept
from kompetenspass.log.merkle.note import verified_checkpoint, verifier_of
from kompetenspass.log.merkle.tree import EMPTY, row_hash, verify_consistency, verify_inclusion
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.histories import history
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from kompetenspass.web.app import build_app
from kompetenspass.web.cli import service_cli
from kompetenspass.web.outbound import Outbound
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.settings import ServiceSettings, environment
from kompetenspass.web.transparency import PublicLog, transparency

MIGRATIONS = "trial_transparent.verification.migrations"
BASE = "https://verification.example/a"


class Settings(ServiceSettings):
    service = "verification"
    model_config = environment("verification")


@pytest.fixture(scope="session", autouse=True)
def migrations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    root = tmp_path_factory.mktemp("transparent")
    with history(root, "transparent", "kompetenspass.log.merkle.revisions", "tree", "verification"):
        yield


def create_app(settings: Settings) -> FastAPI:
    runtime = Runtime(settings, migrations=MIGRATIONS)
    return build_app("Trial", runtime=runtime, routes=transparency(runtime))


async def appended(database: Database, events: int) -> None:
    log = PostgresLog("verification", database.dsn("verification"))
    await log.start()
    await log.append(Append("s", 0, [draft() for _ in range(events)]))
    await log.stop()


@pytest.fixture
async def app(database: Database, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The application on a log of 300 events, once its first checkpoint is signed."""
    await appended(database, 300)
    settings = Settings(base_url=BASE, database_dsn=database.dsn("verification"), state_dir=tmp_path / "state")
    app = create_app(settings)
    async with app.router.lifespan_context(app), spoken_to(app) as http:
        await until(lambda: signed(http))
        yield app


def spoken_to(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://verification.example")


async def signed(http: httpx2.AsyncClient) -> bool:
    return (await http.get("/log/checkpoint")).status_code == 200


async def test_checkpoint_tiles_and_proofs_can_be_had_and_checked_by_anybody(app: FastAPI) -> None:
    async with spoken_to(app) as http:
        key = verifier_of((await http.get("/log/key")).text.strip())
        answer = await http.get("/log/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        checkpoint = verified_checkpoint(answer.content, [key])
        assert (checkpoint.size, key.name) == (300, "verification.example/a/log")
        tile = await http.get("/log/tile/0/001.p/44")
        assert (tile.headers["content-type"], len(tile.content)) == ("application/octet-stream", 44 * 32)
        row = (await app.state.runtime.log.read(299, 1))[0]
        assert tile.content[-32:] == row_hash(row)
        proof = (await http.get("/log/proof/inclusion?position=300")).json()
        path = [b64decode(each) for each in proof["proof"]]
        verify_inclusion(b64decode(proof["leaf_hash"]), proof["leaf_index"], 300, path, checkpoint.root)
        grew = (await http.get("/log/proof/consistency?from=256&to=300")).json()
        path, roots = [b64decode(each) for each in grew["proof"]], [b64decode(grew["from_root"]), checkpoint.root]
        verify_consistency(256, 300, path, *roots)
        assert (await http.get("/log/proof/consistency?from=0")).json()["from_root"] == b64encode(EMPTY).decode()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("tile/0/1", 404), ("tile/0/001", 404), ("tile/0/001.p/45", 404), ("tile/entries/000", 404), ("tile/", 404),
        ("proof/inclusion", 400), ("proof/inclusion?position=-1", 400), ("proof/inclusion?position=1e3", 400),
        ("proof/inclusion?position=301", 404), ("proof/inclusion?position=0", 404), ("proof/consistency", 400),
        ("proof/inclusion?position=1&size=301", 404), ("proof/consistency?from=5&to=4", 400),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_refused(app: FastAPI, path: str, status: int) -> None:
    async with spoken_to(app) as http:
        answer = await http.get(f"/log/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_an_auditor_keeps_a_log_over_http(app: FastAPI, tmp_path: Path) -> None:
    async def resolver(_host: str, _port: int) -> list[str]:
        return ["192.0.2.1"]

    async with spoken_to(app) as http:
        key = verifier_of((await http.get("/log/key")).text.strip())
    async with Outbound(transport=httpx2.ASGITransport(app), resolver=resolver, private_hosts=("a.test",)) as outbound:
        kept = Kept(tmp_path / "kept", key)
        assert (await audit.keep(PublicLog(outbound, "https://a.test/log/"), kept)).wrong is None
    rows = await app.state.runtime.log.read(0, 300)
    assert [kept.leaf(row.position) for row in rows] == [row_hash(row) for row in rows]


def set_up(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the commands their settings, and the service its tables."""
    told = {"BASE_URL": BASE, "DATABASE_DSN": database.dsn("verification"), "STATE_DIR": str(folder)}
    for name, value in told.items():
        monkeypatch.setenv(f"KOMPETENSPASS_VERIFICATION_{name}", value)
    assert invoke("migrate")[0] == 0


@pytest.mark.usefixtures("logging_as_it_was")
def test_an_auditors_walk_by_the_commands(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(database, tmp_path, monkeypatch)
    folder, export = str(tmp_path / "kept"), str(tmp_path / "log.jsonl")
    assert invoke("audit", "keep", folder)[0] == 2, "no checkpoint yet"
    asyncio.run(appended(database, 5))
    asyncio.run(served_once(Settings()))
    assert invoke("audit", "keep", folder) == (0, "kept 5 events\n")
    assert invoke("audit", "verify", folder) == (0, "verified 5 events\n")
    assert invoke("audit", "verify", folder, "--dsn", database.dsn("log_reader")) == (0, "verified 5 events\n")
    assert invoke("audit", "export", export) == (0, "exported 5 events\n")
    assert invoke("audit", "verify", folder, "--file", export) == (0, "verified 5 events\n")
    event = json.loads(Path(export).read_text().splitlines()[2])["id"]
    assert json.loads(invoke("audit", "prove", "--event", event)[1])["position"] == 3
    assert json.loads(invoke("audit", "prove", "2", "--size", "4")[1])["size"] == 4
    assert json.loads(invoke("audit", "prove", "--since", "2")[1])["to"] == 5
    assert invoke("audit", "prove", "6")[0] == 2


INSERTED = "INSERT INTO log SELECT {}, 'new', 1, gen_random_uuid(), type, recorded, data FROM log WHERE position = 3"
MOVED_DOWN = [
    "UPDATE log SET position = -position WHERE position > 3",
    "UPDATE log SET position = 1 - position WHERE position < 0",
]
SWAPPED = [
    "UPDATE log SET position = -position WHERE position > 3",
    "UPDATE log SET position = 9 + position WHERE position < 0",
]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE log SET data = '{}' WHERE position = 4"], "position 4: changed"),
        (["DELETE FROM log WHERE position = 4"], "position 4: removed"),
        ([*MOVED_DOWN, INSERTED.format(4)], "position 4: inserted"),
        ([INSERTED.format(0)], "position 0: inserted"),
        (SWAPPED, "position 4: reordered"),
    ],
)
@pytest.mark.usefixtures("logging_as_it_was")
def test_the_command_names_the_first_wrong_position_and_in_which_way(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statements: list[str], said: str
) -> None:
    set_up(database, tmp_path, monkeypatch)
    folder = str(tmp_path / "kept")
    asyncio.run(appended(database, 5))
    asyncio.run(served_once(Settings()))
    assert invoke("audit", "keep", folder) == (0, "kept 5 events\n")
    asyncio.run(tampered(database, statements))
    code, told = invoke("audit", "verify", folder)
    assert (code, told[: len(said)]) == (1, said)


async def served_once(settings: Settings) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app), spoken_to(app) as http:
        await until(lambda: signed(http))


async def tampered(database: Database, statements: list[str]) -> None:
    owner = await asyncpg.connect(database.admin_dsn)
    await owner.execute("SET session_replication_role = replica; SET search_path = verification_log")
    for statement in statements:
        await owner.execute(statement)
    await owner.close()


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(service_cli(create_app, Settings), arguments)
    return result.exit_code, result.output
