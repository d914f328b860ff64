"""Ways to choose the credentials of leaves that matter for counting learning outcomes and issuers.

The leaves of one definition are chosen for together, one definition after the other. What has been chosen matters
later only by its counts and by those of its issuers that may come again, so of choices equal in that the best ranked
is kept. Should there be more than 1024 still, those that count most are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from kompetenspass.pathway.matching import group_of
from kompetenspass.pathway.measures import outcomes_of
from kompetenspass.pathway.tree import Rank
from kompetenspass.pathway.usable import Edge
from kompetenspass.pathway.view import View

MAX_CHOICES = 1024
Bound = Mapping[int, Edge]
"""The credential of each leaf."""
Counts = tuple[int, ...]
"""Of each outcome measure."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a choice gives: issuers that may come again, how many others, and the count of each outcome measure."""

    again: frozenset[str]
    others: int
    counts: Counts

    def worth(self) -> tuple[int, int]:
        """Return what makes one choice better than another."""
        return len(self.again) + self.others, sum(self.counts)


@dataclass(frozen=True, slots=True)
class Choice:
    """A credential for every leaf, and the outcome measures that they reach. `worth` of several is the greatest."""

    bound: Bound
    reached: frozenset[int]
    worth: tuple[int, int, int]


NO_CHOICE = Choice({}, frozenset(), (0, 0, 0))


def choices(view: View, leaves: Iterable[int]) -> Iterator[Choice]:
    """Yield a choice for every combination of counts that the leaves' credentials can give, the best ranked of each."""
    grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
    for leaf in leaves:
        grouped[group_of(view.survey.leaves[leaf])].append(leaf)
    later = [_issuers(view, group) for group in grouped.values()]
    nodes = view.survey.outcomes
    states: dict[Profile, Bound] = {Profile(frozenset(), 0, (0,) * len(nodes)): {}}
    for number, group in enumerate(grouped.values()):
        ahead = frozenset[str]().union(*later[number + 1 :])
        options = _options(view, group)
        joined: dict[Profile, Bound] = {}
        for before, bound in states.items():
            for (issuers, counts), chosen in options.items():
                joined.setdefault(_joined(before, issuers, counts, ahead), {**bound, **chosen})
        states = _most(joined, Profile.worth)
    for profile, bound in states.items():
        counted = zip(nodes.items(), profile.counts, strict=True)
        reached = frozenset(number for (number, node), count in counted if count >= node.min_count)
        yield Choice(bound, reached, (len(reached), *profile.worth()))


def _joined(before: Profile, issuers: frozenset[str], counts: Counts, ahead: frozenset[str]) -> Profile:
    issuers |= before.again
    summed = tuple(map(sum, zip(before.counts, counts, strict=True)))
    return Profile(issuers & ahead, before.others + len(issuers - ahead), summed)


def _options(view: View, group: list[int]) -> dict[tuple[frozenset[str], Counts], Bound]:
    """Return the ways to cover one group's leaves, one for each combination of issuers and counts."""
    gives = {edge.held.credential_id: _gives(view, edge) for leaf in group for edge in view.fits[leaf]}
    distinct = view.survey.case.constraints.double_counting == "forbid"
    worth_trying = _worth_trying(view, group, gives)

    def given(used: frozenset[UUID]) -> tuple[frozenset[str], Counts]:
        issuers, counts = zip(*(gives[one] for one in used), strict=True)
        return frozenset[str]().union(*issuers), tuple(map(max, zip(*counts, strict=True)))

    def worth(used: frozenset[UUID]) -> tuple[int, int]:
        issuers, counts = given(used)
        return len(issuers), sum(counts)

    states: dict[frozenset[UUID], Bound] = {frozenset(): {}}
    for leaf in group:
        grown: dict[frozenset[UUID], Bound] = {}
        for used, bound in states.items():
            for edge in view.fits[leaf]:
                one = edge.held.credential_id
                if one in worth_trying and not (distinct and one in used):
                    grown.setdefault(used | {one}, {**bound, leaf: edge})
        states = _most(grown, worth)
    options: dict[tuple[frozenset[str], Counts], Bound] = {}
    for used, bound in states.items():
        options.setdefault(given(used), bound)
    return options


def _worth_trying(view: View, group: list[int], gives: Mapping[UUID, object]) -> frozenset[UUID]:
    """Return the credentials worth trying: of those that fit the same leaves and give the same, one for each leaf."""
    fitting: dict[UUID, tuple[int, ...]] = defaultdict(tuple)
    ranks: dict[UUID, Rank] = {}
    for leaf in group:
        for edge in view.fits[leaf]:
            fitting[edge.held.credential_id] += (leaf,)
            ranks[edge.held.credential_id] = edge.rank
    kept: dict[object, list[UUID]] = defaultdict(list)
    for one in sorted(ranks, key=ranks.__getitem__):
        kept[fitting[one], gives[one]].append(one)
    return frozenset(one for several in kept.values() for one in several[: len(group)])


def _gives(view: View, edge: Edge) -> tuple[frozenset[str], Counts]:
    """Return the issuer, if issuers are asked for, and the count of each outcome measure."""
    asked = view.survey.case.constraints.min_issuers is not None
    issuers = frozenset((edge.held.issuer_org,)) if asked else frozenset[str]()
    return issuers, tuple(outcomes_of(node, edge.held) for node in view.survey.outcomes.values())


def _issuers(view: View, group: list[int]) -> frozenset[str]:
    return frozenset(edge.held.issuer_org for leaf in group for edge in view.fits[leaf])


def _most(states: dict[Key, Bound], worth: Callable[[Key], tuple[int, int]]) -> dict[Key, Bound]:
    """Return the states in their order; of too many those of most worth."""
    if len(states) <= MAX_CHOICES:
        return states
    return {key: states[key] for key in sorted(states, key=worth, reverse=True)[:MAX_CHOICES]}
