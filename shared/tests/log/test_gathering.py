"""How long a reader gathers what comes before it begins the next page."""

from __future__ import annotations

import pytest

from kompetenspass.log.cursors import Key
from kompetenspass.log.pacing import SPACINGS_SECONDS, Pace

READER = Key("projection", "timeline", 1)


@pytest.mark.parametrize(
    ("took", "spacing"), [(0.0, 0.0125), (0.003, 0.0125), (0.004, 0.025), (0.01, 0.05), (0.02, 0.1), (7.0, 0.1)]
)
def test_the_longer_a_page_took_the_more_is_gathered(took: float, spacing: float) -> None:
    pace = Pace()
    begins = [1000 + number * 0.0007 for number in range(1000)]
    waits = [pace.until_gathered(READER, began, began + took) for began in begins]
    assert 0.95 * spacing < max(waits) <= spacing
    goes_on = [(began + took + wait) / spacing for began, wait in zip(begins, waits, strict=True)]
    assert goes_on == pytest.approx([round(each) for each in goes_on])


def test_readers_that_began_apart_go_on_together() -> None:
    pace = Pace()
    goes_on = {round(now + pace.until_gathered(READER, now - 0.002, now), 6) for now in (500.001, 500.005, 500.012)}
    assert goes_on == {500.0125}


def test_the_more_readers_are_at_work_the_more_is_gathered() -> None:
    pace, readers = Pace(), [Key("reaction", f"reaction_{number}") for number in range(10)]
    waits = [pace.until_gathered(reader, 500.0, 500.002) for reader in readers]
    assert [round(wait, 6) for wait in (waits[0], waits[1], waits[4], waits[9])] == [0.0105, 0.023, 0.048, 0.098]
    assert round(pace.until_gathered(readers[0], 510.0, 510.002), 6) == 0.0105  # the others are at rest by then


def test_nobody_waits_longer_than_a_tenth_of_a_second() -> None:
    pace = Pace()
    assert max(SPACINGS_SECONDS) == 0.1
    assert all(0 < pace.until_gathered(READER, now - 60, now) <= 0.1 for now in (61.0, 61.0999, 86_400.05))
