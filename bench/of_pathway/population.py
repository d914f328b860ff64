"""Many learners in issuance's log and read tables, all of them as the service itself made the first one.

The first learner is made by the service: events of merits go in, its projections and reactions do the rest. Then its
rows of the log, of the read tables and of the protocol state are copied for all the others, with other ids, and the
cursors are set behind them. So the log and the tables agree as the service left them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import yaml

from bench.issued import credential_issued
from bench.of_pathway.stencil import NUMBER, Stencil, others
from bench.platform import ROOT
from kompetenspass.core.clock import system_clock
from kompetenspass.core.digest import content_digest
from kompetenspass.core.ids import credential_id_of, uuid7
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import connected
from kompetenspass.events import catalog, registry
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.issuance import AchievementConfirmed, AssessmentPlanned, CredentialOffered
from kompetenspass.events.registry import StatusRef
from kompetenspass.log.api import Append, Log, Stored
from kompetenspass.web.cli import runtime_of
from kompetenspass.web.runtime import Runtime
from services.issuance.app import create_app
from services.issuance.domain.stack import stack_id_of
from services.issuance.settings import Settings

BODY = "org:skelleftea-kommun"
HELD = ("sko-ys-01", "sko-ys-02", "sko-ys-03")
TOUCHED, LACKED = HELD[0], "sko-ys-04"
AWARDED, OPEN = "bench-path-awarded", "bench-path-open"
_PILOT = ROOT / "demo" / "pilots" / "02_skelleftea_kommun_yrkessvenska.yaml"
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_NAMES = UUID("00000000-3b5e-5c1d-9c3e-5b1f0f0c7a11")
_LOG, _STATE, _OVERVIEW = "issuance_log", "issuance", "issuance_overview_g1"
_COPIED = (
    (_LOG, "log_stream"),
    (_OVERVIEW, "achievements"),
    (_OVERVIEW, "credentials"),
    (_OVERVIEW, "stacks"),
    (_STATE, "offers"),
    (_STATE, "reassessments"),
)
_SOME_COLUMNS = {"log_stream": ("stream", "version")}  # where its events stand, is another thing for each
_AT_ONCE = 500


@dataclass(frozen=True)
class Learner:
    """A learner by number; everything else follows from it."""

    number: int

    @property
    def ref(self) -> str:
        """The reference that all services know the learner by."""
        return str(self.id_of("learner"))

    @property
    def stack_id(self) -> UUID:
        """The award that the learner has."""
        return stack_id_of(self.ref, AWARDED, 1, 1)

    def id_of(self, name: str) -> UUID:
        """Return the id of something of the learner's: its first digits are the number."""
        return UUID(f"{self.number:08x}{str(uuid5(_NAMES, name))[8:]}")

    def suspended(self) -> registry.CredentialSuspended:
        """Return that the issuer suspended the merit that counts only while it is valid."""
        id_ = self.id_of(f"credential {TOUCHED}")
        return registry.CredentialSuspended(
            credential_id=id_, copies=(), cause="issuer", causes=("issuer",), reason_code="under_investigation"
        )


@dataclass(frozen=True)
class Site:
    """Where it all runs: the server and the folder of keys."""

    cluster: EmbeddedPostgres
    folder: Path

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Runtime]:
        """Run issuance, caught up."""
        dsn = self.cluster.dsn
        settings = Settings(
            base_url="https://issuance.example", catalog_url="https://catalog.example", database_dsn=dsn("issuance"),
            feed_dsns={owner: dsn("log_reader") for owner in ("registry", "catalog")}, state_dir=self.folder,
        )  # fmt: skip
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            runtime = runtime_of(app)
            await settled(runtime)
            yield runtime


async def settled(runtime: Runtime, quiet_looks: int = 8) -> None:
    """Return once every reader of the service has read all there is, and nothing new came of it for a while."""
    quiet, head = 0, -1
    while quiet < quiet_looks:
        lags = await runtime.readers.lags()
        halted = [lag for lag in lags if lag.halted]
        if halted:
            raise RuntimeError(f"a reader halted: {halted[0]}")
        now = await runtime.log.head()
        still = all(lag.started and not lag.lag for lag in lags) and now == head
        quiet, head = quiet + 1 if still else 0, now
        await asyncio.sleep(0.05)


async def state(log: Log, stream: str, *events: Event, after: int = 0) -> None:
    """Append events to a stream that stands at a version."""
    context = Context(SYSTEM, system_clock(), "bench")
    answer = await log.append(Append(stream, after, [seal(uuid7(), event, context) for event in events]))
    assert isinstance(answer, Stored), answer


