"""What learners live through, told at length: every way that a merit, an award and what was presented may go."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from kompetenspass.core.digest import content_digest
from kompetenspass.core.ids import credential_id_of
from kompetenspass.events import issuance, registry, stacking, verification, wallet
from kompetenspass.events.base import Event
from kompetenspass.testing.clock import NOON
from tests.integration.told_world import DEFINITIONS, LIST, Telling, definition, id_of, pathway

_TODAY = NOON.date()
_indices = itertools.count(100)


class Merit:
    """One learner's microcredential of a definition, from the plan on."""

    def __init__(self, learner: str, definition_id: str, number: int, issuer: str = "org:one") -> None:
        self.learner, self.definition_id, self.issuer = learner, definition_id, issuer
        self.name = f"{learner} {definition_id} {number}"
        self.achievement_id = id_of(f"achievement {self.name}")
        self.credential_id = credential_id_of(self.achievement_id)
        self.stream, self.status = f"cred-{self.credential_id}", f"status-{self.credential_id}"
        self.digests: tuple[str, ...] = ()

    @property
    def _version(self) -> dict[str, Any]:
        digest = content_digest(definition(self.definition_id, 2))
        return {"definition_id": self.definition_id, "definition_version": 2, "definition_digest": digest}

    @property
    def _its(self) -> dict[str, Any]:
        of_the = {"credential_id": self.credential_id, "achievement_id": self.achievement_id}
        return {**of_the, "learner_ref": self.learner, "issuer_org": self.issuer, **self._version}

    def assessed(self, *, passed: bool = True) -> Telling:
        """It is planned and assessed; what is passed is confirmed."""
        stream, its = f"ach-{self.achievement_id}", {"achievement_id": self.achievement_id}
        yield stream, issuance.AssessmentPlanned(
            **its, **self._version, learner_ref=self.learner, awarding_body=self.issuer, provider="org:three",
            route="validation_rpl" if self.definition_id == "def-two" else "course",
        )  # fmt: skip
        kept = id_of(f"vault {self.name}")
        yield stream, issuance.ResultRecorded(
            **its, passed=passed, rule="min_percent", vault_ref=kept, assessor_ref="assessor:1", supervision="s",
            assessed_on=_TODAY,
        )  # fmt: skip
        if passed:
            yield (
                stream,
                issuance.AchievementConfirmed(
                    **its, vault_ref=kept, awarded_on=_TODAY, assessor_authorisation_ref="D-1", recognition_level="R4"
                ),
            )

    def offered(self, *ends: Any) -> Telling:
        """It is offered once more than its offers end otherwise."""
        for number in range(len(ends) + 1):
            offer_id = id_of(f"offer {number} {self.name} {len(self.digests)}")
            yield self.stream, issuance.CredentialOffered(
                **self._its, offer_id=offer_id, formats=("dc+sd-jwt",), recognition_level="R4", tx_code=False,
                offer_expires_at=NOON + timedelta(days=7),
            )  # fmt: skip
            if number < len(ends):
                yield (
                    self.stream,
                    issuance.OfferWithdrawn(credential_id=self.credential_id, offer_id=offer_id, cause=ends[number]),
                )

    def issued(self, copies: int = 1, indices: Sequence[int] = ()) -> Telling:
        """Copies are released, in the place of those before."""
        places = indices or [next(_indices) for _ in range(copies)]
        before, self.digests = self.digests, tuple(f"{self.name} {place}" for place in places)
        uri = f"{LIST}/{self.issuer.removeprefix('org:')}-1"
        yield self.stream, issuance.CredentialIssued(
            **self._its, issuer="https://issuance.example/issuers/one", format="dc+sd-jwt", vct="v", kid="one-1",
            copies=self._copies(uri, places), replaces=before, recognition_level="R4", valid_from=NOON,
            valid_to=NOON + timedelta(days=900) if self.definition_id == "def-one" else None,
        )  # fmt: skip

    def _copies(self, uri: str, places: Sequence[int]) -> tuple[registry.StatusRef, ...]:
        several = zip(self.digests, places, strict=True)
        return tuple(registry.StatusRef(digest=digest, status_uri=uri, index=place) for digest, place in several)

    def earned(self, copies: int = 1) -> Telling:
        """It is in the learner's wallet."""
        yield from self.assessed()
        yield from self.offered()
        yield from self.issued(copies)

    def held(self, kind: type[Event], *causes: str, cause: str = "issuer") -> tuple[str, Event]:
        """A cause to hold it suspended comes or goes; `causes` are those that stand then."""
        said = {"credential_id": self.credential_id, "copies": (), "cause": cause, "causes": causes}
        return self.status, kind.read({**said, "reason_code": "under_review", "lapsed": [id_of("x")]})

    def revoked(self, reason_code: Any, *, void: bool = False) -> tuple[str, Event]:
        """It is over."""
        return self.status, registry.CredentialRevoked(
            credential_id=self.credential_id,
            copies=(),
            reason_code=reason_code,
            effective_from=NOON,
            void_ab_initio=void,
        )

    def expired(self) -> tuple[str, Event]:
        """Its own date has passed."""
        return self.status, registry.CredentialExpired(credential_id=self.credential_id, copies=(), at=NOON)

    def superseded(self, by: Merit, cause: Any) -> Telling:
        """Another takes its place, which the registry follows."""
        yield self.stream, stacking.CredentialSuperseded(
            credential_id=self.credential_id, by_credential_id=by.credential_id, learner_ref=self.learner,
            definition_id=self.definition_id, issuer_org=self.issuer, cause=cause,
        )  # fmt: skip
        yield self.revoked("superseded")

    def recognised(self, learner: str, vault_ref: UUID | None = None) -> tuple[str, Event]:
        """Another awarding body lets it count for its own learner."""
        return f"evidence-{learner}", stacking.CredentialRecognised(
            learner_ref=learner, awarding_body="org:two", credential_id=self.credential_id, digest="d",
            issuer_org=self.issuer, definition_id=self.definition_id, definition_version=2, request_id=id_of("r"),
            vault_ref=vault_ref,
        )  # fmt: skip

    def unrecognised(self, learner: str) -> tuple[str, Event]:
        """It counts no more."""
        return f"evidence-{learner}", stacking.CredentialUnrecognised(
            learner_ref=learner, credential_id=self.credential_id, definition_id=self.definition_id,
            reason_code="holder_request",
        )  # fmt: skip

    def bound(self) -> stacking.Constituent:
        """Return it as an award binds it."""
        return stacking.Constituent(
            credential_id=self.credential_id, kind="definition", **self._version, digests=self.digests,
            status_at_award="valid",
        )  # fmt: skip


