"""The rule of a pathway: whether it is well formed, and what it refers to. Source: domain, section 4.2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.catalog.domain.faults import Fault, Place
from services.catalog.domain.pathway_document import VALIDITY

MAX_DEPTH, MAX_NODES = 8, 500
_RECOGNITION = ("R1", "R2", "R3", "R4", "R5", "R6")
_AGE = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?\Z")
_SELECTORS = ("field", "sector", "esco", "reuse", "issuer_role")


@dataclass(frozen=True, slots=True)
class Reference:
    """A definition or pathway that a rule names, and where."""

    kind: str
    id: str
    place: Place


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the rule: its operator, its members and its place."""

    operator: str
    members: Mapping[str, Any]
    place: Place
    depth: int


def read(rule: Mapping[str, Any]) -> tuple[tuple[Reference, ...], tuple[Fault, ...]]:
    """Return what the rule refers to and all its faults of form."""
    nodes: list[Node] = []
    faults = list(_walk(rule, ("rule",), 1, nodes))
    if len(nodes) > MAX_NODES:
        faults.append(Fault("rule_too_large", ("rule",), f"A rule has at most {MAX_NODES} nodes."))
    references = tuple(reference for node in nodes for reference in _references(node))
    return references, tuple(faults)


def _walk(value: Any, place: Place, depth: int, nodes: list[Node]) -> Iterator[Fault]:
    if depth > MAX_DEPTH:
        yield Fault("rule_too_deep", place, f"A rule is at most {MAX_DEPTH} levels deep.")
        return
    operators = [name for name in _CHECKS if name in value] if isinstance(value, Mapping) else []
    if len(operators) != 1:
        yield Fault("rule_node", place, f"A node is an object with exactly one of {', '.join(_CHECKS)}.")
        return
    if len(nodes) > MAX_NODES:
        return
    node = Node(operators[0], value, place, depth)
    nodes.append(node)
    yield from _CHECKS[node.operator](node)
    for child, child_place in _children(node):
        yield from _walk(child, child_place, depth + 1, nodes)


def _children(node: Node) -> Iterator[tuple[Any, Place]]:
    held = node.members[node.operator]
    place: Place = (*node.place, node.operator)
    if node.operator == "n_of":
        held, place = (held.get("of") if isinstance(held, Mapping) else None), (*place, "of")
    if node.operator in ("all_of", "any_of", "n_of") and isinstance(held, list):
        for index, child in enumerate(held):
            yield child, (*place, index)


def _references(node: Node) -> Iterator[Reference]:
    held = node.members[node.operator]
    if node.operator in ("credential", "pathway") and isinstance(held, str):
        kind = "definition" if node.operator == "credential" else "pathway"
        yield Reference(kind, held, (*node.place, node.operator))
    if node.operator in ("credits", "level") and isinstance(held, Mapping) and isinstance(held.get("from"), list):
        for index, item in enumerate(held["from"]):
            if isinstance(item, str):
                yield Reference("definition", item, (*node.place, node.operator, "from", index))


def _members(value: Mapping[str, Any], place: Place, allowed: Mapping[str, Callable[[Any], bool]]) -> Iterator[Fault]:
    for name, held in value.items():
        if name not in allowed:
            yield Fault("rule_member", (*place, name), "This member is not known here.")
        elif not allowed[name](held):
            yield Fault("rule_value", (*place, name), "This value is not allowed here.")


def _needed(value: Mapping[str, Any], place: Place, *names: str) -> Iterator[Fault]:
    for name in names:
        if name not in value:
            yield Fault("rule_member", (*place, name), "This member is missing.")


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda held: isinstance(held, int) and not isinstance(held, bool) and low <= held <= high


def _is_text(held: Any) -> bool:
    return isinstance(held, str) and 0 < len(held) <= 500


def _texts(held: Any) -> bool:
    return isinstance(held, list) and bool(held) and all(_is_text(item) for item in held)


def _one_of(*values: str) -> Callable[[Any], bool]:
    return lambda held: held in values


def _validity(held: Any) -> bool:
    return isinstance(held, str) and re.match(VALIDITY, held) is not None


def _sources(held: Any) -> bool:
    return isinstance(held, list) and bool(held) and all(_is_text(item) or _selector(item) for item in held)


