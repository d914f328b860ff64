"""What must hold after everything: between wallets and the log, between the logs, and between logs and read tables."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import MetaData

from kompetenspass.events import issuance, registry, stacking
from services.issuance.tables import FACTS, OVERVIEW
from services.wallet.tables import timeline
from tests.integration.platform_process import Platform
from tests.integration.stacking_truth import Award, Truth, of
from tests.integration.statuses import MEDIA_TYPE, values_of
from tests.integration.stranger import json_of

READ_TABLES: Mapping[str, tuple[MetaData, ...]] = {"issuance": (OVERVIEW, FACTS), "wallet": (timeline,)}
_VALID, _INVALID, _SUSPENDED = 0, 1, 2
_PUBLISHED_SECONDS = 60.0
_ROOT = Path(__file__).parents[2]
_TIMELINE = {
    "issues": (issuance.CredentialIssued,),
    "supersessions": (stacking.CredentialSuperseded,),
    "awards": (stacking.CredentialStacked,),
    "proposals": (stacking.StackAwardProposed,),
    "stack_changes": (
        stacking.StackSuspended,
        stacking.StackReinstated,
        stacking.StackRevoked,
        stacking.StackReviewOpened,
        stacking.StackAppealLodged,
        stacking.StackConfirmed,
        stacking.StackAwardDeclined,
        stacking.ConstituentInvalidated,
        stacking.ConstituentRestored,
        stacking.StackRebound,
    ),
}
_CHANGES = (
    registry.CredentialSuspended,
    registry.CredentialReinstated,
    registry.CredentialRevoked,
    registry.CredentialExpired,
)


def check_copies(truth: Truth, released: Mapping[str, str]) -> None:
    """Nothing released is unknown; one live copy at most for each credential; no index shared."""
    logged = {copy.digest: str(event.credential_id) for event in truth.issued for copy in event.copies}
    assert released.items() <= logged.items()
    replaced = {digest for event in truth.issued for digest in event.replaces}
    live = Counter(logged[digest] for digest in logged if digest not in replaced)
    assert max(live.values()) == 1
    indices = Counter((copy.status_uri, copy.index) for event in truth.issued for copy in event.copies)
    assert max(indices.values()) == 1


def check_offers(truth: Truth) -> None:
    """Never are two offers of one credential open."""
    open_offers: dict[UUID, set[UUID]] = {}
    for recorded in truth.own:
        event = recorded.event
        if isinstance(event, issuance.CredentialOffered):
            offers = open_offers.setdefault(event.credential_id, set())
            offers.add(event.offer_id)
            assert len(offers) == 1, event
        elif isinstance(event, issuance.OfferWithdrawn):
            open_offers[event.credential_id].discard(event.offer_id)
        elif isinstance(event, issuance.CredentialIssued):
            open_offers[event.credential_id].clear()


def check_made_once(truth: Truth) -> None:
    """No award is made or proposed twice; nobody who satisfies a rule goes without."""
    made = Counter((one.learner_ref, one.pathway_id) for one in of(stacking.CredentialStacked, truth.own))
    assert set(made.values()) == {1}
    assert {one.ordinal for one in of(stacking.CredentialStacked, truth.own)} == {1}
    proposed = Counter((one.learner_ref, one.pathway_id) for one in of(stacking.StackAwardProposed, truth.own))
    assert set(proposed.values()) == {1}
    learners = {event.learner_ref for event in truth.issued}
    for pathway_id in {pathway_id for _, pathway_id in made}:
        for learner_ref in learners - {ref for ref, one in {*made, *proposed} if one == pathway_id}:
            evaluation = truth.evaluated(learner_ref, truth.pathways[pathway_id], None)
            assert evaluation.outcome != "satisfied", (learner_ref, pathway_id)


def check_award(truth: Truth, stack_id: UUID, award: Award) -> None:
    """An award lapses exactly if its rule does not hold; its credential's status and its progress follow."""
    made = award.stacked
    assert made is not None
    pathway = truth.pathways[made.pathway_id]
    evaluation = truth.evaluated(made.learner_ref, pathway, None if award.revoked else award.bound)
    status = truth.credentials[made.credential_id]
    assert (status.revoked is not None) == award.revoked
    if not award.revoked:
        lapsed = pathway.constraints.on_lapse == "suspend" and evaluation.outcome == "not_satisfied"
        assert evaluation.outcome != "indeterminate"
        assert award.causes == ({f"lapse:{stack_id}"} if lapsed else set()), made
        assert status.causes - {"issuer"} == award.causes, made
    said = truth.progress[made.learner_ref, made.pathway_id]
    assert said.outcome == evaluation.outcome, (made, said, evaluation)


async def check_overview(truth: Truth, platform: Platform) -> None:
    """Issuance's overview of awards is what the log means."""
    rows = await platform.rows("issuance", "SELECT stack_id, state FROM stacks")
    assert dict(rows) == {stack_id: award.state for stack_id, award in truth.awards.items()}  # type: ignore[arg-type]  # a row is of two


