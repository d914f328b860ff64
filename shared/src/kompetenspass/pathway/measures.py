"""What measures count: credits and levels of usable credentials, outcomes and issuers of bound ones.

Credentials of one definition count once: the one that gives most, then a constituent, then the higher result. Counting
the most is what keeps a rule from failing because a credential was added. Source: domain, section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, fsum
from uuid import UUID

from kompetenspass.pathway.held import Held, HeldAward
from kompetenspass.pathway.rule import Credits, Level, Outcomes, Selector
from kompetenspass.pathway.usable import Edge

_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Item:
    """One definition under a measure: the credential that counts for it, and how much it gives."""

    edge: Edge
    gives: float


@dataclass(frozen=True, slots=True)
class Worth:
    """What a credential of a definition would give, as the catalogue knows it."""

    hours: float = 0
    ects: float = 0
    eqf: int | None = None
    seqf: int | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """What a credits or level node finds: an item for each definition, and what is needed.

    `more`: what other definitions named in `from` would give, those that give most first.
    """

    items: tuple[Item, ...]
    need: float
    more: Mapping[str, float]

    @property
    def have(self) -> float:
        """All items together."""
        return fsum(item.gives for item in self.items)

    def reached(self, fresh: frozenset[str] = frozenset()) -> bool:
        """Return whether the items are enough, together with new credentials of the `fresh` definitions."""
        return self.have + fsum(self.more.get(one, 0) for one in fresh) >= self.need - _SLACK

    def lacking(self, fresh: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Return the fewest further definitions that would be enough; empty when those that are known cannot be."""
        found: tuple[str, ...] = ()
        for one in self.more:
            if one not in fresh:
                found = (*found, one)
                if self.reached(fresh.union(found)):
                    return found
        return ()

    def taken(self, first: frozenset[UUID]) -> tuple[Edge, ...]:
        """Return as many credentials as are needed, those in `first` before others, then the best ranked."""
        ranked = sorted(self.items, key=lambda item: (item.edge.held.credential_id not in first, item.edge.rank))
        found: list[Item] = []
        for item in ranked:
            if fsum(one.gives for one in found) >= self.need - _SLACK:
                break
            found.append(item)
        return tuple(item.edge for item in found)


def measure(node: Credits | Level, usable: Iterable[Edge], worth: Mapping[str, Worth]) -> Measure:
    """Return what the node finds among usable credentials (certain ones, or also those that are unknown).

    A share is a share of what `from` lists, so that a credential below the level takes nothing away. A definition that
    `worth` does not know gives no credits, and is taken to stand at the level.
    """
    best: dict[str, tuple[tuple[object, ...], Item]] = {}
    named = frozenset(source for source in node.sources if isinstance(source, str))
    selectors = tuple(source for source in node.sources if isinstance(source, Selector))
    for edge in usable:
        held = edge.held
        if not isinstance(held, Held) or not (
            held.definition_id in named or any(_fits(one, held) for one in selectors)
        ):
            continue
        gives = _gives(node, held)
        order = (-gives, edge.rank[0], edge.rank[1], -(held.result_percent or 0), edge.rank)
        if gives > 0 and (held.definition_id not in best or order < best[held.definition_id][0]):
            best[held.definition_id] = (order, Item(edge, gives))
    more = {one: _would_give(node, worth.get(one)) for one in node.sources if isinstance(one, str) and one not in best}
    ranked = sorted((one for one in more if more[one] > 0), key=lambda one: -more[one])
    return Measure(tuple(item for _, item in best.values()), _need(node), {one: more[one] for one in ranked})


def outcomes_of(node: Outcomes, held: Held | HeldAward) -> int:
    """Return how many learning outcomes of the kind a credential has; one without skills has its definition's."""
    if isinstance(held, HeldAward):
        return 0
    wanted = frozenset(node.esco)
    return sum(
        (node.category is None or outcome.category == node.category)
        and (not wanted or not wanted.isdisjoint(outcome.esco or held.esco))
        for outcome in held.outcomes
    )


def count_outcomes(node: Outcomes, bound: Iterable[Edge]) -> int:
    """Return how many outcomes the bound credentials have; a definition counts once, with the most it gives."""
    best: dict[str, int] = {}
    for edge in bound:
        if isinstance(edge.held, Held):
            definition_id = edge.held.definition_id
            best[definition_id] = max(best.get(definition_id, 0), outcomes_of(node, edge.held))
    return sum(best.values())


def count_issuers(bound: Iterable[Edge]) -> int:
    """Return how many organisations issued the bound credentials."""
    return len({edge.held.issuer_org for edge in bound})


def _would_give(node: Credits | Level, worth: Worth | None) -> float:
    if worth is None:
        return 1 if isinstance(node, Level) else 0
    return _gives(node, worth)


def _gives(node: Credits | Level, held: Held | Worth) -> float:
    if isinstance(node, Level):
        level = held.eqf if node.framework == "eqf" else held.seqf
        return 1 if level is not None and level >= node.at_least else 0
    credit = held.hours if node.unit == "hours" else held.ects
    return credit if node.max_per_item is None else min(credit, node.max_per_item)


def _need(node: Credits | Level) -> float:
    if isinstance(node, Credits):
        return node.min
    if node.min_count is not None:
        return node.min_count
    return ceil((node.min_share or 0) * len(frozenset(node.sources)) - _SLACK)


def _fits(selector: Selector, held: Held) -> bool:
    return (
        (selector.field is None or selector.field in held.fields)
        and (selector.sector is None or selector.sector == held.sector)
        and (selector.esco is None or selector.esco in held.esco)
        and (selector.reuse is None or selector.reuse == held.reuse)
        and (selector.issuer_role is None or selector.issuer_role in held.issuer_roles)
    )
