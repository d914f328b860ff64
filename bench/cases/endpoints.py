"""The endpoints that wallets call most: a credential, ten at once, a presentation; processor time of the server alone.

Each cell sends prepared requests over HTTP to one process that has a core to itself, event durable before the answer,
and runs the floor on that core before and after. A naive stack of the same libraries does the same in every round.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import asyncpg

from bench.cells import Cores, cores, pin
from bench.endpoint_jobs import SHOWN, Jobs
from bench.endpoint_rig import BATCH, CREDENTIAL, KINDS, PRESENTATION, PROOFS, Floors, Found, Rig, Series, floors_of
from bench.floors.endpoints import on_cores
from bench.http import percentile
from bench.oracle import signed_as_said
from bench.platform import FIVE, Platform, fresh_folder, running
from bench.report import Condition, Figure, Goal, Report
from bench.servers import Naive, naive
from kompetenspass.embedded.provision import READER

SHAPE: Mapping[str, str] = {**FIVE, "issuance": "split", "verification": "split"}
"""The measured process is the one that answers; another of its service follows the logs."""
GOALS: Mapping[str, float] = {CREDENTIAL: 2.6, BATCH: 1.7, PRESENTATION: 2.1}
GOAL_PEER = 5.0
_SIZE, _WARM_UP = 400, 320
_ISSUED = "SELECT count(*) FROM issuance_log.log WHERE type = 'issuance.CredentialIssued.v1'"
_VERIFIED = """
    SELECT count(*) FROM verification_log.log
    WHERE type = 'verification.PresentationJudged.v1' AND data LIKE '%"outcome":"verified"%'
"""


async def measure(rounds: int, size: int | None) -> Report:
    """Return the report of `size` operations in each cell of each of `rounds`; the naive peer gets a quarter."""
    found, where, size = Found(), cores(), size or _SIZE
    async with fresh_folder() as folder:
        _offer_batches(folder)
        with on_cores(where.others):  # what is started here stays there
            async with running(folder, SHAPE) as platform:
                pin([platform.processes[f"{each} api"] for each in ("issuance", "verification")], where.server)
                jobs = Jobs(platform)
                floors, sample = await floors_of(platform, jobs)
                async with naive(platform, sample) as peer:
                    pin([peer.pid], where.server)
                    rig = Rig(platform, jobs, peer, floors, where)
                    await rig.round(min(size, _WARM_UP), Found())
                    before = await _in_logs(platform, peer)
                    for _ in range(rounds):
                        await rig.round(size, found)
                    logged = {kind: now - before[kind] for kind, now in (await _in_logs(platform, peer)).items()}
                    rig.close()
                setting = {**_setting(where, floors, size), "database": await platform.durability()}
    return report(found, logged, setting)


def report(found: Found, logged: Mapping[str, int], setting: Mapping[str, str]) -> Report:
    """Return the report; every credential's signature is verified by another library here, after what was timed."""
    made = Report("endpoints", setting)
    for kind in KINDS:
        ours, peer = found.ours[kind], found.peers[kind]
        server, naive_server = (
            _figure(f"{who}{kind}", "us", one.server) for who, one in (("", ours), ("naive ", peer))
        )
        floor = _figure(f"{kind}: floor", "us", ours.floor)
        of_floor = server.per(floor, f"{kind} / floor")
        naive_of_floor = naive_server.per(_figure("", "us", peer.floor), f"naive {kind} / floor")
        made.figures += [floor, server, naive_server, naive_of_floor, *_times(kind, ours)]
        made.goals.append(Goal(of_floor, "at most", GOALS[kind]))
        made.goals.append(Goal(naive_of_floor.per(of_floor, f"naive {kind} / ours"), "at least", GOAL_PEER))
    made.conditions += _conditions(found, logged)
    return made


def _conditions(found: Found, logged: Mapping[str, int]) -> list[Condition]:
    errors = [error for side in (found.ours, found.peers) for series in side.values() for error in series.errors]
    answers = {kind: series.answers for kind, series in found.ours.items()}
    issued, verified = answers[CREDENTIAL] + answers[BATCH], answers[PRESENTATION]
    naively = sum(series.answers * PROOFS.get(kind, 1) for kind, series in found.peers.items())
    held = found.held
    signed, secrets = sum(map(signed_as_said, held)), found.secrets
    return [
        Condition("answers that are no 2xx", not errors, f"{len(errors)} {errors[:1] or ''}".strip()),
        _same("CredentialIssued in the log, for each 200", logged["issued"], issued),
        _same("PresentationJudged verified, for each 200", logged["verified"], verified),
        _same("events of the naive peer", logged["naive"], naively),
        _same("nonces, codes and keys, each used once", len(set(secrets)), len(secrets)),
        _same("signatures verified by jwcrypto", signed, len(held)),
    ]


def _same(name: str, found: int, wanted: int) -> Condition:
    return Condition(name, found == wanted, f"{found} of {wanted}")


def _figure(name: str, unit: str, values: list[float]) -> Figure:
    return Figure(name, unit, values)


def _times(kind: str, series: Series) -> list[Figure]:
    """Return how many per second and how late: context on a busy machine, never held to a goal."""
    late = [Figure(f"{kind}, p{p * 100:.0f}", "ms", [percentile(series.latencies, p) * 1000]) for p in (0.5, 0.99)]
    return [Figure(f"{kind}, per second", "/s", series.rate), *late]


def _setting(where: Cores, floors: Floors, size: int) -> dict[str, str]:
    return {
        "cores": where.words,
        "floor, credential": floors.issuing.composition,
        "floor, present.": f"{floors.verifying.composition}; {len(SHOWN)} claims asked for",
        "naive peer": "FastAPI with models, joserfc, sd-jwt, SQLAlchemy ORM: the same protocol work; see bench/peers",
        "connections": "32, each with one request under way",
        "size": f"{size} operations in each cell, {size // 4} of the naive peer",
    }


async def _in_logs(platform: Platform, peer: Naive) -> dict[str, int]:
    """Return how many events there are: of ours as whoever may read every log sees them."""
    connection = await asyncpg.connect(platform.database_dsn.replace("//issuance@", f"//{READER}@"))
    try:
        issued, verified = [int(await connection.fetchval(query)) for query in (_ISSUED, _VERIFIED)]
    finally:
        await connection.close()
    return {"issued": issued, "verified": verified, "naive": await peer.events()}


def _offer_batches(folder: Path) -> None:
    """Let the platform of a folder offer as many credentials at once as are asked for here."""
    with (folder / "environment").open("a") as settings:
        settings.write(f"export KOMPETENSPASS_ISSUANCE_BATCH_SIZE={PROOFS[BATCH]}\n")