async def check_timeline(truth: Truth, platform: Platform) -> None:
    """Each of the wallet's tables has a row for each event of the logs, and progress says what was said last."""
    for table, kinds in _TIMELINE.items():
        rows = await platform.rows("wallet", f"SELECT event_id FROM {table}")
        events = Counter(recorded.id for recorded in truth.own if isinstance(recorded.event, kinds))
        assert Counter(row[0] for row in rows) == events, table
    rows = await platform.rows("wallet", "SELECT event_id FROM changes")
    changes = Counter(recorded.id for recorded in truth.statuses if isinstance(recorded.event, _CHANGES))
    assert Counter(row[0] for row in rows) == changes
    rows = await platform.rows("wallet", "SELECT digest FROM copies")
    assert {row[0] for row in rows} == {copy.digest for event in truth.issued for copy in event.copies}
    said = "learner_ref, pathway_id, pathway_version, outcome, done, total"
    rows = await platform.rows("wallet", f"SELECT {said} FROM progress")
    wanted = [tuple(getattr(one, name) for name in said.split(", ")) for one in truth.progress.values()]
    assert Counter(rows) == Counter(wanted)


async def check_published(truth: Truth, http: httpx2.AsyncClient) -> None:
    """The published lists say what the registry's causes mean, as soon as they are published."""
    replaced = {digest for event in truth.issued for digest in event.replaces}
    wanted: dict[tuple[str, int], int] = {}
    for event in truth.issued:
        status = truth.credentials[event.credential_id]
        for copy in event.copies:
            over = status.revoked is not None or copy.digest in replaced
            value = _INVALID if over else _SUSPENDED if status.causes else _VALID
            wanted[copy.status_uri, copy.index] = value
    end = time.monotonic() + _PUBLISHED_SECONDS
    while (found := await _published(http, wanted)) != wanted and time.monotonic() < end:  # noqa: ASYNC110  a poll
        await asyncio.sleep(0.1)
    assert found == wanted
    assert set(wanted.values()) == {_VALID, _INVALID, _SUSPENDED}


async def _published(http: httpx2.AsyncClient, places: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    lists = {}
    for uri in {uri for uri, _ in places}:
        answer = (await http.get(uri, headers={"Accept": MEDIA_TYPE})).raise_for_status()
        lists[uri] = json_of(answer.text.split(".")[1])["status_list"]
    values = {uri: values_of(status_list) for uri, status_list in lists.items()}
    found = {}
    for uri, index in places:
        bits = int(lists[uri]["bits"])
        found[uri, index] = values[uri][index * bits // 8] >> (index * bits % 8) & (1 << bits) - 1
    return found


async def settled(platform: Platform, http: httpx2.AsyncClient, seconds: float = 300) -> None:
    """Return once every reader has read all and nothing more is said; nothing may be parked or halted.

    By the heads of the logs themselves: over Kafka a lag is told of what the relays have sent.
    """
    quiet, before = 0, ""
    end = time.monotonic() + seconds
    while quiet < 4:
        await asyncio.sleep(0.3)
        assert time.monotonic() < end, before
        answers = await _said(platform, http)
        cursors = [cursor for answer in answers for cursor in answer["cursors"]]
        assert not any(answer["parked"] for answer in answers), answers
        assert not any(cursor["halted"] for cursor in cursors), cursors
        heads = {owner: await _head(platform, owner) for owner in platform.urls}
        behind = not cursors or any(cursor["position"] < heads[cursor["log"]] for cursor in cursors)
        now = str(cursors)
        quiet = quiet + 1 if now == before and not behind else 0
        before = now


async def _said(platform: Platform, http: httpx2.AsyncClient) -> list[Any]:
    """Return what the services say of themselves, nothing where one cannot say it just now."""
    with contextlib.suppress(httpx2.TimeoutException):
        answers = [(await http.get(f"{url}/readyz")).json() for url in platform.urls.values()]
        if all(answer["cursors"] for answer in answers):
            return answers
    return []


async def _head(platform: Platform, owner: str) -> int:
    ((head,),) = await platform.rows(owner, f"SELECT coalesce(max(position), 0) FROM {owner}_log.log")
    return int(str(head))


async def check_replayed(platform: Platform) -> None:
    """Rebuilt from the first event on, the read tables are the same, byte for byte."""
    for service, tables in READ_TABLES.items():
        before = await _dumped(platform, service, tables)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"services.{service}", "replay"),
            env=platform.environment(),
            cwd=_ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        assert await _dumped(platform, service, tables) == before


async def _dumped(platform: Platform, service: str, metadata: tuple[MetaData, ...]) -> dict[str, list[str]]:
    names = [table.name for each in metadata for table in each.sorted_tables]
    found = {}
    for name in names:
        rows = await platform.rows(service, f"SELECT t::text FROM {name} t ORDER BY 1")
        found[name] = [str(row[0]) for row in rows]
    return found
