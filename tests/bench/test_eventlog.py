"""The case `eventlog` on a server of its own, tiny: everything but the figures must be right."""

from __future__ import annotations

from uuid import UUID

from bench.cases import eventlog
from bench.of_eventlog.events import RIVAL_OF, Work
from bench.of_eventlog.tail import Eye
from kompetenspass.log.api import Recorded
from kompetenspass.testing.clock import NOON


async def test_what_is_appended_is_stored_once_in_order_and_rivals_conflict() -> None:
    report = await eventlog.measure(rounds=1, size=2 * RIVAL_OF)
    assert [each for each in report.conditions if not each.held] == []
    told = {figure.name for figure in (*report.figures, *(goal.figure for goal in report.goals))}
    assert {"appends, of COPY x1000", "typed events, of raw rows", "an append at half the rate: p99"} <= told
    assert all(figure.values for figure in report.figures)


def test_one_append_in_a_hundred_is_a_rival_for_a_version_that_is_taken() -> None:
    work = Work(2 * RIVAL_OF)
    requests = list(work.requests)
    assert work.rivals == len(requests) - work.size == 2
    assert len({request.stream for request in requests}) == work.size
    assert len({draft.id for request in requests for draft in request.drafts}) == len(requests)


def test_a_reader_counts_gaps_reorders_and_duplicates() -> None:
    eye = Eye()
    eye.look([recorded(1, 1), recorded(2, 2), recorded(4, 4), recorded(3, 3), recorded(5, 2)])
    assert (eye.seen.gaps, eye.seen.reorders, eye.seen.duplicates) == (2, 1, 1)


def recorded(position: int, number: int) -> Recorded:
    return Recorded(position, f"s-{position}", 1, UUID(int=number), "wallet.CredentialReceived.v1", NOON, "{}")
