"""One learner and one pathway, for tests of awards: what is held, what is decided of it, what the stream says then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from kompetenspass.events.base import Event
from kompetenspass.events.stacking import Constituent, ConstituentInvalidated, ConstituentRestored, StackRebound
from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Held, HeldAward
from kompetenspass.pathway.rule import AllOf, Constraints, CredentialLeaf, Pathway, PathwayLeaf, Rule, Validity
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given
from services.issuance.domain.stack import INITIAL, Assessed, Stack, bound, evolve, lapse_of, stack_id_of, subject_of
from services.issuance.domain.stack_award import decide_award, propose_or_award
from services.issuance.domain.stack_reassess import reassess
from services.issuance.domain.stack_review import ReviewDecision, appeal, decide_review

LIVE, SNAPSHOT = Validity("live"), Validity("snapshot")
DAY = timedelta(days=1)
LEARNER = "learner-1"
STACK = stack_id_of(LEARNER, "path", 1, 1)
LAPSE = lapse_of(STACK)
FACTS = (ConstituentInvalidated, ConstituentRestored, StackRebound)


def id_of(name: str) -> UUID:
    return uuid5(UUID(int=1), name)


def held(name: str, **changes: Any) -> Held:
    """A credential `a/x` is one of the definition `a`; `a` alone too."""
    values: dict[str, Any] = {
        "credential_id": id_of(name),
        "definition_id": name.partition("/")[0],
        "version": 1,
        "issuer_org": "org:a",
        "awarded_at": NOON - 10 * DAY,
        "recognition_level": "R5",
        "standing": "valid",
    }
    return Held(**(values | changes))


def nested(name: str, **changes: Any) -> HeldAward:
    values: dict[str, Any] = {
        "stack_id": id_of(f"stack of {name}"),
        "credential_id": id_of(name),
        "pathway_id": name.partition("/")[0],
        "version": 1,
        "issuer_org": "org:a",
        "awarded_at": NOON - 5 * DAY,
        "recognition_level": "R4",
        "standing": "valid",
    }
    return HeldAward(**(values | changes))


def leaf(definition_id: str, validity: Validity = SNAPSHOT, **changes: Any) -> CredentialLeaf:
    return CredentialLeaf(("rule", definition_id), definition_id, validity, **changes)


def pathway_leaf(pathway_id: str, validity: Validity = SNAPSHOT) -> PathwayLeaf:
    return PathwayLeaf(("rule", pathway_id), pathway_id, validity)


def all_of(*rules: Rule) -> AllOf:
    return AllOf(("rule",), rules)


def path(
    rule: Rule, *, on_lapse: Literal["none", "suspend"] = "none", mode: Literal["automatic", "decision"] = "automatic"
) -> Pathway:
    return Pathway("path", 1, rule, Constraints("forbid", SNAPSHOT, on_lapse=on_lapse), mode)


class Story:
    """What happens to a learner, told step by step; every step returns the events that followed, already folded."""

    def __init__(self, pathway: Pathway, *names: str, **each: Any) -> None:
        self.pathway = pathway
        self.at = NOON
        self.has: dict[UUID, Held | HeldAward] = {}
        self.digests: dict[UUID, tuple[str, ...]] = {}
        self.events: tuple[Event, ...] = ()
        self.state: Stack = INITIAL
        self.gets(*(held(name, **each) for name in names))

    def gets(self, *credentials: Held | HeldAward) -> None:
        self.has |= {one.credential_id: one for one in credentials}

    def assessed(self, *, confirmed: bool = False, made: bool = True) -> Assessed:
        credentials = [one for one in self.has.values() if isinstance(one, Held)]
        awards = [one for one in self.has.values() if isinstance(one, HeldAward)]
        before = bound(self.state, confirmed=confirmed) if made else None
        return Assessed(
            subject=subject_of(
                LEARNER, self.pathway, 1, pathway_digest="digest", rule_digest="rule", awarding_body="org:a"
            ),
            pathway=self.pathway,
            evaluation=evaluate(self.pathway, credentials, awards, self.at, bound=before),
            at=self.at,
            constituents={one: self._constituent(standing) for one, standing in self.has.items()},
            standings=self.has,
        )

    def tried(self, *, others: bool = False) -> Sequence[Event]:
        """The award by itself, or its proposal."""
        return self.follows(propose_or_award(self.state, self.assessed(made=False), others=others))

    def awarded(self, decision_ref: str = "d-1") -> Story:
        """The award however it is made."""
        self.tried()
        if self.pathway.mode == "decision":
            self.follows(decide_award(self.state, self.assessed(made=False), decision_ref))
        assert self.state.name == "awarded"
        return self

    def becomes(self, name: str, **changes: Any) -> tuple[Event, ...]:
        """What follows when something becomes of a credential."""
        self.has[id_of(name)] = replace(self.has[id_of(name)], **changes)
        return self.reassessed()

    def reassessed(self) -> tuple[Event, ...]:
        return self.follows(reassess(self.state, self.assessed()))

    def reviewed(self, decision: Any, ref: str = "d-2", **members: Any) -> tuple[Event, ...]:
        if decision != "confirm":
            members = {"ground": "wrong_information", "heard_on": date(2026, 11, 20)} | members
        command = ReviewDecision(decision, ref, **members)
        return self.follows(decide_review(self.state, command, self.assessed(confirmed=True)))

    def appealed(self, ref: str = "a-1") -> tuple[Event, ...]:
        return self.follows(appeal(self.state, ref, self.at))

    def later(self, by: timedelta) -> datetime:
        self.at += by
        return self.at

    def follows(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Append what was decided."""
        self.events += tuple(events)
        self.state = given(self.state, evolve, events)
        return tuple(events)

    def _constituent(self, standing: Held | HeldAward) -> Constituent:
        known = isinstance(standing, Held)
        return Constituent(
            credential_id=standing.credential_id,
            kind="definition" if known else "pathway",
            definition_id=standing.definition_id if isinstance(standing, Held) else standing.pathway_id,
            definition_version=standing.version,
            definition_digest="of the definition",
            digests=self.digests.get(standing.credential_id, (f"copy of {standing.credential_id}",)),
            status_at_award=standing.standing,
        )


def names(events: Sequence[Event]) -> list[str]:
    """The kinds of events, without the evaluations that they rest on."""
    return [type(event).__name__ for event in events if type(event).__name__ != "EvaluationRecorded"]


def of_award(events: Sequence[Event]) -> list[str]:
    """The kinds of events about the award itself: neither facts about constituents nor evaluations."""
    return names([event for event in events if not isinstance(event, FACTS)])
