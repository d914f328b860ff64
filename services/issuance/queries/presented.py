"""What a learner presented of other issuers, beside what they have of their own. Source: domain.md 3.5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from kompetenspass.events.stacking import EvidenceEnd
from kompetenspass.pathway.held import Held, HeldAward
from services.issuance.service.stacking_ports import Holdings


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
