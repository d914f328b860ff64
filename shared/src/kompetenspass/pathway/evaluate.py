"""Evaluate a pathway's rule against what a holder has. Total, deterministic. Source: domain, sections 4.2 and 4.3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from kompetenspass.pathway.held import Bound, Held, HeldAward
from kompetenspass.pathway.matching import group_of
from kompetenspass.pathway.measures import Worth
from kompetenspass.pathway.missing import Nearest, nearest
from kompetenspass.pathway.proof import Evaluation, Outcome, Use
from kompetenspass.pathway.prove import Prover, Sight, sight_of
from kompetenspass.pathway.rule import Pathway
from kompetenspass.pathway.solve import Solution, solve
from kompetenspass.pathway.tree import tree_of
from kompetenspass.pathway.usable import case_of
from kompetenspass.pathway.view import Survey, View, survey_of, view_of


def evaluate(
    pathway: Pathway,
    held: Sequence[Held],
    awards: Sequence[HeldAward],
    at: datetime,
    *,
    bound: Bound | None = None,
    worth: Mapping[str, Worth] | None = None,
) -> Evaluation:
    """Return whether the holder satisfies the pathway at `at`, with the proof.

    `held` are issued credentials and `awards` those of other pathways, in any order. `bound`: the award was made and is
    looked at again. `worth`: what the catalogue says that credentials give, so that missing credits can be told as
    definitions. Satisfied: `used` is the smallest binding; where some of several children are enough, those that the
    award rests on already come first, then those awarded first, then place order. Otherwise `used`, `unknown` and
    `missing` together are the nearest way to satisfy the rule, supposing that what is unknown turns out well.
    """
    survey = survey_of(case_of(pathway, held, awards, at, bound), tree_of(pathway.rule), worth or {})
    sure = view_of(survey, certain=True)
    certain = solve(sure)
    wide, possible = sure, certain
    if survey.doubtful:
        wide = view_of(survey, certain=False)
        possible = solve(wide)
    outcome: Outcome = "satisfied" if certain.holds else "indeterminate" if possible.holds else "not_satisfied"
    return _evaluation(outcome, (sure, certain), (wide, possible))


def _evaluation(outcome: Outcome, certain: tuple[View, Solution], possible: tuple[View, Solution]) -> Evaluation:
    told, solution = certain if outcome == "satisfied" else possible
    way = nearest(told, solution)
    sure = sight_of(*certain)
    wide = sure if possible[0] is certain[0] else sight_of(*possible)
    prover = Prover(sure, wide, Sight(told, way.solution, wide.holding))
    return Evaluation(
        outcome=outcome,
        used=tuple(_used(prover)),
        missing=way.parts,
        missing_exact=way.exact,
        unknown=() if outcome == "satisfied" else tuple(_unknown(prover, way)),
        proof=prover.proof(),
        next_change=_next_change(told.survey),
    )


def _used(prover: Prover) -> Iterator[Use]:
    """Yield what is bound to leaves, then what measures count besides: the award rests on both."""
    solution, survey = prover.told.solution, prover.told.view.survey
    seen: set[UUID] = set()
    for number, edge in sorted(solution.bound.items()):
        seen.add(edge.held.credential_id)
        if edge.verdict == "true":
            yield Use(survey.leaves[number].place, *group_of(survey.leaves[number]), edge.held.credential_id)
    for number in sorted(survey.measures.keys() & solution.atoms):
        for edge in prover.taken(number):
            if edge.held.credential_id not in seen and edge.verdict == "true" and isinstance(edge.held, Held):
                seen.add(edge.held.credential_id)
                yield Use(survey.measures[number].place, "definition", edge.held.definition_id, edge.held.credential_id)


def _unknown(prover: Prover, way: Nearest) -> Iterable[UUID]:
    """Return the credentials of unknown standing that the nearest way rests on, and all that decide the outcome."""
    rests_on = [edge for _, edge in sorted(way.solution.bound.items())]
    for number in sorted(prover.told.view.found.keys() & way.solution.atoms):
        rests_on += prover.taken(number)
    deciding = [*prover.doubts(prover.told.view.survey.tree)]
    found = [*(edge for edge in rests_on if edge.verdict == "unknown"), *deciding]
    return dict.fromkeys(edge.held.credential_id for edge in found)


def _next_change(survey: Survey) -> datetime | None:
    candidates = [edge for several in survey.edges.values() for edge in several] + [*survey.measurable]
    ends = (edge.until for edge in candidates if edge.verdict != "false" and edge.until is not None)
    return min((end for end in ends if end > survey.case.at), default=None)
