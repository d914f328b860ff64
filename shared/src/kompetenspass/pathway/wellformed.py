"""Whether a pathway's document is well formed, as far as the document alone can say, and what its rule refers to.

Whether a reference is published and whether pathways lead back to themselves is for the catalog, which knows the
others. Source: domain, section 4.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import comb
from typing import Any, Literal

from kompetenspass.pathway.proof import written
from kompetenspass.pathway.rule import MAX_ALTERNATIVES, Place
from kompetenspass.pathway.shapes import AWARD, CONSTRAINTS, DOCUMENT, INNER, MAX_NODES, NODES, Shape, is_text, is_whole

MAX_DEPTH = 8


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One reason why a document is refused: its code, its place, and a sentence that says what is wrong."""

    code: str
    place: Place
    text: str

    def as_reason(self) -> dict[str, str]:
        """Return it as a refusal's `reasons` have it."""
        return {"code": self.code, "path": written(self.place), "text": self.text}


@dataclass(frozen=True, slots=True)
class Reference:
    """A definition or pathway that a rule names, and where."""

    kind: Literal["definition", "pathway"]
    id: str
    place: Place


@dataclass(frozen=True, slots=True)
class _Node:
    """One node of the rule: its operator, its members and its place."""

    operator: str
    members: Mapping[str, Any]
    place: Place

    @property
    def held(self) -> Any:
        return self.members[self.operator]

    @property
    def inside(self) -> Place:
        return (*self.place, self.operator)


@dataclass(slots=True)
class _Reading:
    nodes: list[_Node] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    visited: int = 0


def faults(content: object) -> tuple[Fault, ...]:
    """Return everything that is wrong with the rule, the constraints and the award of a pathway's document."""
    if not isinstance(content, Mapping):
        return (Fault("rule_value", (), "A pathway is an object."),)
    found = [*_needed(content, (), DOCUMENT), *_values(content, (), DOCUMENT)]
    nodes: list[_Node] = []
    if isinstance(content.get("rule"), Mapping):
        reading = _read(content["rule"])
        nodes = reading.nodes
        found += [*reading.faults, *_outcomes(nodes)]
    if isinstance(held := content.get("award"), Mapping):
        found += _award(held)
    if isinstance(held := content.get("constraints"), Mapping):
        found += _constraints(held, nodes)
    return tuple(found)


def references(content: object) -> tuple[Reference, ...]:
    """Return what the rule of a document refers to, in its order; of a document that is not well formed what it can."""
    rule = content.get("rule") if isinstance(content, Mapping) else None
    nodes = _read(rule).nodes if isinstance(rule, Mapping) else []
    return tuple(reference for node in nodes for reference in _references(node))


def _read(rule: object) -> _Reading:
    reading = _Reading()
    _walk(rule, ("rule",), 1, reading)
    return reading


def _walk(value: object, place: Place, depth: int, reading: _Reading) -> None:
    reading.visited += 1
    if reading.visited == MAX_NODES + 1:
        reading.faults.append(Fault("rule_too_large", place, f"A rule has at most {MAX_NODES} nodes."))
    if reading.visited > MAX_NODES:
        return
    if depth > MAX_DEPTH:
        reading.faults.append(Fault("rule_too_deep", place, f"A rule is at most {MAX_DEPTH} levels deep."))
        return
    operators = [name for name in NODES if name in value] if isinstance(value, Mapping) else []
    if not isinstance(value, Mapping) or len(operators) != 1:
        text = f"A node is an object with exactly one of {', '.join(NODES)}."
        reading.faults.append(Fault("rule_node", place, text))
        return
    node = _Node(operators[0], value, place)
    reading.nodes.append(node)
    reading.faults += _node_faults(node)
    for child, child_place in _children(node):
        _walk(child, child_place, depth + 1, reading)


def _children(node: _Node) -> Iterator[tuple[object, Place]]:
    held, place = node.held, node.inside
    if node.operator == "n_of":
        held, place = (held.get("of") if isinstance(held, Mapping) else None), (*place, "of")
    if node.operator in ("all_of", "any_of", "n_of") and isinstance(held, list):
        for index, child in enumerate(held):
            yield child, (*place, index)


def _references(node: _Node) -> Iterator[Reference]:
    if node.operator in ("credential", "pathway") and is_text(node.held):
        yield Reference("definition" if node.operator == "credential" else "pathway", node.held, node.inside)
    if node.operator in ("credits", "level") and isinstance(node.held, Mapping):
        sources = node.held.get("from")
        for index, item in enumerate(sources if isinstance(sources, list) else ()):
            if is_text(item) and isinstance(item, str):
                yield Reference("definition", item, (*node.inside, "from", index))


def _shaped(value: Mapping[str, Any], place: Place, shape: Shape) -> Iterator[Fault]:
    for name in value:
        if name not in shape.members:
            yield Fault("rule_member", (*place, name), "This member is not known here.")
    yield from _needed(value, place, shape.needed)
    yield from _values(value, place, shape.members)


