"""The import of definitions and pathways from files: each through the same commands as over HTTP, to its own state.

An entry is checked whole before its first command, so that a refused one leaves nothing behind. A second run of
the same files changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Problem
from kompetenspass.events.envelope import Actor, Context
from kompetenspass.pathway.wellformed import references
from services.catalog.domain.document import Filled, Part
from services.catalog.domain.faults import Fault, faults_of_form
from services.catalog.service.definitions import Approval, Definitions
from services.catalog.service.pathways import Pathways
from services.catalog.service.ports import Outcome

Kind = Literal["definition", "pathway"]
Result = Literal["published", "retired", "kept", "refused"]
_STATES = ("none", "draft", "in_review", "sector_approved", "published", "retired")
_LIFE = ("status", "superseded_by", "sector_approval")


class SectorApproval(Part):
    """The decision of a sector body, as a file has it."""

    body: Filled
    decision: Filled
    approved_on: Filled


class DefinitionLife(Part):
    """What a file says about a definition beside its content: the state that the import brings it to."""

    status: Literal["draft", "in_review", "sector_approved", "published", "retired"]
    superseded_by: Filled | None = None
    sector_approval: SectorApproval | None = None


class PathwayLife(Part):
    """What a file says about a pathway beside its content."""

    status: Literal["draft", "in_review", "published"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One definition or pathway as read: `name` says where it stands (`03_sobona.yaml definitions[4]`)."""

    kind: Kind
    name: str
    raw: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id that the entry gives itself, or nothing."""
        return str(self.raw.get("id", ""))

    @property
    def content(self) -> dict[str, Any]:
        """The document without what belongs to its life."""
        return {name: value for name, value in self.raw.items() if name not in _LIFE}

    @property
    def needs(self) -> frozenset[str]:
        """The ids of entries of the same kind that come first."""
        if self.kind == "pathway":
            return frozenset(reference.id for reference in references(self.raw) if reference.kind == "pathway")
        named = self.raw.get("prerequisites")
        first = {name for name in named if isinstance(name, str)} if isinstance(named, list) else set()
        successor = self.raw.get("superseded_by")
        return frozenset(first | ({successor} if isinstance(successor, str) else set()))


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one entry. `changed` is false when everything stood already."""

    entry: Entry
    result: Result
    changed: bool = False
    position: int = 0
    faults: tuple[Fault, ...] = ()


