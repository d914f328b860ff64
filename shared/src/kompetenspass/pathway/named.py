"""What a rule names: with it a change of a credential finds the pathways that it concerns."""

from __future__ import annotations

from dataclasses import dataclass

from kompetenspass.pathway.rule import CredentialLeaf, Credits, Level, PathwayLeaf, Rule, nodes


@dataclass(frozen=True, slots=True)
class Named:
    """Definitions and pathways by id; with `selectors` any definition may concern the rule."""

    definitions: frozenset[str]
    pathways: frozenset[str]
    selectors: bool


def named(rule: Rule) -> Named:
    """Return what the rule and all below it name, as leaves and as what measuring nodes measure."""
    found = tuple(nodes(rule))
    sources = [source for node in found if isinstance(node, Credits | Level) for source in node.sources]
    definitions = {node.definition_id for node in found if isinstance(node, CredentialLeaf)}
    return Named(
        definitions=frozenset(definitions | {source for source in sources if isinstance(source, str)}),
        pathways=frozenset(node.pathway_id for node in found if isinstance(node, PathwayLeaf)),
        selectors=not all(isinstance(source, str) for source in sources),
    )
