"""What a case measured: figures with their spread, goals that they are held to, and conditions that must be true."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One quantity, measured once in each round."""

    name: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def per(self, floor: Figure, name: str) -> Figure:
        """Return this one over another, round by round: what moves both of them cancels out."""
        return Figure(name, "x", [mine / its for mine, its in zip(self.values, floor.values, strict=True)])

    def line(self) -> str:
        """Return what is printed."""
        spread = f"[{shown(min(self.values))} - {shown(max(self.values))}]" if len(self.values) > 1 else ""
        return f"{self.name:52} {shown(self.median):>10} {self.unit:10} {spread}".rstrip()

    def as_json(self) -> dict[str, Any]:
        """Return it for a machine."""
        return {"name": self.name, "unit": self.unit, "median": self.median, "values": list(self.values)}


@dataclass
class Series:
    """Figures that grow by one value a round."""

    units: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, unit: str, value: float) -> None:
        """Note the value of this round."""
        self.units[name] = unit
        self.values.setdefault(name, []).append(value)

    def figure(self, name: str) -> Figure:
        """Return one of them."""
        return Figure(name, self.units[name], self.values[name])

    def figures(self, but: Sequence[Figure] = ()) -> list[Figure]:
        """Return all but some."""
        return [self.figure(name) for name in self.values if name not in {each.name for each in but}]

    def clear(self) -> None:
        """Forget the rounds so far, which only warmed up what is measured."""
        self.values.clear()


@dataclass(frozen=True)
class Goal:
    """A figure and the bound that its median is held to."""

    figure: Figure
    kind: Literal["at most", "at least"]
    bound: float

    @property
    def reached(self) -> bool:
        """Whether the median keeps to the bound."""
        middle = self.figure.median
        return middle <= self.bound if self.kind == "at most" else middle >= self.bound

    @property
    def words(self) -> str:
        """The bound in words."""
        return f"{self.kind} {shown(self.bound)} {self.figure.unit}"

    def line(self) -> str:
        """Return what is printed."""
        return f"{self.figure.line()}   {self.words}: {'PASS' if self.reached else 'MISS'}"

    def as_json(self) -> dict[str, Any]:
        """Return it for a machine."""
        return {**self.figure.as_json(), "goal": self.words, "reached": self.reached}


@dataclass(frozen=True)
class Condition:
    """Something that must be true, or the figures mean nothing: no error, no duplicate, as many events as answers."""

    name: str
    held: bool
    shown: str

    def line(self) -> str:
        """Return what is printed."""
        return f"{self.name:52} {self.shown}: {'PASS' if self.held else 'FAIL'}"

    def as_json(self) -> dict[str, Any]:
        """Return it for a machine."""
        return {"name": self.name, "held": self.held, "shown": self.shown}


@dataclass
class Report:
    """All that one run of a case has to say. `setting`: what the figures depend on, such as the database's promises."""

    case: str
    setting: Mapping[str, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    @property
    def reached(self) -> bool:
        """Whether every goal was reached and every condition held."""
        return all(goal.reached for goal in self.goals) and all(condition.held for condition in self.conditions)

    def lines(self) -> Iterator[str]:
        """Yield what is printed."""
        for name, value in self.setting.items():
            yield f"{name:16} {value}"
        for parts in (self.figures, self.goals, self.conditions):
            yield from (part.line() for part in parts)
        yield f"{self.case}: {'PASS' if self.reached else 'MISS'}"

    def as_json(self) -> dict[str, Any]:
        """Return it for a machine."""
        return {
            "case": self.case,
            "reached": self.reached,
            "setting": dict(self.setting),
            "figures": [figure.as_json() for figure in self.figures],
            "goals": [goal.as_json() for goal in self.goals],
            "conditions": [condition.as_json() for condition in self.conditions],
        }


def shown(value: float) -> str:
    """Return a number with the digits that a measurement deserves."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