def _selector(item: Any) -> bool:
    return isinstance(item, Mapping) and bool(item) and all(k in _SELECTORS and _is_text(v) for k, v in item.items())


def _age(held: Any) -> bool:
    return isinstance(held, str) and _AGE.match(held) is not None


_LEAF: Mapping[str, Callable[[Any], bool]] = {
    "credential": _is_text,
    "version": _is_text,
    "issued_by": _texts,
    "min_recognition": _one_of(*_RECOGNITION),
    "min_result_percent": _whole(0, 100),
    "max_age": _age,
    "validity": _validity,
    "rpl": lambda held: isinstance(held, bool),
}


def _leaf(node: Node) -> Iterator[Fault]:
    allowed = _LEAF if node.operator == "credential" else {"pathway": _is_text, "validity": _validity}
    yield from _members(node.members, node.place, allowed)


def _several(node: Node) -> Iterator[Fault]:
    held = node.members[node.operator]
    yield from _members(node.members, node.place, {node.operator: lambda value: isinstance(value, list)})
    if held == []:
        yield Fault("rule_bounds", (*node.place, node.operator), "At least one rule is needed here.")


def _n_of(node: Node) -> Iterator[Fault]:
    held, place = node.members["n_of"], (*node.place, "n_of")
    yield from _members(node.members, node.place, {"n_of": lambda value: isinstance(value, Mapping)})
    if not isinstance(held, Mapping):
        return
    yield from _members(held, place, {"min": _whole(0, MAX_NODES), "of": lambda value: isinstance(value, list)})
    yield from _needed(held, place, "min", "of")
    of, least = held.get("of"), held.get("min")
    if isinstance(of, list) and isinstance(least, int) and not 1 <= least <= len(of):
        yield Fault("rule_bounds", (*place, "min"), f"It is at least 1 and at most {len(of)}, the number of rules.")


def _measure(node: Node) -> Iterator[Fault]:
    held, place = node.members[node.operator], (*node.place, node.operator)
    yield from _members(node.members, node.place, {node.operator: lambda value: isinstance(value, Mapping)})
    if not isinstance(held, Mapping):
        return
    allowed, needed = _MEASURES[node.operator]
    yield from _members(held, place, allowed)
    yield from _needed(held, place, *needed)
    if node.operator == "level":
        yield from _level_bounds(held, place)


def _level_bounds(held: Mapping[str, Any], place: Place) -> Iterator[Fault]:
    sources, count = held.get("from"), held.get("min_count")
    if ("min_count" in held) == ("min_share" in held):
        yield Fault("rule_member", place, "Exactly one of min_count and min_share is needed.")
    named = isinstance(sources, list) and all(isinstance(item, str) for item in sources)
    if named and isinstance(count, int) and count > len(sources or ()):
        yield Fault("rule_bounds", (*place, "min_count"), "It is more than the definitions named in `from`.")


def _positive(held: Any) -> bool:
    return isinstance(held, int | float) and not isinstance(held, bool) and held > 0


_MEASURES: Mapping[str, tuple[Mapping[str, Callable[[Any], bool]], tuple[str, ...]]] = {
    "credits": (
        {"unit": _one_of("hours", "ects"), "min": _positive, "from": _sources, "max_per_item": _positive},
        ("unit", "min", "from"),
    ),
    "level": (
        {
            "framework": _one_of("eqf", "seqf"),
            "at_least": _whole(1, 8),
            "min_count": _whole(1, MAX_NODES),
            "min_share": lambda held: _positive(held) and held <= 1,
            "from": _sources,
        },
        ("framework", "at_least", "from"),
    ),
    "outcomes": (
        {
            "esco": _texts,
            "category": _one_of("knowledge", "skill", "responsibility_autonomy"),
            "min_count": _whole(1, MAX_NODES),
        },
        ("min_count",),
    ),
}

_CHECKS: Mapping[str, Callable[[Node], Iterator[Fault]]] = {
    "credential": _leaf,
    "pathway": _leaf,
    "all_of": _several,
    "any_of": _several,
    "n_of": _n_of,
    "credits": _measure,
    "level": _measure,
    "outcomes": _measure,
}
