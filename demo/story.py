"""The story: its chapters in order. Every step is played over HTTP, each party with an access token of its own."""

from __future__ import annotations

from dataclasses import dataclass

from demo import hydropower, lapse, merit, retail
from demo.memory import Memory, Step

__all__ = ["STORY", "Chapter", "Memory", "Step"]


@dataclass(frozen=True)
class Chapter:
    """A part of the story: its title, and its steps in order, each with its short name."""

    title: str
    steps: tuple[tuple[str, Step], ...]


STORY = (
    Chapter("Skellefteå kommun: one merit, from its definition to its revocation", merit.STEPS),
    Chapter("Handelsrådet: passed by criteria, into the same wallet", retail.STEPS),
    Chapter("Skellefteå Kraft: 23 merits make an operations technician on duty", hydropower.STEPS),
    Chapter("Skellefteå Kraft: the role is active only while what it rests on holds", lapse.STEPS),
)
