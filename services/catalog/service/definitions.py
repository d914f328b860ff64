"""The use cases of definitions: draft, submit, approve, publish, retire, and the right to issue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import not_found
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Context
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Decision, Done, execute, fold
from services.catalog.domain import definition, document, rules
from services.catalog.domain.faults import Fault, Place, refuse_if_any
from services.catalog.service.ports import Facts, Outcome

_WHAT = "definition"


@dataclass(frozen=True, slots=True)
class Approval:
    """A sector body's decision about the version under review."""

    decision_ref: str
    approved_on: str


class Definitions:
    """What may be done with definitions. `org` is the acting organisation; only the owner commands (i)."""

    def __init__(self, log: Log, facts: Facts, clock: Clock) -> None:
        self._log = log
        self._facts = facts
        self._clock = clock

    async def draft(self, content: Mapping[str, Any], context: Context) -> Outcome:
        """Return the drafted version. Raises Problem `definition_refused` with every reason, or as the domain does."""
        parsed = _parsed(content)
        refuse_if_any(_WHAT, [*rules.faults_of_draft(parsed), *await self._body_faults(parsed)])
        return await self._do(parsed.id, lambda state: definition.draft(state, content), context)

    async def submit(self, definition_id: str, org: str, context: Context) -> Outcome:
        """Return the version, now in review. Raises Problem `not_found`, `wrong_state`, `definition_refused`."""

        async def decide(state: definition.Definition) -> Sequence[Event]:
            events = definition.request_review(_owned(state, org))
            await self._check_complete(state)
            return events

        return await self._do(definition_id, decide, context)

    async def approve(self, definition_id: str, org: str, approval: Approval, context: Context) -> Outcome:
        """Return the version, now approved by the sector body `org`. Raises Problem `not_found`, `wrong_state`."""

        async def decide(state: definition.Definition) -> Sequence[Event]:
            events = definition.approve(
                state, sector_org=org, decision_ref=approval.decision_ref, approved_on=approval.approved_on
            )
            refuse_if_any(_WHAT, await self._approver_faults(org))
            return events

        return await self._do(definition_id, decide, context)

    async def publish(self, definition_id: str, org: str, context: Context) -> Outcome:
        """Return the published version. Raises Problem `not_found`, `wrong_state`, `definition_refused`."""

        async def decide(state: definition.Definition) -> Sequence[Event]:
            events = definition.publish(_owned(state, org), self._clock())
            prerequisites = state.latest.content.get("prerequisites", ())
            await self._check_complete(state, *await self._prerequisite_faults(state.id, prerequisites))
            return events

        return await self._do(definition_id, decide, context)

    async def retire(
        self, definition_id: str, org: str, context: Context, *, superseded_by: str | None, last_issue_date: str | None
    ) -> Outcome:
        """Return the retired version. Raises Problem `not_found`, `wrong_state`, `definition_refused`."""

        async def decide(state: definition.Definition) -> Sequence[Event]:
            owned = _owned(state, org)
            if superseded_by is not None:
                refuse_if_any(_WHAT, await self._successor_faults(superseded_by))
            return definition.retire(owned, superseded_by=superseded_by, last_issue_date=last_issue_date)

        return await self._do(definition_id, decide, context)

    async def grant_right(
        self,
        definition_id: str,
        org: str,
        context: Context,
        *,
        issuer_org: str,
        since: datetime,
        until: datetime | None,
    ) -> Outcome:
        """Return the definition after `issuer_org`, which must be an issuer, may issue under it from `since`.

        Raises Problem `not_found`, `definition_refused`, `period_empty`.
        """

        async def decide(state: definition.Definition) -> Sequence[Event]:
            roles = await self._facts.roles([issuer_org], self._clock())
            owned = _owned(state, org)
            refuse_if_any(_WHAT, rules.body_fault(issuer_org, "issuer", ("issuer_org",), roles))
            return definition.grant(owned, issuer_org=issuer_org, since=since, until=until)

        return await self._do(definition_id, decide, context)

    async def withdraw_right(self, definition_id: str, org: str, context: Context, *, issuer_org: str) -> Outcome:
        """Return the definition after `issuer_org` may no longer issue under it. Raises Problem `not_found`."""
        now = self._clock()
        return await self._do(
            definition_id,
            lambda state: definition.withdraw(_owned(state, org), issuer_org=issuer_org, since=now),
            context,
        )

    async def faults(
        self, content: Mapping[str, Any], target: str, *, approved_by: str | None, superseded_by: str | None
    ) -> Sequence[Fault]:
        """Return every reason why `content` cannot come to the state `target`, before anything is written."""
        parsed = document.parse(dict(content))
        if isinstance(parsed, tuple):
            return parsed
        found = [*await self._body_faults(parsed)]
        if target == "draft":
            return [*found, *rules.faults_of_draft(parsed)]
        found.extend(rules.faults_of_publication(parsed))
        if approved_by is not None:
            found.extend(await self._approver_faults(approved_by))
        if target in definition.PUBLIC:
            found.extend(await self._prerequisite_faults(parsed.id, parsed.prerequisites))
        if target == "retired" and superseded_by is not None:
            found.extend(await self._successor_faults(superseded_by))
        return found

    async def state_of(self, definition_id: str) -> definition.Definition:
        """Return the definition as its stream tells it now."""
        state, _ = await fold(self._log, definition.stream(definition_id), definition.INITIAL, definition.evolve)
        return state

    async def is_published(self, definition_id: str) -> bool:
        """Return whether a version of the definition is in force."""
        return (await self.state_of(definition_id)).published is not None

    async def _do(
        self, definition_id: str, decide: Callable[[definition.Definition], Decision], context: Context
    ) -> Outcome:
        done: Done[definition.Definition] = await execute(
            self._log,
            definition.stream(definition_id),
            initial=definition.INITIAL,
            evolve=definition.evolve,
            decide=decide,
            context=context,
        )
        version = done.state.latest
        return Outcome(done.state.id, version.number, version.state, version.digest, done.position)

    async def _check_complete(self, state: definition.Definition, *more: Fault) -> None:
        parsed = _parsed(state.latest.content)
        bodies = await self._body_faults(parsed)
        refuse_if_any(_WHAT, [*rules.faults_of_publication(parsed), *bodies, *more])

    async def _body_faults(self, parsed: document.Definition) -> Iterator[Fault]:
        return rules.faults_of_bodies(parsed, await self._facts.roles(rules.bodies(parsed), self._clock()))

    async def _approver_faults(self, org: str) -> Sequence[Fault]:
        roles = await self._facts.roles([org], self._clock())
        return tuple(rules.body_fault(org, "sector_body", ("sector_approval", "body"), roles))

    async def _successor_faults(self, definition_id: str) -> Sequence[Fault]:
        if await self.is_published(definition_id):
            return ()
        text = f"The definition {definition_id} is unknown or not published."
        return (Fault("reference_unpublished", ("superseded_by",), text),)

    async def _prerequisite_faults(self, definition_id: str, prerequisites: Sequence[str]) -> Sequence[Fault]:
        """Return each prerequisite that is not published, or that leads back here (f)."""
        faults = []
        for index, name in enumerate(prerequisites):
            place: Place = ("prerequisites", index)
            if not await self.is_published(name):
                text = f"The definition {name} is unknown or not published."
                faults.append(Fault("prerequisite_unpublished", place, text))
            elif definition_id in await self._leads_to(name):
                faults.append(Fault("definition_cycle", place, f"{name} leads back to this definition."))
        return faults

    async def _leads_to(self, definition_id: str) -> set[str]:
        seen: set[str] = set()
        ahead = [definition_id]
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                version = (await self.state_of(name)).published
                ahead.extend(version.content.get("prerequisites", ()) if version else ())
        return seen


def _parsed(content: Mapping[str, Any]) -> document.Definition:
    parsed = document.parse(dict(content))
    if isinstance(parsed, tuple):
        refuse_if_any(_WHAT, parsed)
        raise AssertionError("a document that does not parse has faults")
    return parsed


def _owned(state: definition.Definition, org: str) -> definition.Definition:
    if not state.versions or state.owner != org:
        raise not_found(_WHAT)
    return state
