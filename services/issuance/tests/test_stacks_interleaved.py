"""However the logs and their parts are interleaved and repeated, or replayed: the same awards, lapses and progress."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events import registry, stacking
from kompetenspass.events.base import Event
from kompetenspass.log.api import Answer, Append, Conflict, Recorded
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from services.issuance.queries import Queries
from services.issuance.service.stacking_ports import Holdings
from services.issuance.state.schema import METADATA
from services.issuance.tests.interleaved import Issuance
from services.issuance.tests.stated import LEARNER, defined, earned, founded, id_of, pathway, tabled
from services.issuance.tests.world import KOMMUN

LIVE = {"validity": "live"}
ALTERNATIVES = "cd"
DEFINITIONS = {name: f"sko-ys-{number:02}" for number, name in enumerate("abcdef", 1)}
CONSTRAINTS = {"double_counting": "forbid", "default_validity": "snapshot", "on_lapse": "suspend"}
AWARD = {"mode": "automatic", "on_satisfied": "award"}

Turn = tuple[int, int, bool]
Fate = Sequence[str]
Story = tuple[list[str], list[str]]


def leaf(name: str, **more: Any) -> dict[str, Any]:
    return {"credential": DEFINITIONS[name], "min_result_percent": 80, **more}


INNER = pathway(
    id="inner", urn="urn:inner", constraints=CONSTRAINTS, award=AWARD,
    rule={"all_of": [leaf("a", **LIVE), leaf("b"), {"n_of": {"min": 1, "of": [leaf("c", **LIVE), leaf("d", **LIVE)]}}]},
)  # fmt: skip
OUTER = pathway(
    id="outer", urn="urn:outer", constraints=CONSTRAINTS, award=AWARD,
    rule={"all_of": [{"pathway": "inner", **LIVE}, leaf("e", **LIVE)]},
)  # fmt: skip
LENIENT = pathway(
    id="lenient", urn="urn:lenient", constraints={**CONSTRAINTS, "on_lapse": "none"}, award=AWARD,
    rule={"all_of": [leaf("a"), leaf("b", **LIVE), leaf("f")]},
)  # fmt: skip
WORLD = (
    *founded(KOMMUN, "awarding_body", "issuer"),
    *(event for definition_id in DEFINITIONS.values() for event in defined(definition_id)),
    *(INNER, OUTER, LENIENT),
)


def meaning(step: str) -> Sequence[Event]:
    """Return what a step states: `earn a`, `suspend a`, `reinstate a`, `revoke a fraud`, `supersede a`, ..."""
    verb, name, *more = step.split()
    match verb:
        case "earn":
            return earned(" ".join((name, *more)), DEFINITIONS[name])
        case "suspend":
            return (registry.CredentialSuspended(**about(name), cause="issuer", causes=("issuer",), reason_code="why"),)
        case "reinstate":
            return (registry.CredentialReinstated(**about(name), cause="issuer", causes=(), reason_code="why"),)
        case "revoke":
            void = more[0] == "fraud"
            said: Any = {"reason_code": more[0], "effective_from": NOON, "void_ab_initio": void}
            return (registry.CredentialRevoked(**about(name), **said),)
        case _:
            return (superseded(name),)


def about(name: str) -> dict[str, Any]:
    return {"credential_id": id_of(name), "copies": ()}


def superseded(name: str) -> stacking.CredentialSuperseded:
    return stacking.CredentialSuperseded(
        credential_id=id_of(name), by_credential_id=id_of(f"{name} again"), learner_ref=LEARNER,
        definition_id=DEFINITIONS[name], issuer_org=KOMMUN, cause="correction",
    )  # fmt: skip


def fates(name: str) -> st.SearchStrategy[Fate]:
    """What may become of a credential once there is an award."""
    held, back = f"suspend {name}", f"reinstate {name}"
    passing: list[Fate] = [(), (held,), (held, back), (held, back, held)]
    if name in ALTERNATIVES:
        return st.sampled_from(passing)
    ends: list[Fate] = [(f"revoke {name} holder_request",), (f"revoke {name} fraud",)]
    replaced: Fate = (f"earn {name} again", f"supersede {name}", f"revoke {name} superseded")
    return st.sampled_from([*passing, *ends, replaced, (held, *ends[0]), (held, *ends[1])])


@st.composite
def mixed(draw: st.DrawFn, each: Sequence[Fate]) -> list[str]:
    """The steps of several credentials in one order, each one's own kept."""
    waiting, order = [list(one) for one in each if one], list[str]()
    while waiting:
        order.append(draw(st.sampled_from(waiting)).pop(0))
        waiting = [one for one in waiting if one]
    return order


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """What is said until there are awards, some of it taken back at once; and what becomes of the merits then."""
    noise = draw(st.sets(st.sampled_from("abcdef"), max_size=3))
    first: list[Fate] = [
        (f"earn {name}", *((f"suspend {name}", f"reinstate {name}") if name in noise else ())) for name in DEFINITIONS
    ]
    return draw(mixed(first)), draw(mixed([draw(fates(name)) for name in DEFINITIONS]))


TURNS = st.lists(st.tuples(st.integers(0, 26), st.integers(1, 6), st.booleans()), max_size=100)
PARTS = pytest.mark.parametrize("parts", [1, 3])


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    async with tabled(database) as made:
        async with made.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        yield made


async def begun(engine: AsyncEngine, parts: int = 1) -> Issuance:
    """Return an issuance that knows organisations, definitions and pathways."""
    service = Issuance(engine, parts)
    await service.emptied()
    await service.state(*WORLD)
    await service.drained()
    return service


