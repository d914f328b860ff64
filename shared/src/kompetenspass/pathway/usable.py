"""Which of the holder's credentials can be used where, and why not. Source: domain, section 4.2 (usable)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kompetenspass.pathway.held import Bound, Held, HeldAward, is_void
from kompetenspass.pathway.notation import version_allows
from kompetenspass.pathway.proof import Verdict
from kompetenspass.pathway.rule import Constraints, CredentialLeaf, Leaf, Pathway
from kompetenspass.pathway.standing import TRUE, Judged, age_end, award_standing, credential_standing
from kompetenspass.pathway.tree import Rank

REASONS = (
    *("version", "other_issuer", "recognition_too_low", "rpl_refused", "result_too_low", "too_old", "order"),
    *("revoked", "expired", "suspended"),
)
"""From farthest to nearest: of several credentials that do not count, the nearest one's reason is told."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A credential at a leaf, or under a measure: whether it counts there, why not, and until when."""

    held: Held | HeldAward
    verdict: Verdict
    reason: str | None
    until: datetime | None
    rank: Rank


@dataclass(frozen=True, slots=True)
class Case:
    """What is evaluated, with the holder's credentials indexed once.

    `constituents` and `excused` (successors of what a decision accepted) name the credentials that count now;
    `first` and `first_perhaps`: when a definition was first awarded, certainly or if an unknown standing allows.
    """

    constraints: Constraints
    at: datetime
    bound: Bound | None
    constituents: frozenset[UUID]
    excused: frozenset[UUID]
    credentials: Mapping[str, tuple[Held, ...]]
    awards: Mapping[str, tuple[HeldAward, ...]]
    first: Mapping[str, datetime]
    first_perhaps: Mapping[str, datetime]

    @property
    def accepted(self) -> frozenset[UUID]:
        """What a decision accepted, by id."""
        return self.bound.accepted if self.bound else frozenset()


def case_of(
    pathway: Pathway, held: Sequence[Held], awards: Sequence[HeldAward], at: datetime, bound: Bound | None
) -> Case:
    """Return the case: superseded credentials left out, their successors in their place."""
    by_id = {one.credential_id: one for one in held}
    credentials: dict[str, list[Held]] = defaultdict(list)
    for one in by_id.values():
        if one.superseded_by is None:
            credentials[one.definition_id].append(one)
    grouped: dict[str, list[HeldAward]] = defaultdict(list)
    for award in {award.credential_id: award for award in awards}.values():
        grouped[award.pathway_id].append(award)
    accepted = bound.accepted if bound else frozenset[UUID]()
    return Case(
        constraints=pathway.constraints,
        at=at,
        bound=bound,
        constituents=frozenset(_successor(by_id, one) for one in bound.constituents) if bound else frozenset(),
        excused=frozenset(_successor(by_id, one) for one in accepted) - accepted,
        credentials={definition: tuple(several) for definition, several in credentials.items()},
        awards={pathway_id: tuple(several) for pathway_id, several in grouped.items()},
        first=_first(one for one in by_id.values() if one.credential_id in accepted or _was_awarded(one)),
        first_perhaps=_first(one for one in by_id.values() if one.credential_id in accepted or not is_void(one)),
    )


def edges(case: Case, leaf: Leaf) -> tuple[Edge, ...]:
    """Return every credential of the leaf's definition or pathway with its verdict there, best ranked first."""
    if isinstance(leaf, CredentialLeaf):
        of_definition = case.credentials.get(leaf.definition_id, ())
        found = [_edge(case, one, _credential(case, leaf, one)) for one in of_definition]
    else:
        found = [_edge(case, one, _award(case, leaf, one)) for one in case.awards.get(leaf.pathway_id, ())]
    return tuple(sorted(found, key=lambda edge: edge.rank)) if len(found) > 1 else tuple(found)


def measurable(case: Case) -> tuple[Edge, ...]:
    """Return the credentials that measures may count (those not false), by the pathway's own validity and level."""
    found = []
    for several in case.credentials.values():
        for one in several:
            judged = _measured(case, one)
            if judged.verdict != "false":
                found.append(_edge(case, one, judged))
    return tuple(sorted(found, key=lambda edge: edge.rank))


def before(case: Case, definition_id: str) -> tuple[tuple[int, str], ...]:
    """Return what must have been awarded before credentials of the definition: index of the pair, definition."""
    pairs = case.constraints.order
    return tuple((index, first) for index, (first, second) in enumerate(pairs) if second == definition_id)


