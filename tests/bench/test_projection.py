"""The projection case at a small size: the rebuilt tables are the live ones while events keep arriving."""

from __future__ import annotations

import pytest

from bench.cases import projection
from bench.database import own_database
from bench.floors import projection as floor
from bench.of_projection import sealed
from bench.of_projection.ground import Ground, ground
from bench.of_relay.ground import own_kafka
from kompetenspass.embedded.postgres import DATABASE
from kompetenspass.embedded.provision import connected
from kompetenspass.log.api import Stored
from kompetenspass.log.partitions import install
from kompetenspass.log.postgres import PostgresLog
from services.wallet.projections import TIMELINE

GOALS = ["rebuild / SQL alone", "catching up / SQL alone", "rebuild / ORM"]


async def _is_what_sql_makes(here: Ground) -> bool:
    await floor.rebuild(here.admin, TIMELINE.metadata)
    differing = 0
    for table in ("issues", "copies", "changes"):
        live, sql = f"SELECT * FROM wallet.{table}", f"SELECT * FROM {floor.SCHEMA}.{table}"
        for one, other in ((live, sql), (sql, live)):
            differing += await here.admin.fetchval(f"SELECT count(*) FROM ({one} EXCEPT {other}) d")
    return differing == 0


async def test_a_round_measures_every_way_and_the_rebuilt_tables_are_the_live_ones() -> None:
    found = projection.Measured()
    async with ground() as here:
        await sealed.fill(here.admin, 200)
        for _ in range(2):
            await projection.one_round(here, 200, found)
        assert await _is_what_sql_makes(here)
    report = projection._report(found, 200, "on")
    assert all(condition.held for condition in report.conditions)
    assert {len(figure.values) for figure in report.figures} == {2}
    assert [goal.figure.name for goal in report.goals] == GOALS


@pytest.mark.long
@pytest.mark.usefixtures("real_kafka")  # so that Kafka is fetched, or told why not
async def test_by_kafka_it_is_rebuilt_and_caught_up_with_as_well_from_round_to_round() -> None:
    found = projection.Measured()
    async with own_kafka() as kafka, ground(kafka.bootstrap) as here:
        await sealed.fill(here.admin, 200)
        for _ in range(2):
            await projection.one_round(here, 200, found)
        assert await _is_what_sql_makes(here)
    report = projection._report(found, 200, "on")
    assert all(condition.held for condition in report.conditions), report.lines()
    assert [goal.figure.name for goal in report.goals] == [*GOALS, *(f"Kafka: {goal}" for goal in GOALS)]
    assert {len(figure.values) for figure in report.figures} == {2}
    assert sum(figure.name.startswith("Kafka / PostgreSQL") for figure in report.figures) == 2


async def test_a_log_is_filled_beyond_the_positions_that_it_has_room_for() -> None:
    async with own_database() as server, connected(server.admin_dsn(DATABASE)) as admin:
        for owner in ("issuance", "registry"):
            await install(admin, owner, partition_events=100)
        await sealed.fill(admin, 400)
        assert await admin.fetchval("SELECT count(*) FROM issuance_log.log") == 380
        log = PostgresLog("issuance", server.dsn("issuance", DATABASE))
        await log.start()
        answer = await log.append(sealed.appended(sealed.issue(0), 0))
        await log.stop()
    assert isinstance(answer, Stored)
    assert answer.position == 381


async def test_the_peer_gets_the_mix_that_is_in_the_logs() -> None:
    async with ground() as here:
        await sealed.fill(here.admin, 200)
        assert {log: await here.feeds[log].head() for log in projection.mixed(200)} == projection.mixed(200)
    assert projection.mixed(200) == {"issuance": 190, "registry": 10}


def test_rows_that_differ_break_the_report_and_so_does_a_rebuild_in_silence() -> None:
    found = projection.Measured(differing={"": 1}, compared={"": 200}, arrived={"": 0})
    for name in (projection._SQL, projection._REBUILD, projection._CATCH_UP, projection._ORM):
        found.series.add(name, "events/s", 1.0)
    report = projection._report(found, 200, "on")
    assert [condition.name for condition in report.conditions if not condition.held] == [
        "rows that differ",
        "events arrived while rebuilding",
    ]
    assert [goal.figure.name for goal in report.goals if not goal.reached] == ["rebuild / ORM"]