async def found(registry_log: Log, catalog_log: Log) -> None:
    """State the awarding body, the definitions, and two pathways: one that is awarded, one that stays open."""
    named = registry.OrganisationRegistered(
        org_id=BODY, legal_name={"sv": "Skellefteå kommun (mätning)"}, slug=BODY.removeprefix("org:"),
        registration_no="BENCH", country="SE",
    )  # fmt: skip
    grants = [
        registry.RoleGranted(org_id=BODY, role=role, mandate_ref="M", granted_by="org:rise", valid_from=_SINCE)
        for role in ("awarding_body", "issuer")
    ]
    await state(registry_log, f"org-{BODY}", named, *grants)
    for definition_id in (*HELD, LACKED):
        await state(catalog_log, f"def-{definition_id}", _published(definition_id))
    live = {"credential": TOUCHED, "validity": "live"}
    await state(catalog_log, f"path-{AWARDED}", _pathway(AWARDED, [live, *({"credential": one} for one in HELD[1:])]))
    await state(catalog_log, f"path-{OPEN}", _pathway(OPEN, [{"credential": HELD[2]}, {"credential": LACKED}]))


async def first_learner(runtime: Runtime) -> None:
    """Let the service make the learner with number 0: merits issued, the award made by itself, offered and fetched."""
    learner = Learner(0)
    for definition_id in HELD:
        digest = content_digest(_definition(definition_id))
        terms = {"definition_id": definition_id, "definition_version": 1, "definition_digest": digest}
        merit = {"achievement_id": learner.id_of(f"achievement {definition_id}")}
        await state(runtime.log, f"ach-{merit['achievement_id']}", *_earned(learner, merit, terms))
        credential_id = learner.id_of(f"credential {definition_id}")
        events = _offered(learner, credential_id, merit, terms), _issued(learner, credential_id, merit, terms)
        await state(runtime.log, f"cred-{credential_id}", *events)
    await settled(runtime)
    credential_id = credential_id_of(learner.stack_id)
    stream = await runtime.log.read_stream(f"cred-{credential_id}")
    offered = stream[-1].event
    assert isinstance(offered, CredentialOffered), "the award is made and offered by itself"
    terms = offered.model_dump(include={"definition_id", "definition_version", "definition_digest"})
    issued = _issued(learner, credential_id, {"stack_id": learner.stack_id}, terms)
    await state(runtime.log, f"cred-{credential_id}", issued, after=len(stream))
    await settled(runtime)


async def copied(site: Site, learners: int) -> int:
    """Copy the first learner's rows for all the others; return how many events the log then has."""
    async with connected(site.cluster.admin_dsn()) as admin, connected(site.cluster.admin_dsn()) as second:
        await _hurried(admin, second)
        await admin.execute("UPDATE issuance.offers SET state = 'used', settled = true")
        await admin.execute(_ROOM.format(learners=learners))
        first = await _multiplied(admin, (_LOG, "log"), learners)
        rest = [_multiplied(second, table, learners) for table in _COPIED]
        await asyncio.gather(admin.execute(_KNOWN_IDS, first), _one_by_one(rest))
        await admin.execute(_CURSORS)
        await admin.execute("ALTER SYSTEM RESET max_wal_size")
        await admin.execute("ANALYZE")
        await admin.execute("CHECKPOINT")
        return first * learners


_ROOM = """
SET ROLE issuance_log_owner;
SELECT issuance_log.make_room({learners} * max(position), max(position)) FROM issuance_log.log;
RESET ROLE
"""
_KNOWN_IDS = """
INSERT INTO issuance_log.log_id
SELECT id, position, sha256(convert_to(data, 'UTF8')) FROM issuance_log.log WHERE position > $1
"""
_CURSORS = """
UPDATE issuance.runner_cursor c SET position = l.position, event_id = l.id
FROM (SELECT position, id FROM issuance_log.log ORDER BY position DESC LIMIT 1) l WHERE c.log = 'issuance'
"""


async def _hurried(*connections: asyncpg.Connection) -> None:
    """Let what is copied wait for the disk at the end only, and not for a checkpoint every gigabyte."""
    await connections[0].execute("ALTER SYSTEM SET max_wal_size = '16GB'")
    await connections[0].execute("SELECT pg_reload_conf()")
    for connection in connections:
        await connection.execute("SET synchronous_commit = off")


async def _one_by_one(work: Iterable[Awaitable[object]]) -> None:
    for each in work:
        await each


