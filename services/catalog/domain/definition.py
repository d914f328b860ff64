"""The definition: draft, in review, sector approved, published, retired, version by version, and who may issue it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from kompetenspass.core.digest import content_digest
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events import catalog as facts
from kompetenspass.events.base import Event
from services.catalog.domain.faults import wrong_state

State = Literal["draft", "in_review", "sector_approved", "published", "retired"]
PUBLIC: tuple[State, ...] = ("published", "retired")


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its state and its whole document."""

    number: int
    state: State
    content: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Right:
    """One grant of the right to issue, until `until` (None: no end)."""

    issuer_org: str
    since: datetime
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        """Return whether the right covers a moment."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition as its stream tells it; without an owner it does not exist."""

    id: str = ""
    owner: str = ""
    versions: Mapping[int, Version] = field(default_factory=dict)
    rights: tuple[Right, ...] = ()

    @property
    def latest(self) -> Version:
        """The newest version. Raises Problem `not_found` for a definition that does not exist."""
        if not self.versions:
            raise not_found("definition")
        return self.versions[max(self.versions)]

    @property
    def published(self) -> Version | None:
        """The newest version that is published and not retired."""
        numbers = [number for number, version in self.versions.items() if version.state == "published"]
        return self.versions[max(numbers)] if numbers else None


INITIAL = Definition()


def stream(definition_id: str) -> str:
    """Return the name of a definition's stream."""
    return f"def-{definition_id}"


def evolve(state: Definition, event: Event) -> Definition:
    """Return the state after one more fact; facts of no concern leave it as it is."""
    match event:
        case facts.DefinitionDrafted():
            version = Version(event.version, "draft", event.content, event.content_digest)
            owner = state.owner or event.owner_org
            return replace(
                state, id=event.definition_id, owner=owner, versions={**state.versions, event.version: version}
            )
        case facts.DefinitionReviewRequested():
            return _moved(state, event.version, "in_review")
        case facts.SectorApproved():
            return _moved(state, event.version, "sector_approved")
        case facts.DefinitionPublished():
            return _moved(state, event.version, "published")
        case facts.DefinitionRetired():
            return _moved(state, event.version, "retired")
        case facts.IssuingRightGranted():
            right = Right(event.issuer_org, event.valid_from, event.valid_to)
            return replace(state, rights=(*state.rights, right))
        case facts.IssuingRightWithdrawn():
            return replace(state, rights=tuple(_ended(right, event) for right in state.rights))
        case _:
            return state


def draft(state: Definition, content: Mapping[str, Any]) -> Sequence[Event]:
    """Return the draft of a new version, or of a draft's next wording; nothing if these very words stand already.

    Raises Problem `wrong_state` for a version under review, `published_immutable` for a published one (c),
    `version_gap` for any number but the next of a known one, `owner_differs` for another awarding body than the owner.
    """
    number, digest = int(content["version"]), content_digest(content)
    known = state.versions.get(number)
    if known is not None and known.digest == digest:
        return ()
    _check_owner(state, str(content["awarding_body"]))
    _check_number(state, number)
    return (
        facts.DefinitionDrafted(
            definition_id=str(content["id"]),
            version=number,
            owner_org=state.owner or str(content["awarding_body"]),
            content=dict(content),
            content_digest=digest,
        ),
    )


def request_review(state: Definition) -> Sequence[Event]:
    """Return the request for review of the draft. Raises Problem `wrong_state`."""
    version = _in_state(state, "draft")
    return (facts.DefinitionReviewRequested(definition_id=state.id, version=version.number),)


def approve(state: Definition, *, sector_org: str, decision_ref: str, approved_on: str) -> Sequence[Event]:
    """Return the sector body's approval of the version under review. Raises Problem `wrong_state`."""
    version = _in_state(state, "in_review")
    return (
        facts.SectorApproved(
            definition_id=state.id,
            version=version.number,
            sector_org=sector_org,
            decision_ref=decision_ref,
            approved_on=approved_on,
        ),
    )


