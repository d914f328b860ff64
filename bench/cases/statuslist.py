"""Status lists: their size, a flipped bit on its way to the verifier, and what a verifier has to do."""

from __future__ import annotations

from importlib.metadata import version

from bench import revocations, ticks
from bench.lists import Press, drawn, sizes, ways_of_reading, ways_of_signing
from bench.measure import interleaved
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
    signing = interleaved(ways_of_signing(one, press), rounds=rounds, operations=10)
    reading = interleaved(ways_of_reading(one, press), rounds=rounds, operations=200)
    report.figures += [*signing.values(), *reading.values()]
    ours, cold = signing["flip to signed bytes"], reading["cold check"]
    parts, reference = signing["flip to signed bytes: parts"], signing["flip to signed bytes: zlib-9"]
    report.goals += [
        Goal(ours.per(parts, "flip to signed bytes, of its parts"), "at most", 1.6),
        Goal(reference.per(ours, "flip to signed bytes, quicker than zlib-9"), "at least", 25),
        Goal(cold.per(reading["cold check: parts"], "cold check, of its parts"), "at most", 1.2),
        Goal(reading["cached check"], "at most", 1),
    ]
    await revocations.measure(report, rounds, entries)
    await ticks.measure(report, rounds, entries)
    return report


def _add(report: Report, found: Figure | Goal | Condition) -> None:
    match found:
        case Figure():
            report.figures.append(found)
        case Goal():
            report.goals.append(found)
        case Condition():
            report.conditions.append(found)
