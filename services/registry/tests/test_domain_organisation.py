"""Organisations, roles, keys and assessors: given, when, then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.registry import (
    AssessorAuthorised,
    AssessorWithdrawn,
    CredentialExpired,
    IssuerKeyCompromised,
    IssuerKeyRegistered,
    OrganisationRegistered,
    RoleGranted,
    RoleWithdrawn,
)
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given, prefixes_agree
from services.registry.domain.keys import register_key, report_compromise
from services.registry.domain.organisation import Organisation, evolve, register
from services.registry.domain.roles import grant_role, withdraw_role

START = datetime(2026, 1, 1, tzinfo=UTC)
ISSUER = "https://issuance.example/issuers/alfa"

ALFA = OrganisationRegistered(
    org_id="org:alfa", legal_name={"sv": "Alfa"}, slug="alfa", registration_no="1", country="SE"
)
ROLE = RoleGranted(org_id="org:alfa", role="issuer", mandate_ref="M-1", granted_by="org:rise", valid_from=START)
KEY = IssuerKeyRegistered(
    org_id="org:alfa",
    issuer=ISSUER,
    kid="k1",
    purpose="credential_signing",
    jwk={"kty": "EC"},
    jwk_thumbprint="k1",
    x5c=("leaf",),
    valid_from=START,
    valid_to=START + timedelta(days=365),
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


def state(*events: Event) -> Organisation:
    return given(Organisation(), evolve, events)


def refused(code: str) -> Any:
    return pytest.raises(Problem, match=f"^{code}:")


def test_an_organisation_is_registered_once_and_again_is_nothing() -> None:
    assert register(state(), ALFA) == (ALFA,)
    assert register(state(ALFA), ALFA) == ()


def test_other_particulars_for_a_registered_organisation_are_refused_by_name() -> None:
    with refused("organisation_already_registered") as caught:
        register(state(ALFA), ALFA.model_copy(update={"slug": "beta"}))
    assert caught.value.members == {"differs": ["slug"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("org_id", "alfa"),
        ("slug", "Alfa"),
        ("slug", "a" * 65),
        ("country", "Sverige"),
        ("registration_no", " "),
        ("legal_name", {}),
        ("legal_name", {"svenska": "Alfa"}),
        ("parent", "org:alfa"),
    ],
)
def test_particulars_in_another_form_are_refused(field: str, value: object) -> None:
    with refused("invalid_organisation") as caught:
        register(state(), ALFA.model_copy(update={field: value}))
    assert caught.value.members == {"fields": [field]}


def test_a_role_is_granted_once_and_again_is_nothing_whoever_asks() -> None:
    assert grant_role(state(ALFA), ROLE) == (ROLE,)
    assert grant_role(state(ALFA, ROLE), ROLE.model_copy(update={"granted_by": "org:other"})) == ()


def test_a_role_of_an_unknown_organisation_is_refused() -> None:
    with refused("not_found"):
        grant_role(state(), ROLE)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("unknown_role", {"role": "king"}),
        ("mandate_missing", {"mandate_ref": " "}),
        ("invalid_period", {"valid_to": START}),
    ],
)
def test_a_role_without_what_it_needs_is_refused(code: str, change: dict[str, object]) -> None:
    with refused(code):
        grant_role(state(ALFA), ROLE.model_copy(update=change))


def test_two_grants_of_a_role_do_not_overlap() -> None:
    with refused("role_already_granted"):
        grant_role(state(ALFA, ROLE), ROLE.model_copy(update={"valid_from": START + timedelta(days=1)}))


def test_a_role_may_begin_where_the_withdrawn_one_ended() -> None:
    withdrawn = RoleWithdrawn(org_id="org:alfa", role="issuer", withdrawn_from=NOON, reason_code="mandate_ended")
    again = ROLE.model_copy(update={"valid_from": NOON})
    assert grant_role(state(ALFA, ROLE, withdrawn), again) == (again,)


def test_a_role_holds_from_its_first_moment_until_its_withdrawal() -> None:
    withdrawn = RoleWithdrawn(org_id="org:alfa", role="issuer", withdrawn_from=NOON, reason_code="mandate_ended")
    assert withdraw_role(state(ALFA, ROLE), withdrawn) == (withdrawn,)
    after = state(ALFA, ROLE, withdrawn)
    assert not after.holds("issuer", START - timedelta(seconds=1))
    assert after.holds("issuer", START)
    assert not after.holds("issuer", NOON)
    assert withdraw_role(after, withdrawn) == ()


def test_a_role_that_was_never_granted_cannot_be_withdrawn() -> None:
    with refused("role_not_granted"):
        withdraw_role(
            state(ALFA), RoleWithdrawn(org_id="org:alfa", role="issuer", withdrawn_from=NOON, reason_code="x")
        )


def test_a_key_is_registered_for_an_issuer_and_again_is_nothing() -> None:
    assert register_key(state(ALFA, ROLE), KEY, certified=[ISSUER], now=NOON) == (KEY,)
    assert register_key(state(ALFA, ROLE, KEY), KEY, certified=[ISSUER], now=NOON) == ()


def test_a_key_needs_the_role_of_an_issuer_on_that_day() -> None:
    with refused("issuer_role_missing"):
        register_key(state(ALFA), KEY, certified=[ISSUER], now=NOON)


def test_a_certificate_for_another_issuer_identifier_is_refused() -> None:
    with refused("certificate_subject_mismatch"):
        register_key(state(ALFA, ROLE), KEY, certified=[ISSUER + "x"], now=NOON)


def test_a_compromised_key_is_not_registered_again() -> None:
    lost = IssuerKeyCompromised(org_id="org:alfa", kid="k1", compromised_since=START)
    with refused("key_compromised"):
        register_key(state(ALFA, ROLE, KEY, lost), KEY, certified=[ISSUER], now=NOON)


def test_a_compromise_may_be_moved_back_in_time_only() -> None:
    lost = IssuerKeyCompromised(org_id="org:alfa", kid="k1", compromised_since=START)
    earlier = lost.model_copy(update={"compromised_since": START - timedelta(days=1)})
    assert report_compromise(state(ALFA, ROLE, KEY), lost, now=NOON) == (lost,)
    assert report_compromise(state(ALFA, ROLE, KEY, lost), lost, now=NOON) == ()
    assert report_compromise(state(ALFA, ROLE, KEY, lost), earlier, now=NOON) == (earlier,)


def test_a_compromise_of_an_unknown_key_or_in_the_future_is_refused() -> None:
    lost = IssuerKeyCompromised(org_id="org:alfa", kid="k1", compromised_since=NOON + timedelta(days=1))
    with refused("not_found"):
        report_compromise(state(ALFA), lost, now=NOON)
    with refused("invalid_period"):
        report_compromise(state(ALFA, KEY), lost, now=NOON)


def test_folding_a_prefix_and_then_the_rest_is_folding_all_and_foreign_events_change_nothing() -> None:
    foreign = CredentialExpired(credential_id="0190f7a0-0000-7000-8000-000000000000", copies=(), at=NOON)
    unknown_key = IssuerKeyCompromised(org_id="org:alfa", kid="other", compromised_since=NOON)
    unknown_assessor = AssessorWithdrawn(org_id="org:alfa", assessor_ref="assessor:other", withdrawn_from=NOON)
    assert prefixes_agree(
        Organisation(), evolve, (ALFA, ROLE, foreign, KEY, unknown_key, ASSESSOR, unknown_assessor, ROLE)
    )
    assert state(ALFA, foreign) == state(ALFA)