def publish(state: Definition, now: datetime) -> Sequence[Event]:
    """Return the publication of the reviewed version, with its whole content. Raises Problem `wrong_state`."""
    version = _in_state(state, "in_review", "sector_approved")
    content = dict(version.content)
    return (
        facts.DefinitionPublished(
            definition_id=state.id,
            urn=content["urn"],
            version=version.number,
            owner_org=state.owner,
            awarding_body=content["awarding_body"],
            provider=content["provider"],
            content=content,
            content_digest=version.digest,
            effective_from=now,
        ),
    )


def retire(state: Definition, *, superseded_by: str | None, last_issue_date: str | None) -> Sequence[Event]:
    """Return the retirement of the published version; what was issued under it stays (h). Raises `wrong_state`."""
    version = state.published
    if version is None:
        raise wrong_state("definition", state.latest.state, "published")
    return (
        facts.DefinitionRetired(
            definition_id=state.id,
            version=version.number,
            superseded_by=superseded_by,
            last_issue_date=last_issue_date,
        ),
    )


def grant(state: Definition, *, issuer_org: str, since: datetime, until: datetime | None) -> Sequence[Event]:
    """Return the grant of the right to issue, or nothing where the organisation has it already (the owner always)."""
    if until is not None and until <= since:
        raise Problem("period_empty", "The right would end before it begins.", remedy="Send a later `valid_to`.")
    has_it = any(right.issuer_org == issuer_org and right.holds(since) for right in state.rights)
    if issuer_org == state.owner or has_it:
        return ()
    return (facts.IssuingRightGranted(definition_id=state.id, issuer_org=issuer_org, valid_from=since, valid_to=until),)


def withdraw(state: Definition, *, issuer_org: str, since: datetime) -> Sequence[Event]:
    """Return the withdrawal of the right to issue. Raises Problem `not_found` where the organisation has none."""
    if not any(right.issuer_org == issuer_org and right.holds(since) for right in state.rights):
        raise not_found("issuing right")
    return (facts.IssuingRightWithdrawn(definition_id=state.id, issuer_org=issuer_org, withdrawn_from=since),)


def _moved(state: Definition, number: int, to: State) -> Definition:
    version = replace(state.versions[number], state=to)
    return replace(state, versions={**state.versions, number: version})


def _ended(right: Right, event: facts.IssuingRightWithdrawn) -> Right:
    if right.issuer_org != event.issuer_org or not right.holds(event.withdrawn_from):
        return right
    return replace(right, until=event.withdrawn_from)


def _in_state(state: Definition, *wanted: State) -> Version:
    version = state.latest
    if version.state not in wanted:
        raise wrong_state("definition", version.state, " or ".join(wanted))
    return version


def _check_owner(state: Definition, awarding_body: str) -> None:
    if state.owner and state.owner != awarding_body:
        raise Problem(
            "owner_differs",
            "Another organisation owns this definition.",
            kind=Kind.CONFLICT,
            remedy="The owner is the awarding body of the first version; ownership is transferred, not rewritten.",
        )


def _check_number(state: Definition, number: int) -> None:
    newest = max(state.versions, default=0)
    known = state.versions.get(number)
    if known is not None and known.state in PUBLIC:
        raise Problem(
            "published_immutable",
            "A published version never changes.",
            kind=Kind.CONFLICT,
            remedy=f"Draft version {newest + 1} instead.",
        )
    if known is not None and known.state != "draft":
        raise wrong_state("definition", known.state, "draft")
    unfinished = newest and state.versions[newest].state not in PUBLIC
    allowed = newest if unfinished else newest + 1
    if newest and number != allowed:  # the first that comes here may have any number: earlier ones lived elsewhere
        raise Problem("version_gap", f"The next version is {allowed}.", remedy="Correct `version` in the content.")