class Award:
    """One learner's award of a pathway, resting on two merits."""

    def __init__(self, learner: str, pathway_id: str, parts: Sequence[Merit]) -> None:
        self.learner, self.pathway_id, self.parts = learner, pathway_id, parts
        self.stack_id = id_of(f"stack {learner} {pathway_id}")
        self.credential_id = credential_id_of(self.stack_id)
        self.stream = f"stack-{self.stack_id}"

    def _said(self, kind: type[Event], **more: Any) -> tuple[str, Event]:
        content = pathway(self.pathway_id, 1)
        its = {
            "stack_id": self.stack_id, "credential_id": self.credential_id, "learner_ref": self.learner,
            "pathway_id": self.pathway_id, "pathway_version": 1, "pathway_digest": content_digest(content),
            "rule_digest": content_digest(content["rule"]), "awarding_body": "org:one", "issuer_org": "org:one",
            "ordinal": 1, "constituents": [one.bound() for one in self.parts], "proof_digest": "p",
        }  # fmt: skip
        return self.stream, kind.read(its | more)

    def proposed(self) -> tuple[str, Event]:
        """The awarding body is to decide."""
        return self._said(stacking.StackAwardProposed)

    def declined(self) -> tuple[str, Event]:
        """It decides against it."""
        return self._said(stacking.StackAwardDeclined, decision_ref="B-9", reason_code="r")

    def made(self) -> Telling:
        """It is made and fetched."""
        evaluated = {"outcome": "satisfied", "used": [], "missing": [], "unknown": [], "evaluated_at": NOON}
        yield self._said(stacking.EvaluationRecorded, **evaluated)
        yield self._said(
            stacking.CredentialStacked, mode="automatic", awarded_on=_TODAY, recognition_level="R4", decision_ref=None
        )
        yield from self._fetched()

    def _fetched(self) -> Telling:
        its = Merit(self.learner, self.pathway_id, 0)
        its.credential_id, its.stream = self.credential_id, f"cred-{self.credential_id}"
        of_the_award = {"achievement_id": None, "stack_id": self.stack_id}
        for stream, event in (*its.offered(), *its.issued()):
            yield stream, event.model_copy(update=of_the_award)

    def moved(self, kind: type[Event], cause: str, **more: Any) -> tuple[str, Event]:
        """A cause suspends it or is gone."""
        lapsed = [
            {"credential_id": id_of("x"), "definition_id": "def-one", "definition_version": 2, "change": "revoked"}
        ]
        return self._said(kind, cause=cause, reason_code="lapsed", lapsed=lapsed, **more)

    def reviewed(self, part: Merit) -> Telling:
        """A review is opened and appealed; it ends with the award standing."""
        yield self._said(
            stacking.ConstituentInvalidated, credential_id=part.credential_id, change="revoked", reason_code="fraud"
        )
        yield self._said(
            stacking.StackReviewOpened, constituent_id=part.credential_id, reason_code="fraud",
            deadline=NOON + timedelta(days=30),
        )  # fmt: skip
        yield self._said(stacking.StackAppealLodged, appeal_ref="A-1")
        yield self._said(stacking.StackConfirmed, decision_ref="B-2", accepted=[part.credential_id])
        yield self._said(stacking.ConstituentRestored, credential_id=part.credential_id)

    def rebound(self, from_: Merit, to: Merit) -> tuple[str, Event]:
        """Another credential takes a part's place."""
        return self._said(stacking.StackRebound, from_credential_id=from_.credential_id, to=to.bound())

    def revoked(self) -> tuple[str, Event]:
        """It is over."""
        return self._said(stacking.StackRevoked, reason_code="fraud")

    def progress(self, done: int) -> tuple[str, Event]:
        """The learner has come so far."""
        return f"progress-{self.learner}-{self.pathway_id}", stacking.PathwayProgressed(
            learner_ref=self.learner, pathway_id=self.pathway_id, pathway_version=1, outcome="not_satisfied", done=done,
            total=2, missing=tuple(stacking.Missing(kind="definition", id=one) for one in DEFINITIONS[done:]),
        )  # fmt: skip


def kept(learner: str, merit: Merit) -> Telling:
    """The learner's wallet takes the copies of a merit and shows them; a verifier asks and judges."""
    account, request_id = id_of(f"account {learner}"), id_of(f"request {merit.name}")
    for digest in merit.digests:
        its = {"account_id": account, "digest": digest}
        yield f"account-{account}", wallet.CredentialReceived(**its, issuer="i")
        yield (
            f"presentation-{request_id}",
            verification.PresentationRequested(
                request_id=request_id, verifier_org="org:three", definitions=DEFINITIONS[:1], expires_at=NOON
            ),
        )
        yield f"account-{account}", wallet.CredentialPresented(**its, verifier="org:three")
        yield f"presentation-{request_id}", verification.PresentationJudged(request_id=request_id, outcome="verified")
