"""What the parts of a pathway's document may hold: for each its members, which are needed, and their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kompetenspass.pathway.notation import LAST_VERSION, age_of, validity_of, versions_of

MAX_NODES = 500
Check = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object: its known members, each with the check of its value, and those that must be there."""

    members: Mapping[str, Check]
    needed: tuple[str, ...] = ()


def is_whole(held: object, low: int, high: int) -> bool:
    """Return whether it is a whole number within bounds."""
    return isinstance(held, int) and not isinstance(held, bool) and low <= held <= high


def is_text(held: object) -> bool:
    """Return whether it is a text of 1 to 500 characters."""
    return isinstance(held, str) and 0 < len(held) <= 500


def _whole(low: int, high: int) -> Check:
    return lambda held: is_whole(held, low, high)


def _one_of(*values: str) -> Check:
    return lambda held: isinstance(held, str) and held in values


def _or_nothing(check: Check) -> Check:
    return lambda held: held is None or check(held)


def _list_of(check: Check, most: int) -> Check:
    return lambda held: isinstance(held, list) and 0 < len(held) <= most and all(check(item) for item in held)


def _positive(held: object) -> bool:
    return isinstance(held, int | float) and not isinstance(held, bool) and 0 < held <= 1_000_000


def _share(held: object) -> bool:
    return isinstance(held, int | float) and not isinstance(held, bool) and 0 < held <= 1


def _flag(held: object) -> bool:
    return isinstance(held, bool)


def _object(held: object) -> bool:
    return isinstance(held, Mapping)


def _rules(held: object) -> bool:
    return isinstance(held, list)


def _validity(held: object) -> bool:
    return isinstance(held, str) and validity_of(held) is not None


def _age(held: object) -> bool:
    return isinstance(held, str) and age_of(held) is not None


def _versions(held: object) -> bool:
    return isinstance(held, str) and versions_of(held) is not None


def _selector(held: object) -> bool:
    known = ("field", "sector", "esco", "reuse", "issuer_role")
    return isinstance(held, Mapping) and bool(held) and all(k in known and is_text(v) for k, v in held.items())


def _source(held: object) -> bool:
    return is_text(held) or _selector(held)


def _pair(held: object) -> bool:
    return isinstance(held, list) and len(held) == 2 and all(is_text(item) for item in held)


_recognition = _one_of("R1", "R2", "R3", "R4", "R5", "R6")
_sources = _list_of(_source, MAX_NODES)

NODES: Mapping[str, Shape] = {
    "credential": Shape(
        {
            "credential": is_text,
            "version": _versions,
            "issued_by": _list_of(is_text, 100),
            "min_recognition": _recognition,
            "min_result_percent": _whole(0, 100),
            "max_age": _age,
            "validity": _validity,
            "rpl": _flag,
        }
    ),
    "pathway": Shape({"pathway": is_text, "validity": _validity}),
    "all_of": Shape({"all_of": _rules}),
    "any_of": Shape({"any_of": _rules}),
    "n_of": Shape({"n_of": _object}),
    "credits": Shape({"credits": _object}),
    "level": Shape({"level": _object}),
    "outcomes": Shape({"outcomes": _object}),
}
"""The nodes of a rule by their operator."""

INNER: Mapping[str, Shape] = {
    "n_of": Shape({"min": _whole(0, MAX_NODES), "of": _rules}, ("min", "of")),
    "credits": Shape(
        {"unit": _one_of("hours", "ects"), "min": _positive, "from": _sources, "max_per_item": _positive},
        ("unit", "min", "from"),
    ),
    "level": Shape(
        {
            "framework": _one_of("eqf", "seqf"),
            "at_least": _whole(1, 8),
            "min_count": _whole(1, MAX_NODES),
            "min_share": _share,
            "from": _sources,
        },
        ("framework", "at_least", "from"),
    ),
    "outcomes": Shape(
        {
            "esco": _list_of(is_text, 100),
            "category": _one_of("knowledge", "skill", "responsibility_autonomy"),
            "min_count": _whole(1, MAX_NODES),
        },
        ("min_count",),
    ),
}
"""What stands under the operator, where that is an object."""

DOCUMENT: Mapping[str, Check] = {
    "id": is_text,
    "version": _whole(1, LAST_VERSION),
    "rule": _object,
    "constraints": _object,
    "award": _object,
}
"""What evaluation needs of the document; its other members are the catalog's business."""

CONSTRAINTS = Shape(
    {
        "double_counting": _one_of("forbid", "allow"),
        "default_validity": _validity,
        "min_recognition": _or_nothing(_recognition),
        "min_issuers": _or_nothing(_whole(1, 50)),
        "order": _or_nothing(lambda held: held == [] or _list_of(_pair, 100)(held)),
        "on_lapse": _or_nothing(_one_of("none", "suspend")),
    },
    ("double_counting", "default_validity"),
)

AWARD = Shape(
    {"mode": _one_of("automatic", "decision"), "on_satisfied": _one_of("award", "propose_award")},
    ("mode", "on_satisfied"),
)