async def _multiplied(admin: asyncpg.Connection, where: tuple[str, str], learners: int) -> int:
    """Copy the first learner's rows of a table for the others; return how many they are."""
    schema, table = where
    output = BytesIO()
    columns = _SOME_COLUMNS.get(table)
    query = f"SELECT {', '.join(columns or '*')} FROM {schema}.{table} ORDER BY 1"  # noqa: S608  the names are ours
    await admin.copy_from_query(query, output=output, format="text")
    stencil = Stencil(output.getvalue(), numbered=table == "log")
    if stencil.rows:
        source = _drawn(stencil, learners)
        await admin.copy_to_table(table, schema_name=schema, columns=columns, source=source, format="text")
    return len(stencil.rows)


async def _drawn(stencil: Stencil, learners: int) -> AsyncIterator[bytes]:
    """Yield the rows of all learners but the first, some learners at a time."""
    ids, size = sorted(stencil.ids), len(stencil.rows)
    for first in range(1, learners, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, learners))
        yield "".join(stencil.drawn(ids_of(ids, Learner(n)), n, after=n * size) for n in numbers).encode()


def ids_of(ids: Sequence[str], learner: Learner) -> dict[str, str]:
    """Return the learner's ids in the place of the first learner's."""
    stack_id, first = learner.stack_id, Learner(0).stack_id
    derived = {str(first): str(stack_id), str(credential_id_of(first)): str(credential_id_of(stack_id))}
    return others(ids, learner.number) | derived


def _definition(definition_id: str) -> dict[str, Any]:
    content = yaml.safe_load(_PILOT.read_text("utf-8"))
    return next(dict(each) for each in content["definitions"] if each["id"] == definition_id)


def _published(definition_id: str) -> catalog.DefinitionPublished:
    content = _definition(definition_id)
    return catalog.DefinitionPublished(
        definition_id=definition_id, urn=content["urn"], version=1, owner_org=BODY, awarding_body=BODY, provider=BODY,
        content=content, content_digest=content_digest(content), effective_from=_SINCE,
    )  # fmt: skip


def _pathway(pathway_id: str, rules: list[dict[str, str]]) -> catalog.PathwayPublished:
    content = {
        "id": pathway_id, "urn": f"urn:mikromerit:bench:pathway:{pathway_id}", "version": 1, "awarding_body": BODY,
        "title": {"sv": pathway_id, "en": pathway_id}, "rule": {"all_of": rules},
        "constraints": {"double_counting": "forbid", "default_validity": "snapshot", "on_lapse": "suspend"},
        "award": {"mode": "automatic", "on_satisfied": "award"},
    }  # fmt: skip
    return catalog.PathwayPublished(
        pathway_id=pathway_id, urn=f"urn:mikromerit:bench:pathway:{pathway_id}", version=1, owner_org=BODY,
        awarding_body=BODY, content=content, content_digest=content_digest(content),
        rule_digest=content_digest(content["rule"]), effective_from=_SINCE,
    )  # fmt: skip


def _earned(learner: Learner, merit: dict[str, Any], terms: dict[str, Any]) -> Sequence[Event]:
    planned = AssessmentPlanned(
        learner_ref=learner.ref, awarding_body=BODY, provider=BODY, route="course", **merit, **terms
    )  # fmt: skip
    confirmed = AchievementConfirmed(
        vault_ref=learner.id_of(f"result {merit['achievement_id']}"), awarded_on=_SINCE.date(),
        assessor_authorisation_ref="BENCH", recognition_level="R4", **merit,
    )  # fmt: skip
    return planned, confirmed


def _offered(learner: Learner, credential_id: UUID, rests_on: dict[str, Any], terms: dict[str, Any]) -> Event:
    return CredentialOffered(
        credential_id=credential_id, learner_ref=learner.ref, offer_id=learner.id_of(f"offer {credential_id}"),
        issuer_org=BODY, formats=("dc+sd-jwt",), recognition_level="R4", tx_code=False, offer_expires_at=system_clock(),
        **rests_on, **terms,
    )  # fmt: skip


def _issued(learner: Learner, credential_id: UUID, rests_on: dict[str, Any], terms: dict[str, Any]) -> Event:
    uri = f"https://registry.example/status/{terms['definition_id']}"
    copy = StatusRef(digest=f"digest of {credential_id}", status_uri=uri, index=int(NUMBER))
    return credential_issued(
        credential_id=credential_id, learner_ref=learner.ref, issuer_org=BODY, copies=(copy,), valid_from=_SINCE,
        valid_to=None, **rests_on, **terms,
    )  # fmt: skip
