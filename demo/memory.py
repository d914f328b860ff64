"""What earlier steps found out and later ones need, chapter by chapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.parties import Stage


@dataclass
class Merit:
    """One merit on its way."""

    definition: Mapping[str, Any] = field(default_factory=dict)
    achievement_id: str = ""
    learner_ref: str = ""
    offer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Award:
    """An award of a pathway, and the credential that proves it."""

    stack_id: str
    credential_id: str


@dataclass
class Technician:
    """What one operations technician has earned: credentials by definition, awards by pathway."""

    learner_ref: str = ""
    merits: dict[str, str] = field(default_factory=dict)
    awards: dict[str, Award] = field(default_factory=dict)


@dataclass
class Memory:
    """The memory of the whole story."""

    language: Merit = field(default_factory=Merit)
    retail: Merit = field(default_factory=Merit)
    technician: Technician = field(default_factory=Technician)


Step = Callable[[Stage, Memory], Awaitable[str]]
"""Plays one step and returns a sentence on what came of it; raises StoryBroken."""
