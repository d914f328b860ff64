"""Status lists: their size, a flipped bit on its way to the verifier, and what a verifier has to do."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from bench.measure import interleaved
from bench.of_statuslist import revocations, ticks
from bench.of_statuslist.lists import (
    CACHED,
    COLD,
    READ_FLOOR,
    READ_REFERENCE,
    Press,
    drawn,
    sizes,
    ways_of_reading,
    ways_of_signing,
)
from bench.report import Condition, Figure, Goal, Report
from kompetenspass.testing.keys import TestSigner

ENTRIES = 2**20


async def measure(rounds: int, size: int | None) -> Report:
    """Return sizes and processor times. `size`: entries in a list."""
    entries = size or ENTRIES
    setting = {"list": f"{entries:,} entries", "libdeflate": f"deflate {version('deflate')}", "database": "fsync on"}
    report, press = Report("statuslist", setting), Press(TestSigner())
    for found in sizes(rounds, entries, press):
        _add(report, found)
    one = drawn(entries, 1, 0.01, seed=1)
    reading = interleaved(ways_of_reading(one, press), rounds=rounds, operations=200)
    report.figures += [*reading.values(), reading[COLD].per(reading[READ_FLOOR], "cold check, of its floor")]
    report.goals += goals_of_reading(reading)
    await revocations.measure(report, rounds, entries)
    await ticks.measure(report, rounds, entries, ways_of_signing(one, press))
    return report


def goals_of_reading(reading: Mapping[str, Figure]) -> list[Goal]:
    """Return what is asked of a verifier's check."""
    return [
        Goal(reading[COLD].per(reading[READ_REFERENCE], "cold check, of the reference"), "at most", 1.2),
        Goal(reading[CACHED], "at most", 1),
    ]


def _add(report: Report, found: Figure | Goal | Condition) -> None:
    match found:
        case Figure():
            report.figures.append(found)
        case Goal():
            report.goals.append(found)
        case Condition():
            report.conditions.append(found)
