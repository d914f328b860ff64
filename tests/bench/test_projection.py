"""The parts of the projection case at a small size: the rebuilt tables are the live ones while events keep arriving."""

from __future__ import annotations

from pathlib import Path

from bench import sealed
from bench.cases import projection
from bench.floors import projection as floor
from services.wallet.projections import TIMELINE


async def test_a_round_measures_every_way_and_the_rebuilt_tables_are_the_live_ones(tmp_path: Path) -> None:
    found = projection.Measured()
    async with projection.ground(tmp_path / "ground") as here:
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
