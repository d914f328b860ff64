"""The pathway: draft, in review, published, version by version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from kompetenspass.core.digest import content_digest
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events import catalog as facts
from kompetenspass.events.base import Event
from kompetenspass.pathway import wellformed
from kompetenspass.pathway.wellformed import Reference
from services.catalog.domain.faults import Fault, is_identifier, wrong_state
from services.catalog.domain.pathway_document import Pathway as Document
from services.catalog.domain.rules import Roles, body_fault

State = Literal["draft", "in_review", "published"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its state and its whole document."""

    number: int
    state: State
    content: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Pathway:
    """A pathway as its stream tells it; without an owner it does not exist."""

    id: str = ""
    owner: str = ""
    versions: Mapping[int, Version] = field(default_factory=dict)

    @property
    def latest(self) -> Version:
        """The newest version. Raises Problem `not_found` for a pathway that does not exist."""
        if not self.versions:
            raise not_found("pathway")
        return self.versions[max(self.versions)]

    @property
    def published(self) -> Version | None:
        """The newest published version."""
        numbers = [number for number, version in self.versions.items() if version.state == "published"]
        return self.versions[max(numbers)] if numbers else None


INITIAL = Pathway()


def stream(pathway_id: str) -> str:
    """Return the name of a pathway's stream."""
    return f"path-{pathway_id}"


def evolve(state: Pathway, event: Event) -> Pathway:
    """Return the state after one more fact; facts of no concern leave it as it is."""
    match event:
        case facts.PathwayDrafted():
            version = Version(event.version, "draft", event.content, event.content_digest)
            versions = {**state.versions, event.version: version}
            return replace(state, id=event.pathway_id, owner=state.owner or event.owner_org, versions=versions)
        case facts.PathwayReviewRequested():
            return _moved(state, event.version, "in_review")
        case facts.PathwayPublished():
            return _moved(state, event.version, "published")
        case _:
            return state


def draft(state: Pathway, content: Mapping[str, Any]) -> Sequence[Event]:
    """Return the draft of a new version, or of a draft's next wording; nothing if these very words stand already.

    Raises Problem `wrong_state`, `published_immutable`, `version_gap` or `owner_differs`.
    """
    number, digest, awarding_body = int(content["version"]), content_digest(content), str(content["awarding_body"])
    known = state.versions.get(number)
    if known is not None and known.digest == digest:
        return ()
    if state.owner and state.owner != awarding_body:
        raise Problem("owner_differs", "Another organisation owns this pathway.", kind=Kind.CONFLICT)
    _check_number(state, number)
    return (
        facts.PathwayDrafted(
            pathway_id=str(content["id"]),
            version=number,
            owner_org=state.owner or awarding_body,
            content=dict(content),
            content_digest=digest,
        ),
    )


def request_review(state: Pathway) -> Sequence[Event]:
    """Return the request for review of the draft. Raises Problem `wrong_state`."""
    version = _in_state(state, "draft")
    return (facts.PathwayReviewRequested(pathway_id=state.id, version=version.number),)


def publish(state: Pathway, now: datetime) -> Sequence[Event]:
    """Return the publication of the reviewed version, with its whole content. Raises Problem `wrong_state`."""
    version = _in_state(state, "in_review")
    content = dict(version.content)
    return (
        facts.PathwayPublished(
            pathway_id=state.id,
            urn=content["urn"],
            version=version.number,
            owner_org=state.owner,
            awarding_body=content["awarding_body"],
            content=content,
            content_digest=version.digest,
            rule_digest=content_digest(content["rule"]),
            effective_from=now,
        ),
    )


def faults_of_draft(document: Document, content: Mapping[str, Any], roles: Roles) -> Iterator[Fault]:
    """Yield what no version may break: identifier, rule and constraints (the content's own words), awarding body."""
    if not is_identifier(document.id):
        yield Fault("identifier", ("id",), "An id is 2 to 64 lower-case letters, digits and hyphens.")
    yield from wellformed.faults(content)
    yield from body_fault(document.awarding_body, "awarding_body", ("awarding_body",), roles)


def faults_of_references(
    own_id: str,
    references: Sequence[Reference],
    published: frozenset[tuple[str, str]],
    below: Mapping[str, frozenset[str]],
) -> Iterator[Fault]:
    """Yield each reference to something unpublished, and each way back to the pathway itself.

    `published` holds (kind, id); `below` the pathways that a referenced pathway leads to, itself included.
    """
    for reference in references:
        if reference.kind == "pathway" and own_id in below.get(reference.id, frozenset({reference.id})):
            yield Fault("pathway_cycle", reference.place, f"{reference.id} leads back to this pathway.")
        elif (reference.kind, reference.id) not in published:
            text = f"The {reference.kind} {reference.id} is unknown or not published."
            yield Fault("reference_unpublished", reference.place, text)


def _moved(state: Pathway, number: int, to: State) -> Pathway:
    return replace(state, versions={**state.versions, number: replace(state.versions[number], state=to)})


def _in_state(state: Pathway, wanted: State) -> Version:
    version = state.latest
    if version.state != wanted:
        raise wrong_state("pathway", version.state, wanted)
    return version


def _check_number(state: Pathway, number: int) -> None:
    newest = max(state.versions, default=0)
    known = state.versions.get(number)
    if known is not None and known.state == "published":
        raise Problem(
            "published_immutable",
            "A published version never changes.",
            kind=Kind.CONFLICT,
            remedy=f"Draft version {newest + 1} instead.",
        )
    if known is not None and known.state != "draft":
        raise wrong_state("pathway", known.state, "draft")
    unfinished = newest and state.versions[newest].state != "published"
    allowed = newest if unfinished else newest + 1
    if newest and number != allowed:  # the first that comes here may have any number: earlier ones lived elsewhere
        raise Problem("version_gap", f"The next version is {allowed}.", remedy="Correct `version` in the content.")
