"""What became of the credentials that an award rests on, and what takes their places. Source: domain, section 4.3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from uuid import UUID

from kompetenspass.events.stacking import (
    Change,
    Constituent,
    ConstituentInvalidated,
    ConstituentRestored,
    Lapsed,
    StackRebound,
)
from kompetenspass.pathway.held import Held, HeldAward, is_void
from kompetenspass.pathway.proof import Proof
from kompetenspass.pathway.rule import CredentialLeaf, leaves
from kompetenspass.pathway.standing import age_end
from services.issuance.domain.stack import Assessed, Stack


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a credential; `change` None: it holds. `void`: there never was a merit."""

    change: Change | None = None
    reason_code: str | None = None
    void: bool = False

    @property
    def final(self) -> bool:
        """Whether it never holds again."""
        return self.change in ("revoked", "expired")


def fate_of(standing: Held | HeldAward | None, at: datetime) -> Fate | None:
    """Return what became of a credential by itself; None when that is not known."""
    if standing is None:
        return None
    if isinstance(standing, Held):
        if standing.superseded_by is not None:
            return Fate("superseded", "superseded")
        if standing.standing != "revoked" and standing.valid_to is not None and standing.valid_to <= at:
            return Fate("expired")
    match standing.standing:
        case "unknown":
            return None
        case "valid":
            return Fate()
        case "revoked":
            return Fate("revoked", standing.reason_code, is_void(standing))
        case change:
            return Fate(change, standing.reason_code)


def fates(state: Stack, assessed: Assessed) -> Mapping[UUID, Fate]:
    """Return what became of each constituent, those left out of which it is not known. Too old counts as expired."""
    failed = frozenset(failing(state, assessed))
    found = {}
    for credential_id in state.constituents:
        standing = assessed.standings.get(credential_id)
        fate = fate_of(standing, assessed.at)
        if fate == Fate() and credential_id in failed and _too_old(standing, assessed):
            fate = Fate("expired", "too_old")
        if fate is not None:
            found[credential_id] = fate
    return found


def failing(state: Stack, assessed: Assessed) -> tuple[UUID, ...]:
    """Return the constituents that the rule does not count any more, ordered by id; what was accepted counts."""
    wanted = sorted(state.constituents.keys() - state.accepted)
    return tuple(one for one in wanted if _fails(state.constituents[one], assessed))


def succeeded(state: Stack, assessed: Assessed) -> Iterator[StackRebound]:
    """Yield the places that successors take, and constituents whose copies were issued anew.

    A successor that the rule does not count takes the place only where the rule holds in spite of it, or where it is
    over for good itself: otherwise what it replaced is what has to be decided about.
    """
    for credential_id, constituent in sorted(state.constituents.items()):
        successor = successor_of(credential_id, assessed)
        now = assessed.constituents.get(successor)
        if now is None:
            continue
        if successor != credential_id:
            if _takes_place(now, assessed):
                yield _rebound(state, credential_id, now)
        elif now.digests and now.digests != constituent.digests:
            yield _rebound(
                state, credential_id, now.model_copy(update={"status_at_award": constituent.status_at_award})
            )


def replaced(state: Stack, assessed: Assessed) -> Iterator[StackRebound]:
    """Yield the places that other credentials take, once the rule holds with them, of those it does not count."""
    if assessed.evaluation.outcome != "satisfied":
        return
    failed = [state.constituents[one] for one in failing(state, assessed)]
    newcomers = [assessed.constituents[one] for one in assessed.used if one not in state.constituents]
    for old, new in _pairs(failed, newcomers):
        yield _rebound(state, old.credential_id, new)


def noted(state: Stack, assessed: Assessed) -> Iterator[ConstituentInvalidated | ConstituentRestored]:
    """Yield what became of constituents since it was last said; one event for each."""
    stack_id = state.subject.stack_id
    for credential_id, fate in sorted(fates(state, assessed).items()):
        before = state.noted.get(credential_id)
        if fate.change is None and before is not None:
            yield ConstituentRestored(stack_id=stack_id, credential_id=credential_id)
        elif fate.change is not None and fate.change != before:
            yield ConstituentInvalidated(
                stack_id=stack_id,
                credential_id=credential_id,
                change=fate.change,
                reason_code=fate.reason_code,
                void_ab_initio=fate.void,
            )


