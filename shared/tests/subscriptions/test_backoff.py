"""When it is tried again: later and later, for three days, and as long as the receiver asks."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from kompetenspass.subscriptions.backoff import HELD_FOR, asked_delay, next_attempt
from kompetenspass.testing.clock import NOON


@pytest.mark.parametrize("asked", [None, timedelta(), timedelta(seconds=30)])
@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_a_delivery_is_tried_for_three_days_ever_more_rarely(chance: float, asked: timedelta | None) -> None:
    now, attempts, delays = NOON, 0, []
    while attempts < 50:
        attempts += 1
        following = next_attempt(now, since=NOON, attempts=attempts, chance=chance, asked=asked)
        if following is None:
            break
        delays.append(following - now)
        now = following
    assert now == NOON + HELD_FOR
    assert 9 <= attempts <= 13
    assert delays[:-1] == sorted(delays[:-1])
    assert timedelta(seconds=4) <= delays[0] <= max(timedelta(seconds=6), asked or timedelta())


def test_chance_spreads_the_delay_by_a_fifth() -> None:
    least, most = (next_attempt(NOON, since=NOON, attempts=3, chance=chance) for chance in (0.0, 1.0))
    assert least == NOON + timedelta(minutes=4)
    assert most == NOON + timedelta(minutes=6)


def test_what_was_held_back_for_days_is_tried_once_at_least() -> None:
    late = NOON + HELD_FOR
    assert next_attempt(late, since=NOON, attempts=1, chance=0.5) is None


def test_the_receiver_may_ask_for_more_time_but_for_no_more_than_a_day() -> None:
    hour, week = timedelta(hours=1), timedelta(weeks=1)
    assert next_attempt(NOON, since=NOON, attempts=1, chance=0.5, asked=hour) == NOON + hour
    assert next_attempt(NOON, since=NOON, attempts=1, chance=0.5, asked=week) == NOON + timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "delay"),
    [
        (None, None),
        ("120", timedelta(minutes=2)),
        ("0", timedelta()),
        ("99999999999999999999", timedelta(days=1)),
        (format_datetime(NOON + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        (format_datetime(NOON - timedelta(hours=1), usegmt=True), timedelta()),
        (format_datetime(NOON + timedelta(weeks=1), usegmt=True), timedelta(days=1)),
        ("Fri, 31 Dec 9999 23:59:59 -0100", timedelta(days=1)),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, delay: timedelta | None) -> None:
    assert asked_delay(header, NOON) == delay
