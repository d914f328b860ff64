"""The parts of the projection case at a small size: the rebuilt tables are the live ones while events keep arriving."""

from __future__ import annotations

from bench.cases import projection
from bench.floors import projection as floor
from bench.of_projection import sealed
from services.wallet.projections import TIMELINE


async def test_a_round_measures_every_way_and_the_rebuilt_tables_are_the_live_ones() -> None:
    found = projection.Measured()
    async with projection.ground() as here:
        await sealed.fill(here.admin, 200)
        for _ in range(2):
            await projection.one_round(here, 200, found)
        await floor.rebuild(here.admin, TIMELINE.metadata)
        for table in ("issues", "copies", "changes"):
            live, sql = f"SELECT * FROM wallet.{table}", f"SELECT * FROM {floor.SCHEMA}.{table}"
            for one, other in ((live, sql), (sql, live)):
                assert await here.admin.fetchval(f"SELECT count(*) FROM ({one} EXCEPT {other}) d") == 0
    report = projection._report(found, 200, "on")
    assert all(condition.held for condition in report.conditions)
    assert {len(figure.values) for figure in report.figures} == {2}


async def test_the_peer_gets_the_mix_that_is_in_the_logs() -> None:
    async with projection.ground() as here:
        await sealed.fill(here.admin, 200)
        assert {log: await here.feeds[log].head() for log in projection.mixed(200)} == projection.mixed(200)
    assert projection.mixed(200) == {"issuance": 190, "registry": 10}


def test_rows_that_differ_break_the_report_and_so_does_a_rebuild_in_silence() -> None:
    found = projection.Measured(differing=1, compared=200)
    for name in (projection._SQL, projection._REBUILD, projection._CATCH_UP, projection._ORM):
        found.series.add(name, "events/s", 1.0)
    report = projection._report(found, 200, "on")
    assert [condition.name for condition in report.conditions if not condition.held] == [
        "rows that differ",
        "events arrived while rebuilding",
    ]
    assert [goal.figure.name for goal in report.goals if not goal.reached] == ["rebuild / ORM"]
