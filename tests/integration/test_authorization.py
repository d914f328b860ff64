"""Who may do what: every operation of every service, by its own document, against every kind of caller."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from kompetenspass.core.ids import uuid7
from tests.integration.awarded import PATHWAY, awarded
from tests.integration.parties import (
    AWARDING_BODY,
    COMMANDS,
    DEFINITION,
    PROVIDER,
    STRANGER,
    Merit,
    Operation,
    Parties,
    check_problem,
    deeds,
    fetched,
    offered,
    planned,
)

WHEN = "2026-01-01T00:00:00Z"
RESULTS = {"results": [{"instrument": "urn:x:1", "score_percent": 90}], "assessor_ref": "assessor:x"}
ROLE = {"role": "observer", "mandate_ref": "decision-1", "valid_from": WHEN}
ASSESSOR = {"assessor_ref": "assessor:new-1", "basis": "rpl", "decision_ref": "decision-1", "valid_from": WHEN}
ORGANISATION = {"org_id": "org:n", "legal_name": {"sv": "N"}, "slug": "n", "registration_no": "1", "country": "SE"}
PLAN = {"definition_id": DEFINITION, "route": "course", "learner": {"given_name": "A", "family_name": "B"}}
AWARD = {"pathway_id": PATHWAY, "learner_ref": "nobody", "decision_ref": "decision-1"}
DECISION = {"decision": "award", "decision_ref": "decision-1"}
REVIEW = {"decision": "confirm", "decision_ref": "decision-1"}
TRIAL: Mapping[str, Any] = {"credentials": [{"definition_id": DEFINITION}]}
SUPERSEDE = {"by_credential_id": str(uuid7()), "cause": "correction"}
EVIDENCE = {"request_id": str(uuid7()), "digest": "A" * 43}
ORG = {"org_id": AWARDING_BODY, "role": "issuer", "assessor_ref": "assessor:x", "kid": "k", "id_": DEFINITION}


@dataclass(frozen=True)
class Rule:
    """What one operation asks of its caller. `stranger` is the answer to another organisation with the right role."""

    role: str | None
    body: Mapping[str, Any] | None = None
    stranger: int | None = 404


PUBLIC = Rule(None)
ANYBODY = "anybody"
SUBSCRIPTION = "/v1/subscriptions/{subscription_id}"
OF_SUBSCRIPTIONS: Mapping[str, Rule] = {
    "GET /v1/events": PUBLIC,
    "GET /v1/events/schemas/{name}": PUBLIC,
    "POST /v1/subscriptions": Rule(ANYBODY, {"url": "http://10.0.0.1/"}, 400),
    "GET /v1/subscriptions": Rule(ANYBODY, None, None),
    f"GET {SUBSCRIPTION}": Rule(ANYBODY),
    f"PATCH {SUBSCRIPTION}": Rule(ANYBODY, {"state": "paused"}),
    f"DELETE {SUBSCRIPTION}": Rule(ANYBODY),
    f"POST {SUBSCRIPTION}/secret": Rule(ANYBODY, {}),
    f"POST {SUBSCRIPTION}/test": Rule(ANYBODY),
    f"POST {SUBSCRIPTION}/replay": Rule(ANYBODY, {"from": 0}),
    f"POST {SUBSCRIPTION}/redeliver": Rule(ANYBODY, {}),
    f"GET {SUBSCRIPTION}/deliveries": Rule(ANYBODY),
}
"""What every service has; each organisation may have subscriptions, whatever its roles."""

SERVICES = ("catalog", "issuance", "registry", "verification", "wallet")
MATRIX: Mapping[str, Rule] = {
    **{f"{service} {operation}": rule for service in SERVICES for operation, rule in OF_SUBSCRIPTIONS.items()},
    "registry POST /v1/organisations": Rule("scheme_owner", ORGANISATION, 403),
    "registry GET /v1/organisations": PUBLIC,
    "registry GET /v1/organisations/{org_id}": PUBLIC,
    "registry POST /v1/organisations/{org_id}/roles": Rule("scheme_owner", ROLE, 403),
    "registry POST /v1/organisations/{org_id}/roles/{role}/withdraw": Rule(
        "scheme_owner", {"withdrawn_from": WHEN, "reason_code": "x"}, 403
    ),
    "registry POST /v1/organisations/{org_id}/assessors": Rule("scheme_owner", ASSESSOR, 403),
    "registry POST /v1/organisations/{org_id}/assessors/{assessor_ref}/withdraw": Rule(
        "scheme_owner", {"withdrawn_from": WHEN}, 403
    ),
    "registry POST /v1/organisations/{org_id}/keys/challenges": Rule("issuer"),
    "registry POST /v1/organisations/{org_id}/keys": Rule("issuer", {"x5c": ["AAAA"], "proof": "a.b.c"}),
    "registry POST /v1/organisations/{org_id}/keys/{kid}/compromise": Rule("issuer", {"compromised_since": WHEN}),
    "registry GET /v1/credentials/{credential_id}": Rule("issuer"),
    "registry POST /v1/credentials/{credential_id}/revoke": Rule("issuer", {"reason_code": "issued_in_error"}),
    "registry POST /v1/credentials/{credential_id}/suspend": Rule("issuer", {"reason_code": "under_review"}),
    "registry POST /v1/credentials/{credential_id}/reinstate": Rule("issuer", {"reason_code": "cleared"}),
    "catalog GET /v1/definitions": PUBLIC,
    "catalog GET /v1/definitions/{id_}": PUBLIC,
    "catalog GET /v1/definitions/{id_}/versions/{digest}": PUBLIC,
    "catalog GET /v1/pathways": PUBLIC,
    "catalog GET /v1/pathways/{id_}": PUBLIC,
    "catalog GET /v1/pathways/{id_}/versions/{digest}": PUBLIC,
    "catalog GET /v1/pathways/{id_}/explanation": PUBLIC,
    "catalog GET /v1/pathways/{id_}/versions/{digest}/explanation": PUBLIC,
    "catalog POST /v1/definitions": Rule("creator", {"content": {"awarding_body": AWARDING_BODY}}, 403),
    "catalog POST /v1/definitions/{id_}/submit": Rule("creator", {}),
    "catalog POST /v1/definitions/{id_}/approve": Rule(
        "sector_body", {"decision_ref": "d", "approved_on": "2026-01-01"}, None
    ),
    "catalog POST /v1/definitions/{id_}/publish": Rule("creator", {}),
    "catalog POST /v1/definitions/{id_}/retire": Rule("creator", {}),
    "catalog POST /v1/definitions/{id_}/issuing-rights": Rule("creator", {"issuer_org": "org:sobona"}),
    "catalog POST /v1/definitions/{id_}/issuing-rights/withdraw": Rule("creator", {"issuer_org": "org:sobona"}),
    "catalog POST /v1/pathways": Rule("creator", {"content": {"awarding_body": AWARDING_BODY}}, 403),
    "catalog POST /v1/pathways/{id_}/submit": Rule("creator", {}),
    "catalog POST /v1/pathways/{id_}/publish": Rule("creator", {}),
    "issuance POST /v1/achievements": Rule("awarding_body", PLAN, 403),
    "issuance POST /v1/achievements/{achievement_id}/results": Rule("awarding_body", RESULTS),
    "issuance POST /v1/achievements/{achievement_id}/confirm": Rule("awarding_body", {}),
    "issuance GET /v1/achievements/{achievement_id}": Rule("awarding_body"),
    "issuance POST /v1/achievements/{achievement_id}/offers": Rule("awarding_body", {}),
    "issuance POST /v1/offers/{offer_id}/withdraw": Rule("awarding_body", {}),
    "issuance POST /v1/credentials/{credential_id}/supersede": Rule("awarding_body", SUPERSEDE),
    "issuance POST /v1/learners/{learner_ref}/evidence": Rule("awarding_body", EVIDENCE),
    "issuance POST /v1/learners/{learner_ref}/evidence/{credential_id}/withdraw": Rule("awarding_body", {}),
    "issuance GET /v1/awards": Rule("awarding_body", None, None),
    "issuance GET /v1/awards/{stack_id}": Rule("awarding_body"),
    "issuance POST /v1/awards": Rule("awarding_body", AWARD),
    "issuance POST /v1/awards/{stack_id}/decision": Rule("awarding_body", DECISION),
    "issuance POST /v1/awards/{stack_id}/offers": Rule("awarding_body", {}),
    "issuance POST /v1/awards/{stack_id}/review": Rule("awarding_body", REVIEW),
    "issuance POST /v1/awards/{stack_id}/appeals": Rule("awarding_body", {"appeal_ref": "appeal-1"}),
    "issuance POST /v1/pathways/{pathway_id}/evaluations": Rule("awarding_body", TRIAL),
    "issuance GET /offers/{reference}": PUBLIC,
    "issuance GET /offers/{reference}/qr.svg": PUBLIC,
    "issuance GET /offers/{reference}/qr.txt": PUBLIC,
    "verification POST /v1/requests": Rule("verifier", {"definition_id": DEFINITION}, None),
    "verification GET /v1/requests/{request_id}": Rule("verifier"),
    "verification POST /v1/verify": PUBLIC,
    "wallet GET /v1/timeline": Rule("learner", None, None),
    "wallet GET /v1/pathways": Rule("learner", None, None),
    "wallet GET /v1/pathways/{pathway_id}/progress.svg": Rule("learner", None, None),
    "wallet POST /v1/links": Rule("learner", None, None),
    "wallet GET /v1/credentials": Rule("learner", None, None),
    "wallet POST /v1/credentials": Rule("learner", {"offer_uri": "openid-credential-offer://?x=1"}, None),
    "wallet POST /v1/presentations": Rule("learner", {"uri": "openid4vp://?x=1"}, None),
}
"""One entry for each operation but the health of a service."""


@pytest.fixture(scope="module")
def merit(parties: Parties) -> Merit:
    """A microcredential that a wallet has fetched."""
    issued = planned(parties, {"given_name": "Ada", "family_name": "Behörig"})
    offered(parties, issued, [90, 90])
    fetched(parties, issued)
    position = len(asyncio.run(parties.platform.log_of("issuance")))
    parties.reached("registry", f"issuance={position}")
    return issued


@pytest.fixture(scope="module")
def places(parties: Parties, merit: Merit) -> Mapping[str, str]:
    """What stands for each path parameter: things of the awarding body and of its verifier that exist."""
    verifier = parties.token(AWARDING_BODY, "verifier")
    request = parties.must("verification", "/v1/requests", verifier, {"definition_id": DEFINITION})
    return ORG | {
        "achievement_id": merit.achievement_id,
        "credential_id": merit.credential_id,
        "learner_ref": merit.learner_ref,
        "offer_id": merit.offer["offer_id"],
        "request_id": request["request_id"],
        "stack_id": awarded(parties, {"given_name": "Alva", "family_name": "Behörig"}).stack_id,
        "pathway_id": PATHWAY,
        "subscription_id": str(uuid7()),
        "name": "x",
    }


@pytest.fixture(scope="module")
def guarded(parties: Parties) -> list[Operation]:
    """Every operation that is not public."""
    known = [operation for operation in parties.operations() if operation.key in MATRIX]
    return [operation for operation in known if MATRIX[operation.key].role]


def path_of(operation: Operation, places: Mapping[str, str]) -> str:
    return operation.path.format_map({"pathway_id": "x", **places, "digest": "x", "reference": "x"})


def asked(parties: Parties, operation: Operation, places: Mapping[str, str], token: str | None) -> Any:
    """Return the answer to a well-formed request of that caller."""
    body = MATRIX[operation.key].body
    options = {} if body is None else {"json": body}
    return parties.ask(operation.method, operation.service, path_of(operation, places), token, **options)


def test_the_matrix_has_every_operation_and_no_other(parties: Parties) -> None:
    described = {each.key for each in parties.operations() if each.path not in ("/livez", "/readyz")}
    assert described == set(MATRIX)


def test_without_a_token_nothing_but_public_reads(
    parties: Parties, guarded: list[Operation], places: Mapping[str, str]
) -> None:
    before = deeds(parties.platform)
    for operation in guarded:
        answer = asked(parties, operation, places, None)
        assert answer.status_code == 401, operation.key
        assert answer.headers["www-authenticate"] == "Bearer"
        check_problem(answer)
    assert deeds(parties.platform) == before


def test_the_wrong_role_is_refused(parties: Parties, guarded: list[Operation], places: Mapping[str, str]) -> None:
    before = deeds(parties.platform)
    for operation in guarded:
        if MATRIX[operation.key].role == ANYBODY:
            continue
        for caller, seen in (((AWARDING_BODY, "observer"), 200), (("org:nobody",), 404), ((PROVIDER,), 200)):
            answer = asked(parties, operation, places, parties.token(*caller))
            # a read of one's own achievement asks for the organisation alone
            expected = seen if operation.key.startswith("issuance GET /v1/achievements") else 403
            assert answer.status_code == expected, (operation.key, caller, answer.text)
    assert deeds(parties.platform) == before


def test_what_belongs_to_another_organisation_is_not_there(
    parties: Parties, guarded: list[Operation], places: Mapping[str, str]
) -> None:
    before = deeds(parties.platform)
    for operation in guarded:
        rule = MATRIX[operation.key]
        if rule.stranger is None:
            continue
        for roles in ((rule.role,), ("awarding_body", "provider", "issuer", "creator", "sector_body", "verifier")):
            answer = asked(parties, operation, places, parties.token(STRANGER, *[str(role) for role in roles]))
            assert answer.status_code == rule.stranger, (operation.key, answer.text)
            check_problem(answer)
    assert deeds(parties.platform) == before


def test_another_organisations_thing_and_no_thing_look_the_same(
    parties: Parties, merit: Merit, places: Mapping[str, str]
) -> None:
    stranger = parties.token(STRANGER, "awarding_body", "issuer")
    for service, path, known in (
        ("issuance", "/v1/achievements/{}", merit.achievement_id),
        ("issuance", "/v1/awards/{}", places["stack_id"]),
        ("registry", "/v1/credentials/{}", merit.credential_id),
    ):
        of_another, of_nobody = (
            parties.ask("get", service, path.format(each), stranger).json() for each in (known, uuid7())
        )
        assert of_another | {"trace_id": ""} == of_nobody | {"trace_id": ""}


def test_public_reads_need_no_token(parties: Parties, places: Mapping[str, str]) -> None:
    for operation in parties.operations():
        if MATRIX.get(operation.key) == PUBLIC and operation.method not in COMMANDS:
            answer = parties.ask(operation.method, operation.service, path_of(operation, places))
            assert answer.status_code in (200, 404), operation.key
    assert parties.ask("post", "verification", "/v1/verify", json={"credential": "x"}).status_code == 200


def test_the_provider_records_and_the_awarding_body_confirms_and_offers(parties: Parties) -> None:
    merit = planned(parties, {"given_name": "Bo", "family_name": "Behörig"})
    position = len(asyncio.run(parties.platform.log_of("issuance")))
    provider = parties.token(PROVIDER, "provider", "awarding_body")
    path = f"/v1/achievements/{merit.achievement_id}"
    parties.reached("issuance", f"issuance={position}")
    assert parties.ask("get", "issuance", path, provider).status_code == 200
    for step in ("confirm", "offers"):
        assert parties.ask("post", "issuance", f"{path}/{step}", provider, json={}).status_code == 404
    no_provider = parties.token(AWARDING_BODY, "provider")  # the role without being the definition's provider
    assert parties.ask("post", "issuance", f"{path}/confirm", no_provider, json={}).status_code == 403
    offered(parties, merit, [90, 90])


def test_only_the_credentials_own_issuer_changes_its_status(parties: Parties, merit: Merit) -> None:
    path = f"/v1/credentials/{merit.credential_id}"
    own, other = parties.token(AWARDING_BODY, "issuer"), parties.token("org:skelleftea-kraft", "issuer")
    for command in ("suspend", "reinstate", "revoke"):
        body = {"reason_code": "issued_in_error" if command == "revoke" else "under_review"}
        before = deeds(parties.platform)
        assert parties.ask("post", "registry", f"{path}/{command}", other, json=body).status_code == 404
        assert deeds(parties.platform) == before
        assert parties.ask("post", "registry", f"{path}/{command}", own, json=body).status_code == 200


def test_an_account_sees_itself_alone(parties: Parties) -> None:
    merit = planned(parties, {"given_name": "Cia", "family_name": "Behörig"})
    offered(parties, merit, [90, 90], tx_code=False)
    mine, yours = parties.learner(uuid7()), parties.learner(uuid7())
    answer = parties.ask("post", "wallet", "/v1/credentials", mine, json={"offer_uri": merit.offer["offer_uri"]})
    assert answer.status_code == 201, answer.text
    issued = len(asyncio.run(parties.platform.log_of("issuance")))
    parties.reached("wallet", f"{answer.headers['log-position']}, issuance={issued}")
    for path, name in (("/v1/timeline", "rows"), ("/v1/credentials", "credentials")):
        assert len(parties.ask("get", "wallet", path, mine).json()[name]) == 1
        assert parties.ask("get", "wallet", path, yours).json()[name] == []
    assert parties.ask("get", "wallet", "/v1/timeline", parties.learner("not-a-uuid")).status_code == 404