class Import:
    """Brings entries into the catalog."""

    def __init__(self, definitions: Definitions, pathways: Pathways, clock: Clock, correlation_id: str) -> None:
        self._definitions = definitions
        self._pathways = pathways
        self._clock = clock
        self._correlation_id = correlation_id

    async def run(self, entries: Sequence[Entry], on_done: Callable[[Imported], None]) -> tuple[Imported, ...]:
        """Return what became of each entry, definitions first, each after what it needs."""
        done = []
        circular = circles(entries)
        for entry in in_order(entries):
            imported = _in_a_circle(entry) if entry in circular else await self._one(entry)
            on_done(imported)
            done.append(imported)
        return tuple(done)

    async def _one(self, entry: Entry) -> Imported:
        try:
            if entry.kind == "definition":
                return await self._definition(entry)
            return await self._pathway(entry)
        except ValidationError as error:
            return Imported(entry, "refused", faults=faults_of_form(error))
        except Problem as problem:
            return Imported(entry, "refused", faults=_faults_of(problem))

    async def _definition(self, entry: Entry) -> Imported:
        life = DefinitionLife.model_validate(_life(entry))
        approved_by = life.sector_approval.body if life.sector_approval else None
        faults = await self._definitions.faults(
            entry.content, life.status, approved_by=approved_by, superseded_by=life.superseded_by
        )
        if faults:
            return Imported(entry, "refused", faults=tuple(faults))
        owner = str(entry.raw["awarding_body"])
        start = (await self._definitions.state_of(entry.id)).versions.get(int(entry.raw["version"]))
        outcome = await self._definitions.draft(entry.content, self._context(owner))
        done = _done(entry, life.status, outcome)
        for step in _steps(life, start.state if start else "draft"):
            outcome = await self._step(step, entry.id, owner, life)
            done = replace(done, changed=True, position=outcome.position)
        return done

    async def _step(self, step: str, id_: str, owner: str, life: DefinitionLife) -> Outcome:
        context = self._context(owner)
        if step == "in_review":
            return await self._definitions.submit(id_, owner, context)
        if step == "sector_approved":
            assert life.sector_approval
            body = life.sector_approval.body
            approval = Approval(life.sector_approval.decision, life.sector_approval.approved_on)
            return await self._definitions.approve(id_, body, approval, self._context(body, "sector_body"))
        if step == "published":
            return await self._definitions.publish(id_, owner, context)
        successor = life.superseded_by
        return await self._definitions.retire(id_, owner, context, superseded_by=successor, last_issue_date=None)

    async def _pathway(self, entry: Entry) -> Imported:
        life = PathwayLife.model_validate(_life(entry))
        faults = await self._pathways.faults(entry.content, life.status)
        if faults:
            return Imported(entry, "refused", faults=tuple(faults))
        owner = str(entry.raw["awarding_body"])
        start = (await self._pathways.state_of(entry.id)).versions.get(int(entry.raw["version"]))
        outcome = await self._pathways.draft(entry.content, self._context(owner))
        done = _done(entry, life.status, outcome)
        for step in _between(start.state if start else "draft", life.status, ("in_review", "published")):
            command = self._pathways.submit if step == "in_review" else self._pathways.publish
            outcome = await command(entry.id, owner, self._context(owner))
            done = replace(done, changed=True, position=outcome.position)
        return done

    def _context(self, org: str, role: str = "creator") -> Context:
        return Context(Actor(org, role), self._clock(), self._correlation_id)


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Return definitions, then pathways, each after those it needs; what is in a circle comes last, as it stood."""
    ordered: list[Entry] = []
    for kind in ("definition", "pathway"):
        waiting = sorted((entry for entry in entries if entry.kind == kind), key=_version)
        while waiting:
            unready = {entry.id for entry in waiting}
            ready = [entry for entry in waiting if not (entry.needs - {entry.id}) & unready]
            ordered.extend(ready or waiting)
            waiting = [entry for entry in waiting if ready and entry not in ready]
    return ordered


def circles(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that need themselves, by however many steps."""
    needs = {(entry.kind, entry.id): entry.needs for entry in entries}
    return [entry for entry in entries if entry.id in _reached(entry, needs)]


def _reached(entry: Entry, needs: Mapping[tuple[Kind, str], frozenset[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = list(entry.needs)
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead.extend(needs.get((entry.kind, name), ()))
    return reached


def _in_a_circle(entry: Entry) -> Imported:
    place = "prerequisites" if entry.kind == "definition" else "rule"
    fault = Fault(f"{entry.kind}_cycle", (place,), "What it builds on leads back to it.")
    return Imported(entry, "refused", faults=(fault,))


def _version(entry: Entry) -> int:
    number = entry.raw.get("version")
    return number if isinstance(number, int) else 0


def _life(entry: Entry) -> dict[str, Any]:
    return {name: entry.raw[name] for name in _LIFE if name in entry.raw}


def _steps(life: DefinitionLife, start: str) -> Iterable[str]:
    approved = ("sector_approved",) if life.sector_approval else ()
    return _between(start, life.status, ("in_review", *approved, "published", "retired"))


def _between(start: str, target: str, steps: Sequence[str]) -> Iterable[str]:
    low, high = _STATES.index(start), _STATES.index(target)
    return [step for step in steps if low < _STATES.index(step) <= high]


def _done(entry: Entry, target: str, outcome: Outcome) -> Imported:
    results: Mapping[str, Result] = {"published": "published", "retired": "retired"}
    return Imported(entry, results.get(target, "kept"), outcome.position > 0, outcome.position)


def _faults_of(problem: Problem) -> tuple[Fault, ...]:
    reasons = problem.members.get("reasons")
    if not isinstance(reasons, list):
        return (Fault(problem.code, (), f"{problem.title} {problem.remedy}".strip()),)
    return tuple(Fault(reason["code"], (reason["path"],), reason["text"]) for reason in reasons)
