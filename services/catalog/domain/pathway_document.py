"""The document of a pathway: its titles, its owner and its result, as it is read, stored and published.

Its rule, constraints and award are read by `kompetenspass.pathway`, which knows their language; here they are any
object. Source: domain, section 4.2.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from services.catalog.domain.document import Filled, Part, Text
from services.catalog.domain.faults import Fault, faults_of_form


class Result(Part):
    """What the award is, and the level its parts point to."""

    kind: Filled
    seqf: Annotated[int, Field(ge=1, le=8)] | None = None
    eqf: Annotated[int, Field(ge=1, le=8)] | None = None
    placement: Literal["not_applied", "indicative", "decided"]


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
    constraints: dict[str, Any]
    award: dict[str, Any]
    note: Text | None = None


def parse(content: dict[str, Any]) -> Pathway | tuple[Fault, ...]:
    """Return the document that `content` holds, or every fault of its form."""
    try:
        return Pathway.model_validate(content)
    except ValidationError as error:
        return faults_of_form(error)
