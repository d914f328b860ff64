"""Assessors: authorised by decision, award or validation; given, when, then."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.registry import AssessorAuthorised, AssessorWithdrawn, OrganisationRegistered
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given
from services.registry.domain.assessors import authorise_assessor, award_named, withdraw_assessor
from services.registry.domain.award import Award
from services.registry.domain.organisation import Organisation, evolve

START = datetime(2026, 1, 1, tzinfo=UTC)
STACK = UUID("0190f7a0-0000-7000-8000-0000000000a1")
AWARD = Award(STACK, UUID("0190f7a0-0000-7000-8000-0000000000a2"), "path-1", "org:alfa")

ALFA = OrganisationRegistered(
    org_id="org:alfa", legal_name={"sv": "Alfa"}, slug="alfa", registration_no="1", country="SE"
)
ASSESSOR = AssessorAuthorised(
    org_id="org:alfa",
    assessor_ref="assessor:alfa-1",
    fields=("0231",),
    basis="founding_decision",
    decision_ref="D-1",
    valid_from=START,
    valid_to=START + timedelta(days=700),
)
HOLDER = ASSESSOR.model_copy(
    update={"assessor_ref": "assessor:alfa-9", "basis": "stack_award", "decision_ref": str(STACK), "valid_to": None}
)


def state(*events: Event) -> Organisation:
    return given(Organisation(), evolve, events)


def refused(code: str) -> Any:
    return pytest.raises(Problem, match=f"^{code}:")


def test_an_assessor_is_authorised_once_and_again_is_nothing() -> None:
    assert authorise_assessor(state(ALFA), ASSESSOR) == (ASSESSOR,)
    assert authorise_assessor(state(ALFA, ASSESSOR), ASSESSOR) == ()


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("invalid_assessor", {"assessor_ref": "Anna Andersson"}),
        ("invalid_assessor", {"fields": ("vård",)}),
        ("invalid_assessor", {"decision_ref": ""}),
        ("invalid_assessor", {"valid_to": START}),
        ("founding_decision_too_long", {"valid_to": None}),
        ("founding_decision_too_long", {"valid_to": START + timedelta(days=1200)}),
    ],
)
def test_an_authorisation_in_another_form_is_refused(code: str, change: dict[str, object]) -> None:
    with refused(code):
        authorise_assessor(state(ALFA), ASSESSOR.model_copy(update=change))


def test_an_assessor_is_authorised_on_other_terms_only_after_a_withdrawal() -> None:
    other = ASSESSOR.model_copy(update={"decision_ref": "D-2"})
    withdrawn = AssessorWithdrawn(org_id="org:alfa", assessor_ref="assessor:alfa-1", withdrawn_from=NOON)
    with refused("assessor_already_authorised"):
        authorise_assessor(state(ALFA, ASSESSOR), other)
    assert withdraw_assessor(state(ALFA, ASSESSOR), withdrawn) == (withdrawn,)
    assert withdraw_assessor(state(ALFA, ASSESSOR, withdrawn), withdrawn) == ()
    assert authorise_assessor(state(ALFA, ASSESSOR, withdrawn), other) == (other,)


def test_founding_decisions_are_limited_in_number() -> None:
    ten = [ASSESSOR.model_copy(update={"assessor_ref": f"assessor:alfa-{n}"}) for n in range(10)]
    with refused("too_many_founding_assessors"):
        authorise_assessor(state(ALFA, *ten), ASSESSOR.model_copy(update={"assessor_ref": "assessor:alfa-11"}))


def test_an_unknown_assessor_cannot_be_withdrawn() -> None:
    with refused("not_found"):
        withdraw_assessor(
            state(ALFA), AssessorWithdrawn(org_id="org:alfa", assessor_ref="assessor:x", withdrawn_from=NOON)
        )


def test_an_assessor_by_stack_award_names_an_award_that_the_registry_has_seen() -> None:
    assert award_named(HOLDER) == STACK
    assert authorise_assessor(state(ALFA), HOLDER, AWARD) == (HOLDER,)
    with refused("award_unknown"):
        authorise_assessor(state(ALFA), HOLDER)


def test_a_revoked_award_authorises_nobody_but_what_stands_is_not_asked_again() -> None:
    over = Award(STACK, AWARD.credential_id, "path-1", "org:alfa", revoked=True)
    with refused("award_not_valid"):
        authorise_assessor(state(ALFA), HOLDER, over)
    assert authorise_assessor(state(ALFA, HOLDER), HOLDER, over) == ()


@pytest.mark.parametrize("reference", ["D-1", str(STACK).upper(), STACK.hex, f"urn:uuid:{STACK}", " "])
def test_an_award_is_named_by_its_id_in_one_form(reference: str) -> None:
    wanted = HOLDER.model_copy(update={"decision_ref": reference})
    assert award_named(wanted) is None
    with refused("invalid_assessor") as caught:
        authorise_assessor(state(ALFA), wanted, AWARD)
    assert caught.value.members == {"fields": ["decision_ref"]}


@pytest.mark.parametrize("basis", ["founding_decision", "rpl"])
def test_another_basis_rests_on_no_award(basis: str) -> None:
    assert award_named(HOLDER.model_copy(update={"basis": basis})) is None


@pytest.mark.parametrize(
    ("held", "wanted", "covered"),
    [
        (("0231",), ("0231",), ["0231"]),
        (("0231", "0713"), ("0713",), ["0713"]),
        (("0231",), ("0110", "0231"), ["0231"]),
        ((), ("0231",), ["0231"]),
        (("0231",), (), []),
    ],
)
def test_a_founding_decision_is_refused_where_an_assessor_by_award_is_there(
    held: tuple[str, ...], wanted: tuple[str, ...], covered: list[str]
) -> None:
    holder = HOLDER.model_copy(update={"fields": held})
    with refused("bootstrapping_over") as caught:
        authorise_assessor(state(ALFA, holder), ASSESSOR.model_copy(update={"fields": wanted}))
    assert caught.value.members == {"fields": covered}


@pytest.mark.parametrize(
    "before",
    [
        (HOLDER.model_copy(update={"fields": ("0713",)}),),
        (HOLDER.model_copy(update={"valid_to": START}),),
        (HOLDER.model_copy(update={"basis": "rpl"}),),
        (HOLDER, AssessorWithdrawn(org_id="org:alfa", assessor_ref="assessor:alfa-9", withdrawn_from=NOON)),
    ],
)
def test_an_assessor_of_another_field_time_or_basis_leaves_founding_decisions_possible(
    before: tuple[Event, ...],
) -> None:
    assert authorise_assessor(state(ALFA, *before), ASSESSOR) == (ASSESSOR,)


def test_a_founding_decision_that_stands_runs_out_at_its_own_end() -> None:
    before = state(ALFA, ASSESSOR, HOLDER)
    assert authorise_assessor(before, ASSESSOR) == ()
    assert before.assessors["assessor:alfa-1"].withdrawn_from is None
    another = HOLDER.model_copy(update={"assessor_ref": "assessor:alfa-8"})
    assert authorise_assessor(before, another, AWARD) == (another,)
