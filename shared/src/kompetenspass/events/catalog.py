"""What the catalog states: definitions, pathways, their versions, and who may issue them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from kompetenspass.events.base import Event, partner, public


def fields_of(content: Mapping[str, Any]) -> frozenset[str]:
    """Return the ISCED-F codes of the fields that the document of a definition names."""
    return frozenset(str(field["code"]) for field in content.get("fields") or ())


def region_of(content: Mapping[str, Any]) -> str | None:
    """Return the name of the region in the document of a definition, None where it names none."""
    region = content.get("region")
    return region.get("name") if isinstance(region, Mapping) else region


class DefinitionDrafted(Event):
    """The owner wrote down a version of a definition, whole; it binds nobody yet and may be drafted again."""

    type: ClassVar[str] = "catalog.DefinitionDrafted.v1"
    definition_id: str
    version: int
    owner_org: str
    content: dict[str, Any]
    content_digest: str


class DefinitionReviewRequested(Event):
    """The owner sent a draft of a definition to its reviewers."""

    type: ClassVar[str] = "catalog.DefinitionReviewRequested.v1"
    definition_id: str
    version: int


class SectorApproved(Event):
    """A sector body approved a version of a definition by a decision of its own."""

    type: ClassVar[str] = "catalog.SectorApproved.v1"
    definition_id: str = public()
    version: int = public()
    sector_org: str = public()
    decision_ref: str = public()
    approved_on: str = public()


class DefinitionPublished(Event):
    """A version of a definition is in force and never changes; `content` is the whole document."""

    type: ClassVar[str] = "catalog.DefinitionPublished.v1"
    definition_id: str = public()
    urn: str = public()
    version: int = public()
    owner_org: str = public()
    awarding_body: str = public()
    provider: str = public()
    content: dict[str, Any] = public()
    content_digest: str = public()
    effective_from: datetime = public()


class DefinitionRetired(Event):
    """A version of a definition takes no new learners; what was issued under it stays valid."""

    type: ClassVar[str] = "catalog.DefinitionRetired.v1"
    definition_id: str = public()
    version: int = public()
    superseded_by: str | None = public(default=None)
    last_issue_date: str | None = public(default=None)


class IssuingRightGranted(Event):
    """The owner of a definition lets another organisation issue under it."""

    type: ClassVar[str] = "catalog.IssuingRightGranted.v1"
    definition_id: str = partner()
    issuer_org: str = partner()
    valid_from: datetime = partner()
    valid_to: datetime | None = partner(default=None)


class IssuingRightWithdrawn(Event):
    """The owner of a definition takes the right to issue back from `withdrawn_from` on."""

    type: ClassVar[str] = "catalog.IssuingRightWithdrawn.v1"
    definition_id: str = partner()
    issuer_org: str = partner()
    withdrawn_from: datetime = partner()


class PathwayDrafted(Event):
    """The owner wrote down a version of a pathway, whole; it binds nobody yet and may be drafted again."""

    type: ClassVar[str] = "catalog.PathwayDrafted.v1"
    pathway_id: str
    version: int
    owner_org: str
    content: dict[str, Any]
    content_digest: str


class PathwayReviewRequested(Event):
    """The owner sent a draft of a pathway to its reviewers."""

    type: ClassVar[str] = "catalog.PathwayReviewRequested.v1"
    pathway_id: str
    version: int


class PathwayPublished(Event):
    """A version of a pathway is in force: its rule, constraints, award and result never change."""

    type: ClassVar[str] = "catalog.PathwayPublished.v1"
    pathway_id: str = public()
    urn: str = public()
    version: int = public()
    owner_org: str = public()
    awarding_body: str = public()
    content: dict[str, Any] = public()
    content_digest: str = public()
    rule_digest: str = public()
    effective_from: datetime = public()
