"""Who may act for what, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.registry import Scope
from kompetenspass.testing.clock import NOON
from services.issuance.domain.authority import (
    AssessorAward,
    Authorisation,
    Definition,
    Grant,
    IssuerKey,
    Organisation,
    Right,
    authorisation_of,
    require_key,
    require_right,
    require_role,
)

DAY = timedelta(days=1)
CONTENT = {"fields": [{"code": "0231"}], "region": {"name": "Norr"}}
MERIT = Definition("m-1", "urn:m-1", 1, "digest", "org:owner", "org:awarding", "org:provider", CONTENT)


def organisation(*grants: Grant, org_id: str = "org:a", keys: tuple[IssuerKey, ...] = ()) -> Organisation:
    return Organisation(org_id, "a", {"en": "A"}, "1", "SE", None, grants, keys)


def grant(**changes: Any) -> Grant:
    values: dict[str, Any] = {"role": "issuer", "valid_from": NOON - DAY, "valid_to": None}
    return Grant(**(values | changes))


@pytest.mark.parametrize(
    "held",
    [
        grant(),
        grant(valid_to=NOON + DAY),
        grant(scope=Scope(fields=("0231", "0001"))),
        grant(scope=Scope(regions=("Norr",))),
        grant(scope=Scope(definitions=("m-1",))),
    ],
)
def test_a_role_in_force_whose_scope_covers_the_definition_is_held(held: Grant) -> None:
    require_role(organisation(held), "issuer", MERIT, NOON)
    with pytest.raises(Problem, match="role_not_held"):
        require_role(organisation(), "issuer", MERIT, NOON)


@pytest.mark.parametrize(
    "held",
    [
        grant(role="provider"),
        grant(valid_from=NOON + DAY),
        grant(valid_to=NOON),
        grant(scope=Scope(fields=("0001",))),
        grant(scope=Scope(regions=("Syd",))),
        grant(scope=Scope(definitions=("m-2",))),
    ],
)
def test_any_other_role_time_or_scope_is_refused(held: Grant) -> None:
    with pytest.raises(Problem, match="role_not_held"):
        require_role(organisation(held), "issuer", MERIT, NOON)


def test_the_owner_needs_no_issuing_right() -> None:
    require_right(organisation(org_id="org:owner"), MERIT, (), NOON)
    with pytest.raises(Problem, match="no_issuing_right"):
        require_right(organisation(), MERIT, (), NOON)


def test_another_needs_a_right_that_is_in_force() -> None:
    require_right(organisation(), MERIT, [Right("org:a", NOON, None)], NOON)
    for right in (Right("org:b", NOON, None), Right("org:a", NOON + DAY, None), Right("org:a", NOON - DAY, NOON)):
        with pytest.raises(Problem, match="no_issuing_right"):
            require_right(organisation(), MERIT, [right], NOON)


def authorised(**changes: Any) -> Authorisation:
    values: dict[str, Any] = {"org_id": "org:provider", "fields": frozenset({"0231"}), "decision_ref": "D"}
    return Authorisation(**(values | {"valid_from": NOON - DAY, "valid_to": None} | changes))


@pytest.mark.parametrize("held", [authorised(), authorised(org_id="org:awarding"), authorised(fields=frozenset())])
def test_an_assessor_of_a_party_for_the_field_may_assess_that_day(held: Authorisation) -> None:
    assert authorisation_of([held], MERIT, NOON.date()) is held


@pytest.mark.parametrize(
    ("held", "on"),
    [
        (authorised(org_id="org:other"), NOON.date()),
        (authorised(fields=frozenset({"0001"})), NOON.date()),
        (authorised(), date(2026, 1, 1)),
        (authorised(valid_to=NOON - DAY / 2), NOON.date()),
    ],
)
def test_an_assessor_of_another_organisation_field_or_time_may_not(held: Authorisation, on: date) -> None:
    with pytest.raises(Problem, match="assessor_not_authorised"):
        authorisation_of([held], MERIT, on)


CRAFT = Definition(
    "m-2", "urn:m-2", 1, "digest", "org:owner", "org:awarding", "org:provider",
    CONTENT | {"assessment": {"assessor_requirement": "pathway:path-assessor"}},
)  # fmt: skip
TODAY = NOON.date()


def by_award(award: AssessorAward | None) -> Authorisation:
    return authorised(basis="stack_award", decision_ref="0190f7a0-0000-7000-8000-0000000000a1", award=award)


def awarded(**changes: Any) -> AssessorAward:
    values: dict[str, Any] = {"pathway_id": "path-assessor", "holds": True, "awarded_on": TODAY}
    return AssessorAward(**(values | changes))


@pytest.mark.parametrize(
    "held",
    [
        by_award(awarded()),
        by_award(awarded(valid_to=NOON + DAY)),
        authorised(basis="founding_decision", valid_to=NOON + DAY),
        authorised(basis="rpl"),
    ],
)
def test_a_required_pathway_is_proved_by_an_award_or_stood_in_for(held: Authorisation) -> None:
    assert authorisation_of([held], CRAFT, TODAY) is held


@pytest.mark.parametrize(
    "held",
    [
        by_award(None),
        by_award(awarded(holds=False)),
        by_award(awarded(pathway_id="path-other")),
        by_award(awarded(awarded_on=TODAY + DAY)),
        by_award(awarded(valid_to=NOON)),
        authorised(basis="founding_decision", valid_to=NOON - DAY / 2),
    ],
)
def test_an_award_that_does_not_hold_or_is_of_another_pathway_is_refused_with_what_is_needed(
    held: Authorisation,
) -> None:
    with pytest.raises(Problem, match="assessor_not_authorised") as caught:
        authorisation_of([held], CRAFT, TODAY)
    assert "a stack award of path-assessor" in str(caught.value.remedy)
    assert caught.value.members == {"assessor_requirement": "pathway:path-assessor"}


def test_of_several_authorisations_one_that_meets_the_requirement_is_found() -> None:
    assert authorisation_of([by_award(None), by_award(awarded())], CRAFT, TODAY) == by_award(awarded())


@pytest.mark.parametrize("requirement", [None, "two years in the trade"])
def test_without_a_required_pathway_any_basis_counts(requirement: str | None) -> None:
    merit = replace(CRAFT, content=CONTENT | {"assessment": {"assessor_requirement": requirement}})
    assert authorisation_of([by_award(None)], merit, TODAY)


def test_only_a_registered_key_that_is_not_compromised_may_sign() -> None:
    good = IssuerKey("k", {}, NOON - DAY, NOON + DAY)
    require_key(organisation(keys=(good,)), "k", NOON)
    for keys, kid in (((good,), "other"), ((IssuerKey("k", {}, NOON, NOON + DAY, NOON + DAY),), "k"), ((), "k")):
        with pytest.raises(Problem, match="key_not_registered"):
            require_key(organisation(keys=keys), kid, NOON)


def test_an_organisation_without_a_swedish_name_goes_by_another() -> None:
    assert organisation().name == "A"
