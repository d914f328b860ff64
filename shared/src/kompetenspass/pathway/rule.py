"""The rule of a pathway as frozen nodes, each with its place in the document. Source: domain, section 4.2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

MAX_ALTERNATIVES = 64
"""How many ways to share out credentials between leaves of the same name an evaluation may have to try."""

Place = tuple[str | int, ...]
"""Member names and list indices, from the root of the pathway's document to the node."""


@dataclass(frozen=True, slots=True)
class Validity:
    """When a credential counts: valid now, valid when the award was made, or expired for less than `grace`."""

    kind: Literal["live", "snapshot", "grace"]
    grace: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Age:
    """An ISO 8601 duration of calendar parts."""

    years: int = 0
    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Selector:
    """Definitions by what they are; every member that is set must fit."""

    field: str | None = None
    sector: str | None = None
    esco: str | None = None
    reuse: str | None = None
    issuer_role: str | None = None


Source = str | Selector
"""A definition by its id, or definitions by a selector."""


@dataclass(frozen=True, slots=True)
class CredentialLeaf:
    """One credential of a definition. `validity` is the node's own or the pathway's default."""

    place: Place
    definition_id: str
    validity: Validity
    version: str | None = None
    issued_by: tuple[str, ...] = ()
    min_recognition: str | None = None
    min_result_percent: int | None = None
    max_age: Age | None = None
    rpl: bool = True


@dataclass(frozen=True, slots=True)
class PathwayLeaf:
    """An award of another pathway."""

    place: Place
    pathway_id: str
    validity: Validity


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every rule holds."""

    place: Place
    of: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one rule holds."""

    place: Place
    of: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class NOf:
    """At least `min` rules hold."""

    place: Place
    min: int
    of: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Credits:
    """The usable credentials of `sources` add up to `min` hours or ECTS points; consumes nothing."""

    place: Place
    unit: Literal["hours", "ects"]
    min: float
    sources: tuple[Source, ...]
    max_per_item: float | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """Enough usable credentials of `sources` stand at a level; consumes nothing. One of count and share is set."""

    place: Place
    framework: Literal["eqf", "seqf"]
    at_least: int
    sources: tuple[Source, ...]
    min_count: int | None = None
    min_share: float | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The bound credentials have enough learning outcomes of a kind; consumes nothing."""

    place: Place
    min_count: int
    esco: tuple[str, ...] = ()
    category: str | None = None


Leaf = CredentialLeaf | PathwayLeaf
Rule = CredentialLeaf | PathwayLeaf | AllOf | AnyOf | NOf | Credits | Level | Outcomes


@dataclass(frozen=True, slots=True)
class Constraints:
    """What holds for the rule as a whole. `order`: pairs (a, b) of definitions, a awarded before b."""

    double_counting: Literal["forbid", "allow"]
    default_validity: Validity
    min_recognition: str | None = None
    min_issuers: int | None = None
    order: tuple[tuple[str, str], ...] = ()
    on_lapse: Literal["none", "suspend"] = "none"


@dataclass(frozen=True, slots=True)
class Pathway:
    """One version of a pathway, ready to be evaluated."""

    id: str
    version: int
    rule: Rule
    constraints: Constraints
    mode: Literal["automatic", "decision"]


def nodes(rule: Rule) -> Iterator[Rule]:
    """Yield the rule and all below it, depth first, in their order."""
    yield rule
    if isinstance(rule, AllOf | AnyOf | NOf):
        for child in rule.of:
            yield from nodes(child)


def leaves(rule: Rule) -> tuple[Leaf, ...]:
    """Return the leaves in their order."""
    return tuple(node for node in nodes(rule) if isinstance(node, CredentialLeaf | PathwayLeaf))
