"""How long a reader gathers what comes before it begins the next page."""

from __future__ import annotations

import pytest

from kompetenspass.log.runner import GATHER_SECONDS, until_gathered


@pytest.mark.parametrize(
    ("took", "spacing"), [(0.0, 0.0125), (0.006, 0.0125), (0.007, 0.025), (0.02, 0.05), (0.03, 0.1), (7.0, 0.1)]
)
def test_the_longer_a_page_took_the_more_is_gathered(took: float, spacing: float) -> None:
    begins = [1000 + number * 0.0007 for number in range(1000)]
    waits = [until_gathered(began, began + took) for began in begins]
    assert 0.95 * spacing < max(waits) <= spacing
    goes_on = [(began + took + wait) / spacing for began, wait in zip(begins, waits, strict=True)]
    assert goes_on == pytest.approx([round(each) for each in goes_on])


def test_readers_that_began_apart_go_on_together() -> None:
    goes_on = {round(now + until_gathered(now - 0.002, now), 6) for now in (500.001, 500.005, 500.012)}
    assert goes_on == {500.0125}


def test_nobody_waits_longer_than_a_tenth_of_a_second() -> None:
    assert max(GATHER_SECONDS) == 0.1
    assert all(0 < until_gathered(now - 60, now) <= 0.1 for now in (1.0, 1.0999, 86_400.05))
