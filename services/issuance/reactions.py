"""What issuance does when something has happened elsewhere: one call of a use case for each event."""

from __future__ import annotations

from kompetenspass.events.registry import StatusListOpened
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Reaction
from services.issuance.service.indices import Indices
from services.issuance.service.ports import StatusList


def status_lists(indices: Indices) -> Reaction:
    """Return the reaction that makes a list, once the registry opened it, one to lease indices from."""

    async def opened(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, StatusListOpened)
        await indices.open(StatusList(event.list_id, event.uri, event.issuer_org, event.size, recorded.position))

    return Reaction("status_lists", ("registry",), {StatusListOpened: opened})
