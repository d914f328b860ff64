"""The use cases of pathways: draft, submit, publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import not_found
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Context
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Decision, Done, execute, fold
from kompetenspass.pathway.wellformed import references
from services.catalog.domain import pathway, pathway_document
from services.catalog.domain.faults import Fault, refuse_if_any
from services.catalog.service.definitions import Definitions
from services.catalog.service.ports import Facts, Outcome

_WHAT = "pathway"


class Pathways:
    """What may be done with pathways. `org` is the acting organisation; only the owner commands."""

    def __init__(self, log: Log, facts: Facts, clock: Clock, definitions: Definitions) -> None:
        self._log = log
        self._facts = facts
        self._clock = clock
        self._definitions = definitions

    async def draft(self, content: Mapping[str, Any], context: Context) -> Outcome:
        """Return the drafted version. Raises Problem `pathway_refused` with every reason, or as the domain does."""
        parsed = _parsed(content)
        refuse_if_any(_WHAT, await self._form_faults(parsed, content))
        return await self._do(parsed.id, lambda state: pathway.draft(state, content), context)

    async def submit(self, pathway_id: str, org: str, context: Context) -> Outcome:
        """Return the version, now in review. Raises Problem `not_found`, `wrong_state`."""
        return await self._do(pathway_id, lambda state: pathway.request_review(_owned(state, org)), context)

    async def publish(self, pathway_id: str, org: str, context: Context) -> Outcome:
        """Return the published version. Raises Problem `not_found`, `wrong_state`, `pathway_refused`."""

        async def decide(state: pathway.Pathway) -> Sequence[Event]:
            events = pathway.publish(_owned(state, org), self._clock())
            content = state.latest.content
            parsed = _parsed(content)
            refuse_if_any(_WHAT, [*await self._form_faults(parsed, content), *await self._reference_faults(content)])
            return events

        return await self._do(pathway_id, decide, context)

    async def faults(self, content: Mapping[str, Any], target: str) -> Sequence[Fault]:
        """Return every reason why `content` cannot come to the state `target`, before anything is written."""
        parsed = pathway_document.parse(dict(content))
        if isinstance(parsed, tuple):
            return parsed
        found = await self._form_faults(parsed, content)
        return [*found, *await self._reference_faults(content)] if target == "published" else found

    async def state_of(self, pathway_id: str) -> pathway.Pathway:
        """Return the pathway as its stream tells it now."""
        state, _ = await fold(self._log, pathway.stream(pathway_id), pathway.INITIAL, pathway.evolve)
        return state

    async def _do(self, pathway_id: str, decide: Callable[[pathway.Pathway], Decision], context: Context) -> Outcome:
        done: Done[pathway.Pathway] = await execute(
            self._log,
            pathway.stream(pathway_id),
            initial=pathway.INITIAL,
            evolve=pathway.evolve,
            decide=decide,
            context=context,
        )
        version = done.state.latest
        return Outcome(done.state.id, version.number, version.state, version.digest, done.position)

    async def _form_faults(self, parsed: pathway_document.Pathway, content: Mapping[str, Any]) -> Sequence[Fault]:
        roles = await self._facts.roles([parsed.awarding_body], self._clock())
        return tuple(pathway.faults_of_draft(parsed, content, roles))

    async def _reference_faults(self, content: Mapping[str, Any]) -> Sequence[Fault]:
        referred = references(content)
        published: set[tuple[str, str]] = set()
        below: dict[str, frozenset[str]] = {}
        for reference in referred:
            if reference.kind == "pathway":
                below[reference.id] = await self._leads_to(reference.id)
                found = (await self.state_of(reference.id)).published is not None
            else:
                found = await self._definitions.is_published(reference.id)
            if found:
                published.add((reference.kind, reference.id))
        return tuple(pathway.faults_of_references(content["id"], referred, frozenset(published), below))

    async def _leads_to(self, pathway_id: str) -> frozenset[str]:
        seen: set[str] = set()
        ahead = [pathway_id]
        while ahead:
            name = ahead.pop()
            if name in seen:
                continue
            seen.add(name)
            version = (await self.state_of(name)).published
            referred = references(version.content) if version else ()
            ahead.extend(reference.id for reference in referred if reference.kind == "pathway")
        return frozenset(seen)


def _parsed(content: Mapping[str, Any]) -> pathway_document.Pathway:
    parsed = pathway_document.parse(dict(content))
    if isinstance(parsed, tuple):
        refuse_if_any(_WHAT, parsed)
        raise AssertionError("a document that does not parse has faults")
    return parsed


def _owned(state: pathway.Pathway, org: str) -> pathway.Pathway:
    if not state.versions or state.owner != org:
        raise not_found(_WHAT)
    return state
