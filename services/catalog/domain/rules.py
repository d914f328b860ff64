"""What a definition must hold: the invariants of domain.md 3.2 that its document alone decides, plus its bodies'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from services.catalog.domain.document import CATEGORIES, Assessment, Definition, Level, PassRule
from services.catalog.domain.faults import Fault, Place, is_identifier

Roles = Mapping[str, frozenset[str]]
"""The roles that each known organisation has today; an unknown organisation is absent."""

_ANNEX = {
    "country": "A-3 country of the awarding body",
    "learning_outcomes": "A-6 learning outcomes",
    "workload": "A-7 notional workload",
    "level": "A-8 level (or the reason why none applies)",
    "assessment": "A-9 type of assessment",
    "participation": "A-10 form of participation",
    "quality_assurance": "A-11 quality assurance",
}


def faults_of_draft(document: Definition) -> Iterator[Fault]:
    """Yield what no version may break, in any state: identifiers, a decidable pass rule (e), level placement (g)."""
    if not is_identifier(document.id):
        yield Fault("identifier", ("id",), "An id is 2 to 64 lower-case letters, digits and hyphens.")
    if document.level is not None:
        yield from _level(document.level)
    if document.assessment is not None:
        yield from _assessment(document.assessment)
    yield from _doubled([outcome.id for outcome in document.learning_outcomes], "learning_outcomes", "id")
    yield from _doubled(document.prerequisites, "prerequisites")
    if document.id in document.prerequisites:
        place: Place = ("prerequisites", document.prerequisites.index(document.id))
        yield Fault("definition_cycle", place, "A definition cannot be its own prerequisite.")


def faults_of_publication(document: Definition) -> Iterator[Fault]:
    """Yield what a version under review or published may not break: (a) and (d), and all that a draft may not."""
    yield from faults_of_draft(document)
    yield from _completeness(document)
    yield from _categories(document)


def faults_of_bodies(document: Definition, roles: Roles) -> Iterator[Fault]:
    """Yield each organisation of the document that is unknown or lacks the role in which it is named."""
    yield from body_fault(document.awarding_body, "awarding_body", ("awarding_body",), roles)
    yield from body_fault(document.provider, "provider", ("provider",), roles)
    assured = document.quality_assurance
    if assured is not None:
        yield from body_fault(assured.body, "quality_assurer", ("quality_assurance", "body"), roles)
    decided = document.level.decided_by if document.level else None
    if decided is not None:
        place = ("level", "decided_by", "authority")
        yield from body_fault(decided.authority, "qualifications_framework_authority", place, roles)


def body_fault(org: str, role: str, place: Place, roles: Roles) -> Iterator[Fault]:
    """Yield the fault of one named organisation, if it has one."""
    if org not in roles:
        yield Fault("unknown_organisation", place, f"{org} is not a registered organisation.")
    elif role not in roles[org]:
        yield Fault("role_missing", place, f"{org} does not have the role {role}.")


def bodies(document: Definition) -> frozenset[str]:
    """Return every organisation that the document names."""
    named = {document.awarding_body, document.provider}
    if document.quality_assurance is not None:
        named.add(document.quality_assurance.body)
    if document.level is not None and document.level.decided_by is not None:
        named.add(document.level.decided_by.authority)
    return frozenset(named)


def _completeness(document: Definition) -> Iterator[Fault]:
    for name, element in _ANNEX.items():
        if not getattr(document, name):
            yield Fault("annex_element_missing", (name,), f"The mandatory element {element} is missing.")
    if document.country and not (
        len(document.country) == 2 and document.country.isalpha() and document.country.isupper()
    ):
        yield Fault("country", ("country",), "A country is two capital letters (ISO 3166-1).")
    work = document.workload
    if work is not None and work.hours <= 0:
        yield Fault("workload", ("workload", "hours"), "The workload is more than 0 hours.")
    if work is not None and work.iso8601 != f"PT{work.hours:g}H":
        yield Fault("workload", ("workload", "iso8601"), "The duration says the same number of hours as `hours`.")


def _categories(document: Definition) -> Iterator[Fault]:
    present = {outcome.category for outcome in document.learning_outcomes}
    for category in CATEGORIES:
        if category not in present and category not in document.outcome_exemptions:
            text = f"There is no learning outcome of the category {category}, and no recorded exemption."
            yield Fault("outcome_category_missing", ("learning_outcomes",), text)


def _assessment(assessment: Assessment) -> Iterator[Fault]:
    if not assessment.types:
        text = "At least one type of assessment is needed (A-9)."
        yield Fault("annex_element_missing", ("assessment", "types"), text)
    for fault in _doubled([term.uri for term in assessment.types], "types", "uri"):
        yield Fault(fault.code, ("assessment", *fault.place), fault.text)
    if assessment.pass_rule is None:
        yield Fault("pass_rule", ("assessment", "pass_rule"), "A result cannot be judged without a pass rule.")
    else:
        yield from _pass_rule(assessment.pass_rule)


def _pass_rule(rule: PassRule) -> Iterator[Fault]:
    place = ("assessment", "pass_rule", "value")
    if rule.kind == "min_percent" and (rule.value is None or not 1 <= rule.value <= 100):
        yield Fault("pass_rule", place, "The threshold is a whole number from 1 to 100.")
    if rule.kind == "all_criteria_met" and rule.value is not None:
        yield Fault("pass_rule", place, "A threshold belongs to min_percent, not to all_criteria_met.")
    if rule.critical_errors_allowed is not None and rule.critical_errors_allowed < 0:
        yield Fault("pass_rule", ("assessment", "pass_rule", "critical_errors_allowed"), "It is 0 or more.")


def _level(level: Level) -> Iterator[Fault]:
    if not level.applicable:
        yield from _no_level(level)
        return
    if level.seqf is None and level.eqf is None:
        yield Fault("level", ("level",), "An applicable level has a value in SeQF or EQF.")
    for name, value in (("seqf", level.seqf), ("eqf", level.eqf)):
        if value is not None and not 1 <= value <= 8:
            yield Fault("level", ("level", name), "A level is a whole number from 1 to 8.")
    if level.placement not in ("indicative", "decided"):
        yield Fault("level_placement", ("level", "placement"), "A level's placement is `indicative` or `decided`.")
    if level.placement == "decided" and level.decided_by is None:
        text = "A decided placement names the authority and its decision."
        yield Fault("level_placement", ("level", "decided_by"), text)
    if level.placement == "indicative" and level.decided_by is not None:
        yield Fault("level_placement", ("level", "decided_by"), "An indicative placement has no decision.")


def _no_level(level: Level) -> Iterator[Fault]:
    for name in ("seqf", "seqf_uri", "eqf", "eqf_uri", "placement", "decided_by"):
        if getattr(level, name) is not None:
            yield Fault("level", ("level", name), "A level that does not apply has no value.")
    if level.reason is None:
        yield Fault("level", ("level", "reason"), "Say why no level applies.")


def _doubled(values: list[str], *place: str) -> Iterator[Fault]:
    counts = Counter(values)
    for index, value in enumerate(values):
        if counts[value] > 1 and value in values[:index]:
            yield Fault("doubled", (place[0], index, *place[1:]), "The same value stands here twice.")