def lapsed(state: Stack, assessed: Assessed) -> tuple[Lapsed, ...]:
    """Return the constituents that do not count any more, each with what became of it."""
    known = fates(state, assessed)
    found = []
    for credential_id in failing(state, assessed):
        fate, constituent = known.get(credential_id, Fate()), state.constituents[credential_id]
        if fate.change is not None:
            found.append(_lapsed(constituent, fate.change, fate.reason_code))
    return tuple(found)


def lapsed_as_noted(state: Stack) -> tuple[Lapsed, ...]:
    """Return the constituents that were said to have ceased to hold and that no decision accepted."""
    gone = sorted(state.constituents.keys() & state.noted.keys() - state.accepted)
    return tuple(_lapsed(state.constituents[one], state.noted[one], None) for one in gone)


def successor_of(credential_id: UUID, assessed: Assessed) -> UUID:
    """Return the last of those that superseded the credential one after the other, itself when none did."""
    seen = {credential_id}
    while isinstance(held := assessed.standings.get(credential_id), Held) and held.superseded_by is not None:
        credential_id = held.superseded_by
        if credential_id in seen:
            break
        seen.add(credential_id)
    return credential_id


def _too_old(standing: Held | HeldAward | None, assessed: Assessed) -> bool:
    if not isinstance(standing, Held):
        return False
    ages = (
        leaf.max_age
        for leaf in leaves(assessed.pathway.rule)
        if isinstance(leaf, CredentialLeaf) and leaf.definition_id == standing.definition_id
    )
    return any(age is not None and age_end(standing.awarded_at, age) < assessed.at for age in ages)


def _takes_place(successor: Constituent, assessed: Assessed) -> bool:
    if assessed.evaluation.outcome == "satisfied" or _counts(successor, assessed):
        return True
    fate = fate_of(assessed.standings.get(successor.credential_id), assessed.at)
    return fate is not None and fate.final


def _counts(constituent: Constituent, assessed: Assessed) -> bool:
    """Return whether the rule certainly counts the credential: it is bound, or a leaf holds without being bound."""
    if constituent.credential_id in assessed.used:
        return True
    at = _leaves_of(constituent, assessed.evaluation.proof)
    return any(leaf.verdict == "true" and not leaf.used for leaf in at)


def _fails(constituent: Constituent, assessed: Assessed) -> bool:
    """Return whether the rule certainly does not count the credential; one that only measures name: when it is over."""
    if constituent.credential_id in assessed.used:
        return False
    at = _leaves_of(constituent, assessed.evaluation.proof)
    if at:
        maybe = (leaf.verdict != "false" and leaf.used in ((), (constituent.credential_id,)) for leaf in at)
        return not any(maybe)
    fate = fate_of(assessed.standings.get(constituent.credential_id), assessed.at)
    return fate is not None and fate.change is not None


def _leaves_of(constituent: Constituent, proof: Proof) -> Sequence[Proof]:
    """Return the leaves that name the constituent's definition or pathway."""
    node = "credential" if constituent.kind == "definition" else "pathway"
    found = [proof] if proof.node == node and proof.id == constituent.definition_id else []
    for child in proof.children:
        found += _leaves_of(constituent, child)
    return found


def _pairs(old: Sequence[Constituent], new: Sequence[Constituent]) -> Iterator[tuple[Constituent, Constituent]]:
    """Yield whose place each newcomer takes: one of its own definition first, then in order; the last one again."""
    if not old or not new:
        return
    left, waiting = list(old), []
    for newcomer in new:
        same = next((one for one in left if _alike(one, newcomer)), None)
        if same is None:
            waiting.append(newcomer)
        else:
            left.remove(same)
            yield same, newcomer
    if waiting:
        for gone, newcomer in zip_longest(left, waiting):
            yield gone or (left or old)[-1], newcomer or waiting[-1]


def _alike(one: Constituent, other: Constituent) -> bool:
    return (one.kind, one.definition_id) == (other.kind, other.definition_id)


def _rebound(state: Stack, credential_id: UUID, to: Constituent) -> StackRebound:
    return StackRebound(stack_id=state.subject.stack_id, from_credential_id=credential_id, to=to)


def _lapsed(constituent: Constituent, change: Change, reason_code: str | None) -> Lapsed:
    return Lapsed(
        credential_id=constituent.credential_id,
        definition_id=constituent.definition_id,
        definition_version=constituent.definition_version,
        change=change,
        reason_code=reason_code,
    )
