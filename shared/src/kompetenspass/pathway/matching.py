"""Distinct credentials for leaves: which leaves can be covered together, and which credential covers which.

Leaves only compete when they name the same definition (or pathway), so every such group is matched by itself. Source:
domain, section 4.2 (maximum bipartite matching; earliest award first, then the id).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Literal
from uuid import UUID

from kompetenspass.pathway.rule import MAX_ALTERNATIVES, CredentialLeaf, Leaf
from kompetenspass.pathway.usable import Edge

Group = tuple[Literal["definition", "pathway"], str]
Fits = Mapping[int, tuple[Edge, ...]]
"""The usable credentials of each leaf, best ranked first; only leaves that have any."""
Alike = Mapping[int, object]
"""What is equal for leaves that stand under one gate and that the same credentials fit; others may be left out."""


def group_of(leaf: Leaf) -> Group:
    """Return what leaves compete by: the kind and the definition or pathway."""
    if isinstance(leaf, CredentialLeaf):
        return "definition", leaf.definition_id
    return "pathway", leaf.pathway_id


def alternatives(groups: Sequence[Sequence[int]], fits: Fits, alike: Alike) -> Iterator[frozenset[int]]:
    """Yield every largest set of leaves that distinct credentials can cover, in place order, at most MAX_ALTERNATIVES.

    All largest sets of a group are equally large, and what a smaller set covers a largest one covers too. Of sets that
    differ only in leaves that are `alike` the first is enough.
    """
    choices: list[list[tuple[int, ...]]] = []
    certain: list[int] = []
    for group in groups:
        open_leaves = [leaf for leaf in group if leaf in fits]
        size = len(cover(open_leaves, fits))
        if size == len(open_leaves):
            certain += open_leaves
        else:
            choices.append(list(islice(_grow((), open_leaves, size, fits, alike), MAX_ALTERNATIVES)))
    for several in islice(product(*choices), MAX_ALTERNATIVES):
        yield frozenset(certain).union(*several)


def cover(leaves: Sequence[int], fits: Fits) -> dict[int, Edge]:
    """Return distinct credentials for as many leaves of one group as possible, the best ranked credentials first."""
    if len(leaves) == 1:
        return {leaves[0]: fits[leaves[0]][0]}
    fitting: dict[UUID, dict[int, Edge]] = defaultdict(dict)
    for leaf in leaves:
        for edge in fits[leaf]:
            fitting[edge.held.credential_id][leaf] = edge
    ranked = sorted(fitting, key=lambda one: min(edge.rank for edge in fitting[one].values()))
    taken: dict[int, UUID] = {}
    for credential_id in ranked:
        if len(taken) == len(leaves):
            break
        _augment(credential_id, fitting, taken, set())
    return {leaf: fitting[taken[leaf]][leaf] for leaf in leaves if leaf in taken}


def _augment(one: UUID, fitting: Mapping[UUID, Mapping[int, Edge]], taken: dict[int, UUID], seen: set[int]) -> bool:
    for leaf in fitting[one]:
        if leaf in seen:
            continue
        seen.add(leaf)
        if leaf not in taken or _augment(taken[leaf], fitting, taken, seen):
            taken[leaf] = one
            return True
    return False


def _grow(
    chosen: tuple[int, ...], rest: Sequence[int], size: int, fits: Fits, alike: Alike
) -> Iterator[tuple[int, ...]]:
    """Yield the coverable sets of `size` leaves that begin with `chosen`; of leaves that are alike the first ones."""
    if len(chosen) == size:
        yield chosen
        return
    left_out: set[object] = set()
    for index, leaf in enumerate(rest):
        if len(chosen) + len(rest) - index < size:
            return
        if alike.get(leaf, leaf) in left_out:
            continue
        left_out.add(alike.get(leaf, leaf))
        grown = (*chosen, leaf)
        if len(cover(grown, fits)) == len(grown):
            yield from _grow(grown, rest[index + 1 :], size, fits, alike)