async def straight(engine: AsyncEngine, story: Story) -> Issuance:
    """Return an issuance that heard of each step before the next."""
    service = await begun(engine)
    for step in (step for chapter in story for step in chapter):
        await service.state(*meaning(step))
        await service.drained()
    return service


async def interleaved(engine: AsyncEngine, story: Story, turns: Sequence[Turn], parts: int) -> Issuance:
    """Return an issuance whose readers had turns between the steps; each chapter is heard to its end."""
    service, left = await begun(engine, parts), list(turns)
    for chapter in story:
        for step in chapter:
            await service.state(*meaning(step))
            for number, length, again in [left.pop() for _ in range(min(len(left), 4 * parts))]:
                await service.turn(number, length, again=again)
        await service.drained()
    return service


async def check_no_lapse_without_cause(service: Issuance) -> None:
    """Nothing lapses but what the registry, or another lapse, took away: not what was only seen in parts."""
    own, statuses = [await service.logs[owner].read(0, 10_000) for owner in ("issuance", "registry")]
    suspended = [one.event for one in own if isinstance(one.event, stacking.StackSuspended)]
    taken = {event.credential_id for event in suspended}
    for one in statuses:
        if isinstance(one.event, registry.CredentialSuspended | registry.CredentialRevoked):
            taken |= {one.event.credential_id} if one.event.reason_code != "superseded" else set()
    for event in suspended:
        assert {part.credential_id for part in event.lapsed} <= taken
        assert event.lapsed


@PARTS
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories(), turns=TURNS)
async def test_interleaved_and_repeated_the_logs_lead_to_the_same_awards_suspensions_and_progress(
    engine: AsyncEngine, parts: int, story: Story, turns: list[Turn]
) -> None:
    alternatives = {id_of(name) for name in ALTERNATIVES}  # which of them is bound depends on what came first
    wanted = await (await straight(engine, story)).said(alternatives)
    assert set(wanted[0]) == {"inner", "outer", "lenient"}
    service = await interleaved(engine, story, turns, parts)
    assert await service.said(alternatives) == wanted
    await check_no_lapse_without_cause(service)


@PARTS
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories(), turns=TURNS)
async def test_replayed_from_nothing_the_tables_are_the_same_and_nothing_more_is_said(
    engine: AsyncEngine, parts: int, story: Story, turns: list[Turn]
) -> None:
    service = await interleaved(engine, story, turns, parts)
    before, said = await service.tables(), await service.logs["issuance"].head()
    await service.emptied()
    await service.from_the_start()
    await service.drained()
    assert await service.tables() == before
    assert await service.logs["issuance"].head() == said


ALL_EARNED = [f"earn {name}" for name in "abcf"]


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read and appended, in order: kinds of streams, and `holdings`; the first stack append is refused."""
    seen, read, append, has = list[str](), MemoryLog.read_stream, MemoryLog.append, Queries.holdings

    async def reading(log: MemoryLog, stream: str, after_version: int = 0) -> Sequence[Recorded]:
        seen.append(f"read {stream.partition('-')[0]}")
        return await read(log, stream, after_version)

    async def appending(log: MemoryLog, request: Append) -> Answer:
        kind = request.stream.partition("-")[0]
        if kind == "stack" and "refuse" in seen:
            seen[:] = [one for one in seen if one != "refuse"] + ["refused"]
            return Conflict(request.expected_version)
        seen.append(f"append {kind}")
        return await append(log, request)

    async def holding(queries: Queries, learner_ref: str) -> Holdings:
        seen.append("holdings")
        return await has(queries, learner_ref)

    monkeypatch.setattr(MemoryLog, "read_stream", reading)
    monkeypatch.setattr(MemoryLog, "append", appending)
    monkeypatch.setattr(Queries, "holdings", holding)
    return seen


def check_what_looks_read(order: Sequence[str]) -> None:
    """Each look read the holdings once, and those that said something once more afterwards."""
    looks = " ".join(order).split("read progress")[1:]
    assert looks
    assert all(look.count("holdings") == 1 + ("append" in look) for look in looks)


async def test_a_look_at_an_award_reads_the_holdings_once_and_after_its_streams(
    engine: AsyncEngine, order: list[str]
) -> None:
    service = await straight(engine, (ALL_EARNED, []))
    await service.state(*meaning("suspend c"))
    order.clear()
    await service.drained()
    assert order[:3] == ["read progress", "read stack", "holdings"]
    check_what_looks_read(order)


async def test_after_a_conflict_the_stream_and_then_the_holdings_are_read_again(
    engine: AsyncEngine, order: list[str]
) -> None:
    service = await straight(engine, (ALL_EARNED, []))
    await service.state(*meaning("suspend a"))
    order[:] = ["refuse"]
    await service.drained()
    at = order.index("refused")
    assert order[at - 1 : at + 4] == ["append progress", "refused", "read stack", "holdings", "append stack"]


async def test_an_award_of_an_earlier_version_is_found_where_it_is(engine: AsyncEngine, order: list[str]) -> None:
    service = await straight(engine, (ALL_EARNED, []))
    await service.state(pathway(**{**INNER.content, "version": 2}))
    await service.drained()
    order.clear()
    await service.state(*meaning("suspend a"))
    await service.drained()
    awards, progress = await service.said(set())
    assert awards["inner"]["state"] == "suspended"
    assert progress["inner"].pathway_version == 1
    check_what_looks_read(order)
