"""The document of a definition: what a mikromerits beskrivning says, as it is read, stored and published.

The model knows types and names. What a published document must hold beyond that is in `rules`, so that a refusal
can name every reason at once. The marks A-n and B-n are the elements of Council Recommendation 2022/C 243/02, Annex I.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.catalog.domain.faults import Fault, faults_of_form

Filled = Annotated[str, Field(min_length=1, max_length=4000)]
Uri = Annotated[str, Field(pattern=r"^(https?://|urn:)\S+$", max_length=500)]
Recognition = Literal["R1", "R2", "R3", "R4", "R5", "R6"]
CATEGORIES = ("knowledge", "skill", "responsibility_autonomy")


class Part(BaseModel):
    """A part of the document: unknown members and converted types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Text(Part):
    """A text in Swedish and English."""

    sv: Filled
    en: Filled


class Term(Part):
    """A value of a controlled vocabulary."""

    label: Filled
    uri: Uri


class Region(Part):
    """The region of the awarding body; it has one or not."""

    name: Filled
    jobtech_id: Filled | None = None


class Outcome(Part):
    """A-6: one learning outcome, in the five parts of the project's structure and joined."""

    id: Filled
    category: Literal["knowledge", "skill", "responsibility_autonomy"]
    intro: Text
    activity: Text
    content: Text
    quality: Text
    context: Text
    statement: Text


class Workload(Part):
    """A-7: notional workload."""

    hours: float
    iso8601: Filled
    ects: float | None = None


class DecidedBy(Part):
    """The authority's decision behind a placement."""

    authority: Filled
    decision: Filled


class Level(Part):
    """A-8: level in SeQF and EQF; a value stands only with the kind of its placement."""

    applicable: bool
    seqf: int | None = None
    seqf_uri: Uri | None = None
    eqf: int | None = None
    eqf_uri: Uri | None = None
    placement: Filled | None = None
    reason: Filled | None = None
    decided_by: DecidedBy | None = None


class PassRule(Part):
    """When a result is a pass: a threshold in every instrument, or all criteria (the outcomes' ids)."""

    kind: Literal["min_percent", "all_criteria_met"]
    value: int | None = None
    critical_errors_allowed: int | None = None


class Assessment(Part):
    """A-9, B-2, B-3: the instruments, the pass rule, supervision and grading."""

    types: list[Term]
    pass_rule: PassRule | None = None
    supervision: Term | None = None
    grading: list[Filled] = []
    assessor_requirement: Filled | None = None


class LearningSetting(Term):
    """Formal, non-formal or informal."""

    seed_category: Literal["formal", "non_formal", "informal"]


class QualityAssurance(Part):
    """A-11: type of quality assurance and who stands for it."""

    type: Filled
    label: Text
    body: Filled
    review_cycle_months: Annotated[int, Field(ge=1, le=1200)]


class RecognitionLevel(Part):
    """How widely the merit is recognised, and what the owner works towards."""

    level: Recognition
    target_level: Recognition | None = None


class Concept(Part):
    """A concept of JobTech's taxonomy."""

    label: Filled
    type: Filled
    id: Filled


class Field_(Part):  # noqa: N801  pydantic's own `Field` has the plain name
    """A field of education in ISCED-F 2013."""

    scheme: Filled
    code: Annotated[str, Field(pattern=r"^\d{2,4}$")]
    label: Filled
    uri: Uri


class Skill(Term):
    """A skill or knowledge concept of ESCO."""

    type: Filled


class Validity(Part):
    """How long a merit lasts, in months; None: it does not expire."""

    months: Annotated[int, Field(ge=1, le=1200)] | None = None
    renewal: Filled | None = None


class FormalRecord(Part):
    """The formal record that stands behind an R6 merit."""

    system: Filled
    kind: Filled
    credits_hp: float | None = None


class Definition(Part):
    """One version of a definition."""

    id: Filled
    urn: Annotated[str, Field(pattern=r"^urn:[a-z0-9][a-z0-9-]{0,31}:\S+$", max_length=200)]
    version: Annotated[int, Field(ge=1, le=9999)]
    illustrative: bool = False
    title: Text
    description: Text
    awarding_body: Filled
    provider: Filled
    country: str | None = None
    region: Region | None = None
    learning_outcomes: list[Outcome] = []
    outcome_exemptions: dict[Literal["knowledge", "skill", "responsibility_autonomy"], Filled] = {}
    workload: Workload | None = None
    level: Level | None = None
    assessment: Assessment | None = None
    participation: Term | None = None
    learning_setting: LearningSetting | None = None
    quality_assurance: QualityAssurance | None = None
    recognition: RecognitionLevel
    language: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]]
    fields_: Annotated[list[Field_], Field(alias="fields")] = []
    esco_skills: list[Skill] = []
    jobtech_concepts: list[Concept] = []
    reusability: Term | None = None
    prerequisites: list[Filled] = []
    validity: Validity = Validity()
    stackable: bool
    safety_critical: bool = False
    tags: list[Filled] = []
    formal_record: FormalRecord | None = None


def parse(content: dict[str, Any]) -> Definition | tuple[Fault, ...]:
    """Return the document that `content` holds, or every fault of its form."""
    try:
        return Definition.model_validate(content)
    except ValidationError as error:
        return faults_of_form(error)