def _needed(value: Mapping[str, Any], place: Place, names: Iterable[str]) -> Iterator[Fault]:
    for name in names:
        if name not in value:
            yield Fault("rule_member", (*place, name), "This member is missing.")


def _values(value: Mapping[str, Any], place: Place, checks: Mapping[str, Callable[[object], bool]]) -> Iterator[Fault]:
    for name, allowed in checks.items():
        if name in value and not allowed(value[name]):
            yield Fault("rule_value", (*place, name), "This value is not allowed here.")


def _node_faults(node: _Node) -> Iterator[Fault]:
    yield from _shaped(node.members, node.place, NODES[node.operator])
    if node.operator in ("all_of", "any_of") and node.held == []:
        yield Fault("rule_bounds", node.inside, "At least one rule is needed here.")
    if node.operator in INNER and isinstance(node.held, Mapping):
        yield from _shaped(node.held, node.inside, INNER[node.operator])
        if node.operator == "n_of":
            yield from _n_of_bounds(node)
        if node.operator == "level":
            yield from _level_bounds(node)


def _n_of_bounds(node: _Node) -> Iterator[Fault]:
    of, least = node.held.get("of"), node.held.get("min")
    if isinstance(of, list) and is_whole(least, 0, MAX_NODES) and not 1 <= least <= len(of):
        text = f"It is at least 1 and at most {len(of)}, the number of rules."
        yield Fault("rule_bounds", (*node.inside, "min"), text)


def _level_bounds(node: _Node) -> Iterator[Fault]:
    held, sources = node.held, node.held.get("from")
    if ("min_count" in held) == ("min_share" in held):
        yield Fault("rule_member", node.inside, "Exactly one of min_count and min_share is needed.")
    if not isinstance(sources, list):
        return
    named = {item for item in sources if isinstance(item, str)}
    only_named = all(isinstance(item, str) for item in sources)
    if only_named and is_whole(held.get("min_count"), len(named) + 1, MAX_NODES):
        text = "It is more than the definitions named in `from`."
        yield Fault("rule_bounds", (*node.inside, "min_count"), text)
    if not only_named and "min_share" in held:
        text = "A share is one of named definitions; with a selector use min_count."
        yield Fault("rule_bounds", (*node.inside, "min_share"), text)


def _outcomes(nodes: list[_Node]) -> Iterator[Fault]:
    if any(node.operator == "credential" for node in nodes):
        return
    for node in nodes:
        if node.operator == "outcomes":
            text = "Outcomes are those of credentials that the rule binds: it has to name one."
            yield Fault("rule_bounds", node.inside, text)


def _award(held: Mapping[str, Any]) -> Iterator[Fault]:
    found = list(_shaped(held, ("award",), AWARD))
    yield from found
    if not found and (held["mode"] == "automatic") != (held["on_satisfied"] == "award"):
        yield Fault("award_mode", ("award",), "`automatic` goes with `award`, `decision` with `propose_award`.")


def _constraints(held: Mapping[str, Any], nodes: list[_Node]) -> Iterator[Fault]:
    found = list(_shaped(held, ("constraints",), CONSTRAINTS))
    yield from found
    if found:
        return
    leaves = [
        reference for node in nodes if node.operator in ("credential", "pathway") for reference in _references(node)
    ]
    if (held.get("min_issuers") or 0) > len(leaves):
        text = f"It is at most {len(leaves)}, the number of credentials that the rule binds."
        yield Fault("rule_bounds", ("constraints", "min_issuers"), text)
    yield from _order(held.get("order") or (), {leaf.id for leaf in leaves if leaf.kind == "definition"})
    if held["double_counting"] == "forbid":
        yield from _entangled(leaves)


def _order(pairs: Iterable[tuple[str, str]], known: set[str]) -> Iterator[Fault]:
    after: dict[str, set[str]] = {}
    for index, (first, second) in enumerate(pairs):
        place: Place = ("constraints", "order", index)
        for side, name in enumerate((first, second)):
            if name not in known:
                yield Fault("order_unknown", (*place, side), f"No credential of the rule is {name}.")
        if _leads(second, first, after):
            yield Fault("order_circular", place, f"{first} would have to come before itself.")
        else:
            after.setdefault(first, set()).add(second)


def _leads(start: str, to: str, after: Mapping[str, set[str]]) -> bool:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name == to:
            return True
        if name not in seen:
            seen.add(name)
            ahead.extend(after.get(name, ()))
    return False


def _entangled(leaves: Iterable[Reference]) -> Iterator[Fault]:
    """Of k leaves that compete, a best choice covers r; there are at most k over k/2 such choices for each name."""
    alternatives = 1
    count: Counter[tuple[str, str]] = Counter()
    for leaf in leaves:
        name = (leaf.kind, leaf.id)
        before = comb(count[name], count[name] // 2)
        count[name] += 1
        alternatives = alternatives // before * comb(count[name], count[name] // 2)
        if alternatives > MAX_ALTERNATIVES:
            text = f"Too many leaves compete for the same credentials: {leaf.id} is the one too many."
            yield Fault("rule_entangled", leaf.place, text)
            return
