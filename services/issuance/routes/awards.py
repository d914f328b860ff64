"""Awards: listed, read and decided by the awarding body, and what a pathway's rule would say."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, model_validator

from kompetenspass.events.stacking import Ground
from kompetenspass.log.execute import Done
from kompetenspass.pathway.proof import MissingPart, written
from kompetenspass.pathway.words import Language
from kompetenspass.web.auth import Principal, principal
from kompetenspass.web.commands import Command, positioned
from services.issuance.domain.stack import Stack
from services.issuance.domain.stack_review import ReviewDecision
from services.issuance.routes.achievements import caller_of
from services.issuance.routes.offers import OfferBody, told
from services.issuance.service.awards_commands import AwardLearner, Awards, DecideProposal
from services.issuance.service.awards_reading import AwardReading, AwardView, Explained, Wanted
from services.issuance.service.awards_trial import Supposed, Trials
from services.issuance.service.offers import Offers
from services.issuance.service.stacking_ports import StackRow, StackState

Who = Annotated[Principal, Depends(principal)]
_Id = Annotated[str, Field(min_length=1, max_length=100)]
_Reference = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
_Learner = Annotated[str, Field(min_length=1, max_length=64)]
_Code = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
_Recognition = Literal["R1", "R2", "R3", "R4", "R5", "R6"]
_Limit = Annotated[int, Query(ge=1, le=200)]


class AwardBody(Command):
    """Award a pathway to a learner, by decision."""

    pathway_id: _Id
    learner_ref: _Learner
    decision_ref: _Reference


class DecisionBody(Command):
    """Award what was proposed, or decline it."""

    decision: Literal["award", "decline"]
    decision_ref: _Reference
    reason_code: _Code | None = None


class ReviewBody(Command):
    """Confirm, suspend or revoke; against the holder with a ground, the holder heard before."""

    decision: Literal["confirm", "suspend", "revoke"]
    decision_ref: _Reference
    reason_code: _Code | None = None
    ground: Ground | None = None
    heard_on: date | None = None


class AppealBody(Command):
    """The holder's appeal, by its reference."""

    appeal_ref: _Reference


class SupposedBody(Command):
    """A credential that is supposed; what is left out is as it would be if it were awarded today."""

    definition_id: _Id
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    issuer_org: _Id | None = None
    awarded_on: Annotated[date, Field(ge=date(1900, 1, 1))] | None = None
    recognition_level: _Recognition | None = None
    result_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    status: Literal["valid", "suspended", "expired", "revoked", "unknown"] = "valid"
    rpl: bool = False

    def value(self) -> Supposed:
        """Return it as the use case knows it."""
        return Supposed(**self.model_dump(exclude={"status"}), standing=self.status)


class EvaluationBody(Command):
    """A learner by reference, or credentials that are supposed."""

    learner_ref: _Learner | None = None
    credentials: Annotated[tuple[SupposedBody, ...], Field(max_length=200)] | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> EvaluationBody:
        if (self.learner_ref is None) == (self.credentials is None):
            raise ValueError("send learner_ref or credentials")
        return self


def commands(awards: Awards, offers: Offers) -> APIRouter:
    """Return the commands that make awards, and offer them."""
    routes = APIRouter(prefix="/v1/awards", tags=["awards"])

    @routes.post("", status_code=201, operation_id="award_pathway")
    async def award(body: AwardBody, request: Request, response: Response, who: Who) -> dict[str, Any]:
        """Award a pathway whose rule the learner satisfies, whatever was declined or revoked before."""
        command = AwardLearner(body.pathway_id, body.learner_ref, body.decision_ref)
        return _done(response, await awards.award(caller_of(request, who), command))

    @routes.post("/{stack_id}/decision", operation_id="decide_award")
    async def decide(
        stack_id: UUID, body: DecisionBody, request: Request, response: Response, who: Who
    ) -> dict[str, Any]:
        """Decide on a proposal: the rule must be satisfied then."""
        command = DecideProposal(body.decision, body.decision_ref, body.reason_code)
        return _done(response, await awards.decide(caller_of(request, who), stack_id, command))

    @routes.post("/{stack_id}/offers", status_code=201, operation_id="offer_award")
    async def offer(stack_id: UUID, body: OfferBody, request: Request, response: Response, who: Who) -> dict[str, Any]:
        """Offer an award that stands; an older offer is replaced. Codes are told only here."""
        offered = await offers.offer_award(caller_of(request, who), stack_id, tx_code=body.tx_code)
        positioned(response, offered.position)
        return told(offered)

    return routes


