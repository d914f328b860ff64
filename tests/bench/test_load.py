"""What a load must have been for its figures to mean anything: each condition is broken by what it is there for."""

from __future__ import annotations

import pytest

from bench.cases import flow, memory
from bench.driver.http import Driven
from bench.driver.load import Loaded, LoadSeries, Tally, rate


def good() -> Tally:
    return Tally(entries=[("list", 1), ("list", 2), ("other", 1)], judged=3, accepted=3)


def broken(tally: Tally, in_log: int = 3) -> list[str]:
    return [condition.name for condition in tally.conditions(in_log) if not condition.held]


def loaded(seconds: float, behind: float, jobs: int = 100, used: float = 0.1) -> Loaded:
    return Loaded(Driven(seconds, [0.01] * jobs), {}, {"services": used}, behind)


def test_a_good_tally_holds() -> None:
    assert broken(good()) == []


def test_an_error_breaks_it_and_is_told() -> None:
    tally = good()
    tally.errors += ["409: twice", "500: never"]
    (condition,) = [condition for condition in tally.conditions(3) if not condition.held]
    assert condition.line() == f"{'errors':52} 2 409: twice: FAIL"


def test_an_index_that_was_given_twice_breaks_it() -> None:
    tally = good()
    tally.entries[2] = ("list", 1)
    assert broken(tally) == ["status indices, each given once"]


@pytest.mark.parametrize("in_log", [2, 4])
def test_a_log_that_says_something_else_than_the_answers_breaks_it(in_log: int) -> None:
    assert broken(good(), in_log) == ["CredentialIssued in the log"]


@pytest.mark.parametrize(("judged", "accepted"), [(3, 2), (0, 0)])
def test_a_credential_that_was_not_accepted_breaks_it_and_so_does_none_judged(judged: int, accepted: int) -> None:
    tally = good()
    tally.judged, tally.accepted = judged, accepted
    assert broken(tally) == ["credentials that sd-jwt verifies"]


def test_a_rate_counts_until_the_readers_are_at_rest() -> None:
    series = LoadSeries()
    series.add_rates("flows", loaded(8.0, 2.0))
    series.add_rates("whole", loaded(8.0, 2.0), loaded(9.0, 1.0))
    series.add_processors("whole", loaded(8.0, 2.0), loaded(9.0, 1.0, used=0.3))
    told = {name: values[0] for name, values in series.values.items()}
    assert (told["flows: answered per second"], told[rate("flows")]) == (12.5, 10.0)
    assert (told[rate("whole")], told["whole: seconds driven"], told["whole: readers behind"]) == (5.0, 17.0, 3.0)
    assert told["whole: processor time of all"] == pytest.approx(4000)


def test_a_load_is_as_long_as_the_quickest_so_far_makes_it_last() -> None:
    size = flow.Size()
    size.warmed("flows", loaded(1.0, 0.0, jobs=200))
    size.counted("flows", loaded(10.0, 1.0, jobs=1000))
    assert size.of("flows") == 2600
    assert [condition.held for condition in size.conditions()] == [True]
    size.counted("flows", loaded(9.9, 1.0))
    assert [condition.shown for condition in size.conditions() if not condition.held] == ["9.9 s"]
    assert (flow.Size(7).of("flows"), flow.Size(7).conditions()) == (7, [])


def test_a_process_that_stays_is_steady_and_its_first_quarter_does_not_count() -> None:
    flows = [100 * number for number in range(40)]
    sizes = [100 + min(number, 9) for number in range(40)]
    assert [condition.held for condition in memory.steady("wallet", flows, sizes)] == [True, True]


def test_growth_within_the_bound_of_the_quarters_is_seen_by_its_slope() -> None:
    flows = [1000 * number for number in range(40)]
    sizes = [120 + 0.1 * number for number in range(40)]
    by_quarters, by_slope = memory.steady("wallet", flows, sizes)
    assert (by_quarters.held, by_slope.held, by_slope.shown) == (True, False, "1.00")


def test_a_step_is_seen_by_the_quarters() -> None:
    flows = [1000 * number for number in range(40)]
    by_quarters, _ = memory.steady("wallet", flows, [100.0] * 25 + [110.0] * 15)
    assert not by_quarters.held