def _credential(case: Case, leaf: CredentialLeaf, held: Held) -> Judged:
    if held.credential_id in case.accepted:
        return TRUE
    constituent = held.credential_id in case.constituents
    awarded = case.bound is not None
    standing = credential_standing(held, leaf.validity, case.at, awarded=awarded, constituent=constituent)
    if held.credential_id in case.excused:
        return standing
    fault = next(_faults(case, leaf, held), None)
    if fault is not None:
        return Judged("false", fault)
    return _worst(standing, _age(case, leaf, held, constituent), _order(case, held), _result(leaf, held))


def _award(case: Case, leaf: Leaf, award: HeldAward) -> Judged:
    if award.credential_id in case.accepted:
        return TRUE
    if _below(award.recognition_level, case.constraints.min_recognition):
        return Judged("false", "recognition_too_low")
    return award_standing(award, leaf.validity, awarded=case.bound is not None)


def _measured(case: Case, held: Held) -> Judged:
    if held.credential_id in case.accepted:
        return TRUE
    if held.credential_id not in case.excused and _below(held.recognition_level, case.constraints.min_recognition):
        return Judged("false", "recognition_too_low")
    constituent, validity = held.credential_id in case.constituents, case.constraints.default_validity
    return credential_standing(held, validity, case.at, awarded=case.bound is not None, constituent=constituent)


def _faults(case: Case, leaf: CredentialLeaf, held: Held) -> Iterator[str]:
    if not version_allows(leaf.version, held.version):
        yield "version"
    if leaf.issued_by and held.issuer_org not in leaf.issued_by:
        yield "other_issuer"
    level = held.recognition_level
    if _below(level, leaf.min_recognition) or _below(level, case.constraints.min_recognition):
        yield "recognition_too_low"
    if held.rpl and not leaf.rpl:
        yield "rpl_refused"
    wanted = leaf.min_result_percent
    if wanted is not None and held.result_known and (held.result_percent is None or held.result_percent < wanted):
        yield "result_too_low"


def _age(case: Case, leaf: CredentialLeaf, held: Held, constituent: bool) -> Judged:
    if leaf.max_age is None:
        return TRUE
    end = age_end(held.awarded_at, leaf.max_age)
    if case.bound is not None and constituent and leaf.validity.kind == "snapshot":
        return TRUE if end >= case.bound.awarded_at else Judged("false", "too_old")
    if end < case.at:
        return Judged("false", "too_old")
    return Judged("true", None, end + timedelta(microseconds=1) if end.year < 9999 else None)


def _order(case: Case, held: Held) -> Judged:
    found = TRUE
    for _, definition_id in before(case, held.definition_id) if case.constraints.order else ():
        if not _earlier(case.first_perhaps.get(definition_id), held.awarded_at):
            return Judged("false", "order")
        if not _earlier(case.first.get(definition_id), held.awarded_at):
            found = Judged("unknown", "order")
    return found


def _result(leaf: CredentialLeaf, held: Held) -> Judged:
    hidden = leaf.min_result_percent is not None and not held.result_known
    return Judged("unknown", "result_unknown") if hidden else TRUE


def _worst(*judged: Judged) -> Judged:
    for verdict in ("false", "unknown"):
        for one in judged:
            if one.verdict == verdict:
                return Judged(one.verdict, one.reason, _soonest(judged))
    return Judged("true", None, _soonest(judged))


def _soonest(judged: Iterable[Judged]) -> datetime | None:
    return min((one.until for one in judged if one.until is not None), default=None)


def _edge(case: Case, held: Held | HeldAward, judged: Judged) -> Edge:
    stranger = held.credential_id not in case.constituents
    rank = (judged.verdict != "true", stranger, held.awarded_at, held.credential_id)
    return Edge(held, judged.verdict, judged.reason, judged.until, rank)


def _below(level: str, wanted: str | None) -> bool:
    return wanted is not None and level < wanted


def _earlier(first: datetime | None, second: datetime) -> bool:
    return first is not None and first < second


def _was_awarded(held: Held) -> bool:
    return not is_void(held) and held.standing != "unknown"


def _first(several: Iterable[Held]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for one in several:
        found[one.definition_id] = min(one.awarded_at, found.get(one.definition_id, one.awarded_at))
    return found


def _successor(by_id: Mapping[UUID, Held], credential_id: UUID) -> UUID:
    seen = {credential_id}
    while (held := by_id.get(credential_id)) is not None and held.superseded_by is not None:
        credential_id = held.superseded_by
        if credential_id in seen:
            break
        seen.add(credential_id)
    return credential_id
