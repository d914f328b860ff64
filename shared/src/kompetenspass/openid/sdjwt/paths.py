"""Claims paths, and the tree that says which claims of a type are selectively disclosable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int | None, ...]
"""A claims path pointer: a string is a key, None every element, an integer one element, all as the issuer wrote them.
Source: OpenID4VP 1.0, section 7; SD-JWT VC, section 5.6.1."""

NEVER_DISCLOSABLE = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"})
"""What SD-JWT VC forbids in disclosures, sub-claims included. Source: SD-JWT VC, section 2.2.2.3."""

RESERVED = frozenset({"_sd", "...", "_sd_alg"})


@dataclass(slots=True)
class Node:
    """A place in the claims: whether what stands there gets a disclosure, and the places below it.

    Of these `hidden` names those that get a disclosure, and `deeper` has those with places below them, or both.
    """

    disclosable: bool = False
    children: dict[str | int | None, Node] = field(default_factory=dict)
    hidden: tuple[str | int | None, ...] = ()
    deeper: dict[str | int | None, Node] = field(default_factory=dict)

    def settle(self) -> None:
        """Fill `hidden` and `deeper`, here and below: once for a tree that then serves every credential of a type."""
        for child in self.children.values():
            child.settle()
        self.hidden = tuple(step for step, child in self.children.items() if child.disclosable)
        self.deeper = {step: child for step, child in self.children.items() if child.children}

    def below(self, step: str | int) -> Node | None:
        """Return the node for a key or an index; an index without a node of its own falls to the one for all."""
        node = self.children.get(step)
        return self.children.get(None) if node is None and isinstance(step, int) else node


@lru_cache(maxsize=64)
def disclosure_tree(paths: frozenset[str | Path]) -> Node:
    """Return the tree of the disclosable `paths`; a plain string is the path of one top-level claim."""
    root = Node()
    for path in sorted(paths, key=repr):  # so that the disclosures have the same order in every process
        node = root
        for step in (path,) if isinstance(path, str) else path:
            node = node.children.setdefault(step, Node())
        node.disclosable = True
    root.settle()
    return root


def as_path(path: str | Iterable[str | int | None]) -> Path:
    """Return `path` as a tuple; a plain string is the path of one top-level claim."""
    return (path,) if isinstance(path, str) else tuple(path)


def select_places(value: Any, path: Path) -> dict[Path, Any]:
    """Return what `path` selects in claims as issued: each value under its own path, with indices for None.

    A component of the wrong type for its place selects nothing there. Source: OpenID4VP 1.0, section 7.1.
    """
    found: dict[Path, Any] = {(): value}
    for step in path:
        found = {place: item for start, parent in found.items() for place, item in _step(start, parent, step)}
    return found


def _step(start: Path, parent: Any, step: str | int | None) -> list[tuple[Path, Any]]:
    if isinstance(step, str):
        return [((*start, step), parent[step])] if isinstance(parent, dict) and step in parent else []
    if not isinstance(parent, list):
        return []
    if step is None:
        return [((*start, index), item) for index, item in enumerate(parent)]
    return [((*start, step), parent[step])] if 0 <= step < len(parent) else []
