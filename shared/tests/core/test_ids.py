"""Ids: ordered, derived, unpredictable."""

from __future__ import annotations

from uuid import UUID

from kompetenspass.core.clock import rfc3339, system_clock
from kompetenspass.core.errors import Kind, not_found
from kompetenspass.core.ids import (
    AchievementId,
    credential_id_of,
    derived_event_id,
    random_bytes,
    random_digits,
    random_token,
    uuid7,
)


def test_a_uuid7_says_its_version_and_its_variant() -> None:
    value = uuid7()
    assert value.version == 7
    assert value.variant == "specified in RFC 4122"


def test_a_uuid7_carries_the_time_first() -> None:
    before = int(system_clock().timestamp() * 1000)
    stamp = uuid7().int >> 80
    assert before <= stamp <= int(system_clock().timestamp() * 1000)


def test_an_achievement_has_one_credential_id_for_ever() -> None:
    achievement = AchievementId(UUID(int=7))
    assert credential_id_of(achievement) == credential_id_of(achievement)
    assert credential_id_of(achievement) != credential_id_of(AchievementId(UUID(int=8)))


def test_a_reaction_writes_the_same_id_each_time_and_another_for_another_stream() -> None:
    cause = UUID(int=1)
    first = derived_event_id(cause, "publish", "list-1", "registry.StatusListOpened.v1")
    assert first == derived_event_id(cause, "publish", "list-1", "registry.StatusListOpened.v1")
    assert first != derived_event_id(cause, "publish", "list-2", "registry.StatusListOpened.v1")


def test_random_things_have_the_size_asked_for() -> None:
    assert len(random_bytes(32)) == 32
    assert len(random_token(16)) == 22
    assert len(random_digits(6)) == 6
    assert random_digits(6).isdigit()


def test_a_moment_is_written_in_utc_with_microseconds() -> None:
    text = rfc3339(system_clock().replace(year=2026, month=1, day=2, hour=3, minute=4, second=5, microsecond=6))
    assert text == "2026-01-02T03:04:05.000006Z"


def test_the_refusal_for_what_is_not_there_tells_what_to_do() -> None:
    problem = not_found("offer")
    assert (problem.code, problem.kind, problem.title) == ("not_found", Kind.NOT_FOUND, "There is no such offer.")
    assert problem.remedy