def reviews(awards: Awards) -> APIRouter:
    """Return the commands about awards that were made: reviews and appeals."""
    routes = APIRouter(prefix="/v1/awards", tags=["awards"])

    @routes.post("/{stack_id}/review", operation_id="review_award")
    async def review(
        stack_id: UUID, body: ReviewBody, request: Request, response: Response, who: Who
    ) -> dict[str, Any]:
        """Decide the open review of an award."""
        decision = ReviewDecision(**body.model_dump())
        return _done(response, await awards.review(caller_of(request, who), stack_id, decision))

    @routes.post("/{stack_id}/appeals", status_code=201, operation_id="appeal_award")
    async def appeal(
        stack_id: UUID, body: AppealBody, request: Request, response: Response, who: Who
    ) -> dict[str, Any]:
        """Record the holder's appeal; it opens a review."""
        return _done(response, await awards.appeal(caller_of(request, who), stack_id, body.appeal_ref))

    return routes


def reads(reading: AwardReading, trials: Trials) -> APIRouter:
    """Return the lists and the views of awards, and the dry run."""
    routes = APIRouter(prefix="/v1", tags=["awards"])

    @routes.get("/awards", operation_id="list_awards")
    async def listed(
        request: Request, who: Who,
        learner_ref: str | None = None, pathway_id: str | None = None, state: StackState | None = None,
        review: Literal["open", "overdue"] | None = None, limit: _Limit = 50, after: UUID | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A page of the awarding body's awards and proposals, in order of id; `next` is the `after` of the next."""
        wanted = Wanted(learner_ref, pathway_id, state, review)
        rows = await reading.listed(caller_of(request, who), wanted, limit=limit + 1, after=after)
        items = [_row(row, overdue=reading.overdue(row)) for row in rows[:limit]]
        return {"items": items, "next": items[-1]["stack_id"] if len(rows) > limit else None}

    @routes.get("/awards/{stack_id}", operation_id="read_award")
    async def one(stack_id: UUID, request: Request, who: Who, lang: Language = "sv") -> dict[str, Any]:
        """One award: where it stands, what the rule says now and why, and its open offer."""
        return _view(await reading.one(caller_of(request, who), stack_id, lang))

    @routes.post("/pathways/{pathway_id}/evaluations", operation_id="evaluate_pathway")
    async def evaluate(
        pathway_id: str, body: EvaluationBody, request: Request, who: Who, lang: Language = "sv"
    ) -> dict[str, Any]:
        """What the rule of a pathway would say, of a learner or of supposed credentials; nothing is written."""
        subject = body.learner_ref or tuple(one.value() for one in body.credentials or ())
        explained = await trials.evaluate(caller_of(request, who), pathway_id, subject, lang)
        evaluation = explained.evaluation
        used = [asdict(use) | {"place": written(use.place)} for use in evaluation.used]
        return {**_evaluation(explained), "used": used, "explanation": _sentences(explained)}

    return routes


def _done(response: Response, done: Done[Stack]) -> dict[str, Any]:
    positioned(response, done.position)
    subject, state = done.state.subject, done.state
    about = {name: getattr(subject, name) for name in ("stack_id", "credential_id", "pathway_id", "pathway_version")}
    more = {"learner_ref": subject.learner_ref, "ordinal": subject.ordinal, "state": state.name}
    review = state.review
    return {
        **about,
        **more,
        "causes": sorted(state.causes),
        "review": {"deadline": review.deadline} if review else None,
    }


def _row(row: StackRow, *, overdue: bool) -> dict[str, Any]:
    named = ("stack_id", "credential_id", "pathway_id", "pathway_version", "learner_ref", "ordinal", "state", "causes")
    review = asdict(row.review) | {"overdue": overdue} if row.review else None
    return {**{name: getattr(row, name) for name in named}, "awarded_on": row.awarded_on, "review": review}


def _view(view: AwardView) -> dict[str, Any]:
    offer = view.offer and {
        "offer_uri": view.offer.by_value,
        "qr_svg_url": f"{view.offer.offer_url}/qr.svg",
        "expires_at": view.offer.expires_at,
    }
    return {
        **_row(view.row, overdue=view.overdue),
        "constituents": [one.model_dump(mode="json") for one in view.row.constituents],
        "evaluation": _evaluation(view.explained),
        "explanation": _sentences(view.explained),
        "offer": offer,
    }


def _evaluation(explained: Explained) -> dict[str, Any]:
    evaluation = explained.evaluation
    return {
        "outcome": evaluation.outcome,
        "missing": [_missing(part) for part in evaluation.missing],
        "missing_exact": evaluation.missing_exact,
        "unknown": evaluation.unknown,
        "proof": evaluation.proof.as_json(),
    }


def _missing(part: MissingPart) -> dict[str, str]:
    return {"kind": part.kind, "id": part.id}


def _sentences(explained: Explained) -> list[dict[str, Any]]:
    return [asdict(sentence) for sentence in explained.sentences]
