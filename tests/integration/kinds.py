"""How a platform can run: in one process, in five, and in five that follow each other over a real Kafka."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from _pytest.mark import ParameterSet


@dataclass(frozen=True)
class Kind:
    """One way to run it; `kills`: how often the longest story is killed on it."""

    name: str
    apart: bool
    kafka: bool
    kills: int

    @property
    def options(self) -> list[str]:
        """What `python -m services`, and the demo, are told."""
        return [*(["--apart"] if self.apart else []), *(["--kafka"] if self.kafka else [])]


ONE = Kind("one process", apart=False, kafka=False, kills=20)
FIVE = Kind("five processes", apart=True, kafka=False, kills=6)
BROKER = Kind("five processes and Kafka", apart=True, kafka=True, kills=6)
KINDS = (ONE, FIVE, BROKER)
"""Every story runs on each."""
KAFKA_HERE = Kind("one process and Kafka", apart=False, kafka=True, kills=0)
"""As `make demo KAFKA=1` runs it: the demo alone is played on it."""


def parameters(kinds: Iterable[Kind]) -> list[ParameterSet]:
    """Return the kinds as a fixture's parameters; all but the first kind are for `make integration`."""
    return [pytest.param(kind, marks=[] if kind is ONE else [pytest.mark.long], id=kind.name) for kind in kinds]
