"""A pathway's document as the frozen pathway that is evaluated. Source: domain, section 4.2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kompetenspass.core.errors import Problem
from kompetenspass.pathway.notation import age_of, validity_of
from kompetenspass.pathway.rule import (
    AllOf,
    AnyOf,
    Constraints,
    CredentialLeaf,
    Credits,
    Level,
    NOf,
    Outcomes,
    Pathway,
    PathwayLeaf,
    Place,
    Rule,
    Selector,
    Source,
    Validity,
)
from kompetenspass.pathway.wellformed import Fault, faults


class PathwayMalformed(Problem):
    """A document that is not well formed: `faults` says every reason, `members["reasons"]` tells the caller."""

    def __init__(self, found: Sequence[Fault]) -> None:
        super().__init__(
            "pathway_malformed",
            f"The pathway breaks {len(found)} rule(s).",
            remedy="Correct each place named in `reasons`.",
            members={"reasons": [fault.as_reason() for fault in found]},
        )
        self.faults = tuple(found)


def parse(content: object) -> Pathway:
    """Return the pathway that a document holds; a leaf without a validity has the pathway's default.

    Raises PathwayMalformed (code `pathway_malformed`) with every fault, and nothing else, whatever it is given.
    """
    found = faults(content)
    if found or not isinstance(content, Mapping):
        raise PathwayMalformed(found)
    constraints = _constraints(content["constraints"])
    return Pathway(
        id=content["id"],
        version=content["version"],
        rule=_rule(content["rule"], ("rule",), constraints.default_validity),
        constraints=constraints,
        mode=content["award"]["mode"],
    )


def _constraints(held: Mapping[str, Any]) -> Constraints:
    return Constraints(
        double_counting=held["double_counting"],
        default_validity=_validity(held["default_validity"]),
        min_recognition=held.get("min_recognition"),
        min_issuers=held.get("min_issuers"),
        order=tuple((first, second) for first, second in held.get("order") or ()),
        on_lapse=held.get("on_lapse") or "none",
    )


def _rule(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    operator = next(name for name in _BUILDERS if name in node)
    return _BUILDERS[operator](node, place, default)


def _rules(held: Sequence[Mapping[str, Any]], place: Place, default: Validity) -> tuple[Rule, ...]:
    return tuple(_rule(child, (*place, index), default) for index, child in enumerate(held))


def _credential(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    return CredentialLeaf(
        place=place,
        definition_id=node["credential"],
        validity=_validity(node["validity"]) if "validity" in node else default,
        version=node.get("version"),
        issued_by=tuple(node.get("issued_by", ())),
        min_recognition=node.get("min_recognition"),
        min_result_percent=node.get("min_result_percent"),
        max_age=age_of(node["max_age"]) if "max_age" in node else None,
        rpl=node.get("rpl", True),
    )


def _pathway(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    return PathwayLeaf(place, node["pathway"], _validity(node["validity"]) if "validity" in node else default)


def _all_of(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    return AllOf(place, _rules(node["all_of"], (*place, "all_of"), default))


def _any_of(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    return AnyOf(place, _rules(node["any_of"], (*place, "any_of"), default))


def _n_of(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    held = node["n_of"]
    return NOf(place, held["min"], _rules(held["of"], (*place, "n_of", "of"), default))


def _credits(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    held = node["credits"]
    return Credits(place, held["unit"], held["min"], _sources(held["from"]), held.get("max_per_item"))


def _level(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    held = node["level"]
    return Level(
        place=place,
        framework=held["framework"],
        at_least=held["at_least"],
        sources=_sources(held["from"]),
        min_count=held.get("min_count"),
        min_share=held.get("min_share"),
    )


def _outcomes(node: Mapping[str, Any], place: Place, default: Validity) -> Rule:
    held = node["outcomes"]
    return Outcomes(place, held["min_count"], tuple(held.get("esco", ())), held.get("category"))


def _sources(held: Sequence[str | Mapping[str, str]]) -> tuple[Source, ...]:
    return tuple(item if isinstance(item, str) else Selector(**item) for item in held)


def _validity(text: str) -> Validity:
    found = validity_of(text)
    assert found is not None, "a document without faults has validities only"
    return found


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], Place, Validity], Rule]] = {
    "credential": _credential,
    "pathway": _pathway,
    "all_of": _all_of,
    "any_of": _any_of,
    "n_of": _n_of,
    "credits": _credits,
    "level": _level,
    "outcomes": _outcomes,
}
