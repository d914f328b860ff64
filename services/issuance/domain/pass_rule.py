"""The pass rule of a definition: what the results of an assessment must reach, and where they fall short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kompetenspass.core.errors import Problem


@dataclass(frozen=True, slots=True)
class MinPercent:
    """Pass: at least `value` per cent in every instrument."""

    value: int


@dataclass(frozen=True, slots=True)
class AllCriteriaMet:
    """Pass: every criterion (the learning outcomes' ids) is met, with at most so many critical errors."""

    criteria: tuple[str, ...]
    critical_errors_allowed: int = 0


PassRule = MinPercent | AllCriteriaMet


@dataclass(frozen=True, slots=True)
class Result:
    """What one instrument (an assessment type's URI) showed."""

    instrument: str
    score_percent: float | None = None
    criteria_met: tuple[str, ...] = ()
    critical_errors: int = 0


@dataclass(frozen=True, slots=True)
class Miss:
    """One instrument that fell short. `value` is personal: it is for the awarding body, never for an event."""

    instrument: str
    rule: str
    value: float | list[str]
    threshold: float | list[str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The rule's answer: passed when nothing was missed; `percent` is the lowest instrument's, if there is one."""

    rule: str
    misses: tuple[Miss, ...]
    percent: float | None

    @property
    def passed(self) -> bool:
        """Whether the rule holds."""
        return not self.misses


def rule_of(content: Mapping[str, Any]) -> PassRule:
    """Return the pass rule of a published definition. Source: domain.md 3.2 (e)."""
    stated = content["assessment"]["pass_rule"]
    if stated["kind"] == "min_percent":
        return MinPercent(stated["value"])
    criteria = tuple(outcome["id"] for outcome in content["learning_outcomes"])
    return AllCriteriaMet(criteria, stated.get("critical_errors_allowed") or 0)


def instruments_of(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URIs of the instruments that the definition requires, in its order."""
    return tuple(kind["uri"] for kind in content["assessment"]["types"])


def judge(content: Mapping[str, Any], results: Sequence[Result]) -> Judgement:
    """Return what the definition's rule says of the results, one of which there must be per instrument.

    Raises `results_incomplete` or `result_unusable`. Source: domain.md 3.3.
    """
    rule = rule_of(content)
    _require_complete(instruments_of(content), results)
    if isinstance(rule, MinPercent):
        return _judge_percent(rule, results)
    return _judge_criteria(rule, results)


def describe(rule: PassRule) -> str:
    """Return the rule in a few words for events and answers: `min_percent:80` or `all_criteria_met:0`."""
    if isinstance(rule, MinPercent):
        return f"min_percent:{rule.value}"
    return f"all_criteria_met:{rule.critical_errors_allowed}"


def _require_complete(instruments: Sequence[str], results: Sequence[Result]) -> None:
    given = [result.instrument for result in results]
    if sorted(given) != sorted(instruments):
        raise Problem(
            "results_incomplete",
            "There must be exactly one result for each instrument of the definition.",
            remedy="Send one result per assessment type.",
            members={"instruments": list(instruments)},
        )


def _judge_percent(rule: MinPercent, results: Sequence[Result]) -> Judgement:
    scores = {result.instrument: _percent(result) for result in results}
    misses = tuple(
        Miss(instrument, describe(rule), score, rule.value)
        for instrument, score in scores.items()
        if score < rule.value
    )
    return Judgement(describe(rule), misses, min(scores.values()))


def _percent(result: Result) -> float:
    if result.score_percent is None or not 0 <= result.score_percent <= 100:
        raise Problem(
            "result_unusable",
            "The rule of this definition needs a score_percent from 0 to 100 for every instrument.",
            remedy="Send score_percent for every instrument.",
            members={"instrument": result.instrument},
        )
    return result.score_percent


def _judge_criteria(rule: AllCriteriaMet, results: Sequence[Result]) -> Judgement:
    misses: list[Miss] = []
    met = {criterion for result in results for criterion in result.criteria_met}
    missing = [criterion for criterion in rule.criteria if criterion not in met]
    if missing:
        misses.append(Miss(results[0].instrument, describe(rule), sorted(met), list(rule.criteria)))
    misses += [
        Miss(result.instrument, describe(rule), float(result.critical_errors), rule.critical_errors_allowed)
        for result in results
        if result.critical_errors > rule.critical_errors_allowed
    ]
    scores = [result.score_percent for result in results if result.score_percent is not None]
    return Judgement(describe(rule), tuple(misses), min(scores) if scores else None)
