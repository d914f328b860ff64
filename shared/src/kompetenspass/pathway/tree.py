"""A rule as gates over atoms: every inner node holds when enough of its children do. Numbered in place order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kompetenspass.pathway.rule import AllOf, AnyOf, Credits, Leaf, Level, NOf, Outcomes, Rule

Rank = tuple[bool, bool, datetime, UUID]
"""What is taken first: certain, already a constituent, awarded early, then the id."""


@dataclass(frozen=True, slots=True)
class Gate:
    """`all_of`, `any_of` or `n_of`: holds when `need` children hold."""

    rule: AllOf | AnyOf | NOf
    number: int
    need: int
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Atom:
    """A leaf or a measure."""

    rule: Leaf | Credits | Level | Outcomes
    number: int


Node = Gate | Atom


@dataclass(frozen=True, slots=True)
class Plan:
    """The cheapest way to make a node hold: atoms to count, how many of them lack, how many are not certain.

    `latest` is the highest rank among the credentials that it binds, empty when it binds none.
    """

    missing: int
    unknown: int
    latest: Rank | tuple[()]
    atoms: tuple[int, ...]


def tree_of(rule: Rule) -> Node:
    """Return the rule as gates and atoms, numbered depth first from 0."""
    return _node(rule, iter(range(10**9)))


def atoms(node: Node) -> Iterator[Atom]:
    """Yield the atoms at and below a node in place order."""
    if isinstance(node, Atom):
        yield node
        return
    for child in node.children:
        yield from atoms(child)


def weigh(node: Node, atom_plan: Callable[[Atom], Plan], plans: dict[int, Plan]) -> Plan:
    """Return the node's plan and leave every node's plan in `plans`.

    A gate takes the children with the least missing, then the fewest unknown; among children that hold, those whose
    credentials were awarded first; then place order. The sum is the least possible, since costs add up.
    """
    if isinstance(node, Atom):
        plan = atom_plan(node)
    else:
        weighed = [weigh(child, atom_plan, plans) for child in node.children]
        chosen = weighed if node.need == len(weighed) else sorted(weighed, key=_order)[: node.need]
        plan = chosen[0] if len(chosen) == 1 else _together(chosen)
    plans[node.number] = plan
    return plan


def supported(node: Node, plans: dict[int, Plan]) -> Iterator[int]:
    """Yield the numbers of the atoms that hold and have only nodes that hold above them."""
    if plans[node.number].missing:
        return
    if isinstance(node, Atom):
        yield node.number
        return
    for child in node.children:
        yield from supported(child, plans)


def _order(plan: Plan) -> tuple[int, int, Rank | tuple[()]]:
    return plan.missing, plan.unknown, () if plan.missing else plan.latest


def _together(chosen: list[Plan]) -> Plan:
    return Plan(
        sum(plan.missing for plan in chosen),
        sum(plan.unknown for plan in chosen),
        max(plan.latest for plan in chosen),
        tuple(number for plan in chosen for number in plan.atoms),
    )


def _node(rule: Rule, numbers: Iterator[int]) -> Node:
    number = next(numbers)
    if not isinstance(rule, AllOf | AnyOf | NOf):
        return Atom(rule, number)
    children = tuple(_node(child, numbers) for child in rule.of)
    need = rule.min if isinstance(rule, NOf) else 1 if isinstance(rule, AnyOf) else len(children)
    return Gate(rule, number, need, children)
