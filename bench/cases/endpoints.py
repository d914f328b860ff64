"""The endpoints that wallets call most: a credential, ten at once, a presentation; processor time of the server alone.

Each cell sends prepared requests over HTTP to one process that has a core to itself, event durable before the answer,
and runs the floor on that core before and after. A naive stack of the same libraries does the same in every round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg

from bench.driver.http import percentile
from bench.driver.oracle import Oracle
from bench.floors.endpoints import on_cores
from bench.of_endpoints.cells import Cores, cores, pin
from bench.of_endpoints.jobs import SHOWN, Jobs
from bench.of_endpoints.rig import (
    BATCH,
    CREDENTIAL,
    KINDS,
    PRESENTATION,
    PROOFS,
    Counts,
    Floors,
    Rig,
    Rounds,
    floors_of,
    naive_of,
)
from bench.peers.naive_process import Naive, naive
from bench.platform import FIVE, Platform, fresh_folder, running
from bench.report import Condition, Figure, Goal, Report
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
    """Return the report of `size` requests in a cell of each of `rounds`; where one takes longer there are fewer."""
    found, where, size = Rounds(), cores(), size or _SIZE
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
                    before = await _in_logs(platform, peer)
                    await rig.round(Counts.warm_up(min(size, _WARM_UP)), found)
                    found.forget_times()
                    for _ in range(rounds):
                        await rig.round(Counts.of(size), found)
                    logged = {kind: now - before[kind] for kind, now in (await _in_logs(platform, peer)).items()}
                    rig.close()
                setting = {**_setting(where, floors, Counts.of(size)), "database": await platform.durability()}
                oracle = Oracle.of(platform)
    return report(found, logged, setting, oracle)


def report(found: Rounds, logged: Mapping[str, int], setting: Mapping[str, str], oracle: Oracle) -> Report:
    """Return the report; every credential is verified by another library here, after what was timed."""
    made, figure = Report("endpoints", setting), found.series.figure
    for kind in KINDS:
        of_floor = figure(kind).per(figure(f"{kind}: floor"), f"{kind} / floor")
        peer = naive_of(kind)
        peer_of_floor = figure(peer).per(figure(f"{peer}: floor"), f"{peer} / floor")
        told = (f"{kind}: floor", kind, peer, f"{kind}, per second")
        made.figures += [*map(figure, told), peer_of_floor, *_late(kind, found.late[kind])]
        made.goals.append(Goal(of_floor, "at most", GOALS[kind]))
        made.goals.append(Goal(peer_of_floor.per(of_floor, f"{peer} / ours"), "at least", GOAL_PEER))
    made.conditions += [*conditions(found, logged), oracle.condition(found.held)]
    return made


def conditions(found: Rounds, logged: Mapping[str, int]) -> list[Condition]:
    """Return whether every request was answered, with an event in the log for each, and none had another's secrets."""
    answers, secrets = found.answers, found.secrets
    naively = sum(answers[naive_of(kind)] * PROOFS.get(kind, 1) for kind in KINDS)
    return [
        Condition("answers that are no 2xx", not found.errors, " ".join([str(len(found.errors)), *found.errors[:1]])),
        _same("CredentialIssued in the log, for each 200", logged["issued"], answers[CREDENTIAL] + answers[BATCH]),
        _same("PresentationJudged verified, for each 200", logged["verified"], answers[PRESENTATION]),
        _same("events of the naive peer", logged["naive"], naively),
        _same("nonces, codes and keys, each used once", len(set(secrets)), len(secrets)),
    ]


def _same(name: str, found: int, wanted: int) -> Condition:
    return Condition(name, found == wanted, f"{found} of {wanted}")


def _late(kind: str, seconds: Sequence[float]) -> list[Figure]:
    """Return how late answers are at half the rate: context on a busy machine, never held to a goal."""
    return [
        Figure(f"{kind} at half the rate, p{p * 100:.0f}", "ms", [percentile(seconds, p) * 1000]) for p in (0.5, 0.99)
    ]


def _setting(where: Cores, floors: Floors, counts: Counts) -> dict[str, str]:
    def said(numbers: Mapping[str, int]) -> str:
        return ", ".join(f"{number} ({kind})" for kind, number in numbers.items())

    return {
        "cores": where.words,
        "floor, credential": floors.issuing.composition,
        "floor, present.": f"{floors.verifying.composition}; {len(SHOWN)} claims asked for",
        "naive peer": "FastAPI with models, joserfc, sd-jwt, SQLAlchemy ORM: the same protocol work; see bench/peers",
        "connections": "32, each with one request under way",
        "size": f"{said(counts.ours)} requests in each cell; of the naive peer {said(counts.peers)}",
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
