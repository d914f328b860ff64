"""How far a learner has come on each pathway, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from kompetenspass.pathway.rule import Pathway
from services.wallet.domain.facts import Texts
from services.wallet.domain.timeline import Holding

State = Literal[
    "in_progress", "proposed_or_waiting", "awarded", "suspended", "revoked", "declined", "expired", "superseded"
]
Waiting = Literal["decision", "award", "suspended"]

_RANK: dict[State, int] = {
    "suspended": 0,
    "proposed_or_waiting": 1,
    "in_progress": 2,
    "declined": 3,
    "awarded": 4,
    "superseded": 5,
    "expired": 6,
    "revoked": 7,
}


@dataclass(frozen=True, slots=True)
class PathwayInfo:
    """A published version of a pathway. `rule` is None where the version, or a rule in it, is not known."""

    pathway_id: str
    version: int
    title: Texts
    result: Mapping[str, object]
    mode: str
    awarding_body: str
    awarding_name: Texts
    rule: Pathway | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest PathwayProgressed of one learner and pathway; `missing` are kinds and ids."""

    learner_ref: str
    pathway_id: str
    version: int
    outcome: str
    done: int
    total: int
    missing: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A StackAwardProposed; `declined` once the awarding body decided against it."""

    stack_id: UUID
    pathway_id: str
    version: int
    position: int
    declined: bool


@dataclass(frozen=True, slots=True)
class Next:
    """One part that is missing. `waiting`: it is a pathway that only waits, for whom (`body`), or is suspended."""

    kind: str
    id: str
    title: Texts
    waiting: Waiting | None = None
    body: Texts = ()


@dataclass(frozen=True, slots=True)
class PathwayView:
    """One pathway as the learner sees it; `titles` are those that its rule needs, among others."""

    info: PathwayInfo
    state: State
    outcome: str | None
    done: int
    total: int
    next: tuple[Next, ...]
    holding: Holding | None
    titles: Mapping[str, Texts]

    @property
    def review(self) -> datetime | None:
        """Until when the award's open review is to be decided."""
        return self.holding.review if self.holding else None

    @property
    def waiting(self) -> Waiting | None:
        """What stands between the learner and the award when nothing is missing."""
        return _waiting(self.state, self.info.mode)


@dataclass(frozen=True, slots=True)
class Walked:
    """What the logs say about one learner's pathways; `titles`: those of definitions and pathways, names of bodies."""

    progress: Sequence[Progress] = ()
    proposals: Sequence[Proposal] = ()
    infos: Mapping[tuple[str, int], PathwayInfo] = field(default_factory=dict)
    titles: Mapping[str, Texts] = field(default_factory=dict)


def pathways(walked: Walked, held: Iterable[Holding]) -> tuple[PathwayView, ...]:
    """Return each pathway with progress, a proposal or an award of the learner; what needs attention comes first."""
    awards = [holding for holding in held if holding.stack_id is not None]
    ids = {one.pathway_id for one in walked.progress} | {one.pathway_id for one in walked.proposals}
    ids |= {award.merit.definition_id for award in awards}
    first = {pathway_id: _view(walked, pathway_id, awards) for pathway_id in sorted(ids)}
    views = [_opened(view, first, walked) for view in first.values()]
    return tuple(sorted(views, key=lambda view: (_RANK[view.state], -_share(view), view.info.pathway_id)))


def _view(walked: Walked, pathway_id: str, awards: Sequence[Holding]) -> PathwayView:
    """Return a pathway with its missing parts as they were told, without what became of them."""
    progress = max(
        (one for one in walked.progress if one.pathway_id == pathway_id),
        key=lambda one: (one.version, one.done, one.learner_ref),
        default=None,
    )
    proposal = _proposal(walked, pathway_id, awards)
    holding = _award(pathway_id, awards)
    state = _state(holding, proposal, progress)
    parts = len(holding.parts) if holding else 0
    return PathwayView(
        info=_info(walked, pathway_id, _version(state, holding, proposal, progress)),
        state=state,
        outcome=progress.outcome if progress else None,
        done=progress.done if progress else parts,
        total=progress.total if progress else parts,
        next=tuple(Next(kind, id_, ()) for kind, id_ in progress.missing) if progress else (),
        holding=holding,
        titles=walked.titles,
    )


def _award(pathway_id: str, awards: Iterable[Holding]) -> Holding | None:
    """Return the award that stands, else the newest that does not."""
    mine = [award for award in awards if award.merit.definition_id == pathway_id]
    return max(mine, key=lambda one: (one.status != "revoked", one.issued_at, one.merit.credential_id), default=None)


def _proposal(walked: Walked, pathway_id: str, awards: Iterable[Holding]) -> Proposal | None:
    """Return the newest proposal that has not become an award."""
    decided = {award.stack_id for award in awards}
    mine = [one for one in walked.proposals if one.pathway_id == pathway_id and one.stack_id not in decided]
    return max(mine, key=lambda one: (not one.declined, one.position), default=None)


def _state(holding: Holding | None, proposal: Proposal | None, progress: Progress | None) -> State:
    if holding is not None and holding.status != "revoked":
        return "awarded" if holding.status == "valid" else holding.status
    lost = progress is not None and progress.outcome == "not_satisfied"
    if proposal is not None and not proposal.declined and not lost:
        return "proposed_or_waiting"
    if holding is not None:
        return "revoked"
    if proposal is not None and proposal.declined:
        return "declined"
    return "proposed_or_waiting" if progress is not None and progress.outcome == "satisfied" else "in_progress"


def _version(state: State, holding: Holding | None, proposal: Proposal | None, progress: Progress | None) -> int:
    """Return the version that the state is about: the award's, the proposal's, else the progress's."""
    if holding is not None and (proposal is None or state != "proposed_or_waiting"):
        return holding.merit.definition_version
    known = proposal or progress
    return known.version if known else 0


def _info(walked: Walked, pathway_id: str, version: int) -> PathwayInfo:
    """Return what was published; a version whose publication has not been seen yet has no title."""
    return walked.infos.get((pathway_id, version)) or PathwayInfo(pathway_id, version, (), {}, "decision", "", ())


def _opened(view: PathwayView, views: Mapping[str, PathwayView], walked: Walked) -> PathwayView:
    """Return the view with each missing part titled; a pathway among them says what it waits for."""
    return replace(view, next=tuple(_next(part, views, walked) for part in view.next))


def _next(part: Next, views: Mapping[str, PathwayView], walked: Walked) -> Next:
    if part.kind != "pathway":
        return replace(part, title=walked.titles.get(part.id, ()))
    nested = views.get(part.id)
    if nested is None:
        return replace(part, title=walked.titles.get(part.id, ()))
    title = nested.info.title or walked.titles.get(part.id, ())
    return replace(part, title=title, waiting=nested.waiting, body=nested.info.awarding_name)


def _waiting(state: State, mode: str) -> Waiting | None:
    if state == "proposed_or_waiting":
        return "decision" if mode == "decision" else "award"
    return "suspended" if state == "suspended" else None


def _share(view: PathwayView) -> float:
    return view.done / view.total if view.total else 0.0
