"""A stream whose beginning is in files is read from there once after other code has folded it, not at each command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kompetenspass.events.base import Event
from kompetenspass.log.detached.holding import streams_of_other_code
from kompetenspass.log.execute import fold
from kompetenspass.log.snapshots import Aggregate, Snapshots

World = Any


@dataclass(frozen=True)
class Counted:
    """How many events a stream has."""

    events: int = 0


def evolve(state: Counted, _event: Event) -> Counted:
    return replace(state, events=state.events + 1)


async def test_a_fold_through_files_keeps_a_snapshot_however_short_the_stream(world: World) -> None:
    known = Snapshots([Aggregate("s-", Counted(), evolve)], after_events=1000)
    world.log.snapshots = known
    await world.fill(45)
    await world.detach(41)
    assert len(await streams_of_other_code(world.admin, "wallet", known.kinds)) == 7
    folded = await fold(world.log, "s-3", Counted(), evolve)
    assert folded == (Counted(6), 6)
    for file in world.folder.iterdir():
        file.unlink()
    assert await fold(world.log, "s-3", Counted(), evolve) == folded
    assert len(await streams_of_other_code(world.admin, "wallet", known.kinds)) == 6


async def test_streams_that_are_all_in_the_database_need_none_made_anew(world: World) -> None:
    await world.fill(45)
    await world.close_streams()
    assert await streams_of_other_code(world.admin, "wallet", []) == []
    await world.detach(21)
    assert len(await streams_of_other_code(world.admin, "wallet", [])) == 7
