"""What a person does with parked events: have them handled after all, or leave one out for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.log import parked
from kompetenspass.log.api import Feed, Recorded
from kompetenspass.log.cursors import hold
from kompetenspass.log.dispatch import Dispatch
from kompetenspass.log.generations import Generation, transaction
from kompetenspass.log.parked import Parked
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.runner import Place
from kompetenspass.log.tables import schemas
from kompetenspass.log.writing import Writing


class Unparking:
    """Handles parked events in the order of their log, stream by stream."""

    def __init__(
        self,
        place: Place,
        feeds: Mapping[str, Feed],
        projections: Mapping[str, Projection],
        reactions: Mapping[str, Reaction],
    ) -> None:
        self._place = place
        self._feeds = feeds
        self._projections = projections
        self._reactions = reactions

    async def list(self) -> Sequence[Parked]:
        """Return what is parked of live generations and of reactions, in log order."""
        async with transaction(self._place.engine, schemas(self._place.service)) as connection:
            return await parked.list_parked(connection)

    async def retry(self, reader: str, stream: str | None = None) -> int:
        """Have the reader's parked events (of one stream) handled; return how many were.

        Raises what a handler raises at the first that fails again: it and what follows stay parked.
        """
        chosen = [e for e in await self.list() if e.key.reader == reader and stream in (None, e.stream)]
        for event in chosen:
            await self._handle(event)
        return len(chosen)

    async def skip(self, reader: str, log: str, position: int) -> int:
        """Leave one event out, the first parked of its stream, then handle what waited behind it; return how many.

        Raises Problem `not_found`, or `not_first_of_stream`.
        """
        events = [e for e in await self.list() if e.key.reader == reader and e.log == log]
        event = next((e for e in events if e.position == position), None)
        if event is None:
            raise not_found("parked event")
        if any(e.stream == event.stream and e.position < position for e in events):
            raise Problem(
                "not_first_of_stream",
                "An earlier event of the same stream is parked.",
                kind=Kind.CONFLICT,
                remedy="Retry or skip the earliest one first.",
            )
        async with transaction(self._place.engine, schemas(self._place.service)) as connection:
            await parked.unpark(connection, event)
        return await self.retry(reader, event.stream)

    async def _handle(self, event: Parked) -> None:
        recorded = await self._feeds[event.log].find(event.position)
        if recorded is None:
            raise not_found("parked event in its log")
        if event.key.kind == "projection":
            await self._project(event, recorded)
        else:
            await self._react(event, recorded)

    async def _project(self, event: Parked, recorded: Recorded) -> None:
        projection = self._projections[event.key.reader]
        generation = Generation(projection.name, event.key.generation, projection.version, live=True)
        service = self._place.service
        translate = schemas(service, generation.schema(service))
        async with transaction(self._place.engine, translate) as connection:
            await hold(connection, event.key, event.log)
            if handler := Dispatch(projection.handlers).handler(recorded):
                writing = Writing(connection, translate)
                await handler(writing, recorded)
                await writing.flush()
            await parked.unpark(connection, event)

    async def _react(self, event: Parked, recorded: Recorded) -> None:
        if handler := Dispatch(self._reactions[event.key.reader].handlers).handler(recorded):
            await handler(recorded)
        async with transaction(self._place.engine, schemas(self._place.service)) as connection:
            await parked.unpark(connection, event)
