"""The document of a pathway: its rule, constraints, award and result, as it is read, stored and published.

The rule's nodes are read by `rule`, which knows their language; here it is any object. Source: domain, section 4.2.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from services.catalog.domain.document import Filled, Part, Recognition, Text
from services.catalog.domain.faults import Fault, faults_of_form

VALIDITY = r"^(live|snapshot|grace:P[1-9][0-9]{0,3}D)$"


class Result(Part):
    """What the award is, and the level its parts point to."""

    kind: Filled
    seqf: Annotated[int, Field(ge=1, le=8)] | None = None
    eqf: Annotated[int, Field(ge=1, le=8)] | None = None
    placement: Literal["not_applied", "indicative", "decided"]


class Constraints(Part):
    """What holds for the rule as a whole."""

    double_counting: Literal["forbid", "allow"]
    min_recognition: Recognition | None = None
    min_issuers: Annotated[int, Field(ge=1, le=50)] | None = None
    order: list[Annotated[list[Filled], Field(min_length=2, max_length=2)]] | None = None
    default_validity: Annotated[str, Field(pattern=VALIDITY)]
    on_lapse: Literal["none", "suspend"] | None = None


class Award(Part):
    """Whether the award follows by itself or by a decision of the awarding body."""

    mode: Literal["automatic", "decision"]
    on_satisfied: Literal["award", "propose_award"]


class Pathway(Part):
    """One version of a pathway."""

    id: Filled
    urn: Annotated[str, Field(pattern=r"^urn:[a-z0-9][a-z0-9-]{0,31}:\S+$", max_length=200)]
    version: Annotated[int, Field(ge=1, le=9999)]
    illustrative: bool = False
    title: Text
    awarding_body: Filled
    result: Result
    rule: dict[str, Any]
    constraints: Constraints
    award: Award
    note: Text | None = None


def parse(content: dict[str, Any]) -> Pathway | tuple[Fault, ...]:
    """Return the document that `content` holds, or every fault of its form."""
    try:
        return Pathway.model_validate(content)
    except ValidationError as error:
        return faults_of_form(error)
