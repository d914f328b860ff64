"""What a learner presented of other issuers, beside what they have of their own. Source: domain.md 3.5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Select, any_, case, exists, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, TEXT, array, distinct_on

from kompetenspass.events.stacking import EvidenceEnd
from kompetenspass.pathway.held import Held, HeldAward
from services.issuance.service.stacking_ports import Holdings
from services.issuance.tables import credentials, evidence

_SAME_MERIT = any_(literal(["re_key", "name_change"], ARRAY(TEXT)))
"""Causes of a supersession after which the result is still the one that was disclosed."""


def presented_by(learner_ref: BindParameter[str]) -> Select[Any]:
    """Select what counts for a learner because they presented it: that itself, and what has taken its place since.

    A successor that was presented, too, is what its own presentation says; one that took several places counts if any
    of those does.
    """
    its, old = evidence.c, credentials.c
    itself = (its.credential_id.label("presented_id"), its.credential_id, its.awarding_body, its.vault_ref, its.ended)
    line = select(*itself).where(its.learner_ref == learner_ref).cte("line", recursive=True)
    other = evidence.alias("other").c
    again = exists().where(other.learner_ref == learner_ref, other.credential_id == old.superseded_by)
    result = case((old.superseded_cause == _SAME_MERIT, line.c.vault_ref))
    follows = select(line.c.presented_id, old.superseded_by, line.c.awarding_body, result, line.c.ended)
    follows = follows.join(credentials, old.credential_id == line.c.credential_id)
    line = line.union(follows.where(old.superseded_by.is_not(None), ~again))
    counts = select(line.c.credential_id, line.c.awarding_body, line.c.vault_ref, line.c.ended)
    return counts.ext(distinct_on(line.c.credential_id)).order_by(
        line.c.credential_id, line.c.ended.is_not(None), line.c.presented_id, line.c.vault_ref
    )


def counting(credential_id: BindParameter[UUID]) -> Select[Any]:
    """Select the learners for whom a credential counts because they presented it, or one whose place it has taken.

    In arrays, which are looked up by an index: a join might be planned as a look through all credentials. The line is
    followed only where there is one: to begin it costs more than the rest.
    """
    old = credentials.c
    line = select(credential_id.label("credential_id")).cte("line", recursive=True)
    before = select(old.credential_id).where(old.superseded_by == line.c.credential_id).correlate(line)
    line = line.union(select(func.unnest(func.array(before.scalar_subquery()))).select_from(line))
    whole = func.array(select(line.c.credential_id).scalar_subquery())
    has_line = exists().where(old.superseded_by == credential_id)
    either = any_(case((has_line, whole), else_=array([credential_id])))
    return select(evidence.c.learner_ref).where(evidence.c.credential_id == either, evidence.c.ended.is_(None))


def with_presented(own: Holdings, others: Holdings, presented: Sequence[Any]) -> Holdings:
    """Return both, of a learner who presented `others`.

    What was withdrawn is as if its issuer had revoked it, at the holder's request or because it never was a merit of
    theirs, and nothing that became of it since is told. A result in per cent is the one that was disclosed, if any:
    what the issuer's vault holds is not read.
    """
    ended: Mapping[UUID, EvidenceEnd | None] = {row.credential_id: row.ended for row in presented}
    disclosed = {row.credential_id: row.vault_ref for row in presented if row.vault_ref is not None}
    in_percent = others.vault_refs.keys() & disclosed.keys()
    return replace(
        own,
        held=(*own.held, *(_held(one, ended[one.credential_id]) for one in others.held)),
        awards=(*own.awards, *(_award(one, ended[one.credential_id]) for one in others.awards)),
        constituents={**own.constituents, **others.constituents},
        vault_refs={**own.vault_refs, **{one: disclosed[one] for one in in_percent}},
    )


def _held(one: Held, ended: EvidenceEnd | None) -> Held:
    if ended is None:
        return one
    void = ended == "recorded_in_error"
    return replace(one, standing="revoked", reason_code=ended, void_ab_initio=void, superseded_by=None)


def _award(one: HeldAward, ended: EvidenceEnd | None) -> HeldAward:
    if ended is None:
        return one
    void = ended == "recorded_in_error"
    return replace(one, standing="revoked", reason_code=ended, void_ab_initio=void)
