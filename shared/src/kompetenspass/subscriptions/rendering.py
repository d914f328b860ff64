"""Events as they are sent to an audience, made once for all who read the same ones at about the same time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kompetenspass.events.base import Audience
from kompetenspass.events.cloudevents import cloud_event
from kompetenspass.log.api import Recorded

REMEMBERED_BYTES = 8 * 1024 * 1024
"""How much is remembered: some eight thousand events of the usual size."""

_Key = tuple[int, UUID, Audience]


@dataclass(frozen=True, slots=True)
class Sent:
    """One event for an audience. `body`: the CloudEvent in structured mode, as canonical JSON on one line."""

    position: int
    id: UUID
    body: bytes


class Rendering:
    """Renders, and remembers what it rendered last. `source` is the public base URL of the log's owner."""

    def __init__(self, source: str, remembered_bytes: int = REMEMBERED_BYTES) -> None:
        self._source = source
        self._limit = remembered_bytes
        self._kept: dict[_Key, Sent] = {}
        self._bytes = 0

    def of(self, recorded: Recorded, audience: Audience) -> Sent | None:
        """Return the event as the audience sees it, None for one that it does not see.

        Raises UnknownEventType for one of a newer version of the platform, ValueError for broken bytes.
        """
        key = recorded.position, recorded.id, audience
        if (known := self._kept.get(key)) is not None:
            return known
        event = cloud_event(recorded, audience, source=self._source)
        return None if event is None else self._keep(key, event.structured_json())

    def _keep(self, key: _Key, body: bytes) -> Sent:
        """Remember one more, and forget the oldest ones where they are too many."""
        made = self._kept[key] = Sent(key[0], key[1], body)
        self._bytes += len(body)
        while self._bytes > self._limit:
            self._bytes -= len(self._kept.pop(next(iter(self._kept))).body)
        return made
