"""The values of the golden examples, chosen by hand: one value for a name, in every event that has a field of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Actor, Context

DIGEST = "3q2-7wvkJ0c1yq0nYcM4o8r0bqS0x7m3m3n0l5uJ1aE"
CREDENTIAL = "0199a2c0-0000-7000-8000-00000000c001"
OTHER_CREDENTIAL = "0199a2c0-0000-7000-8000-00000000c002"
STATUS_LIST = "https://registry.kompetenspass.example/status/0199a2c0-0000-7000-8000-0000000000f1"
COPIES = [{"digest": DIGEST, "status_uri": STATUS_LIST, "index": 40_961}]
CONSTITUENT = {
    "credential_id": OTHER_CREDENTIAL,
    "kind": "definition",
    "definition_id": "basal-hygien",
    "definition_version": 1,
    "definition_digest": DIGEST,
    "digests": [DIGEST],
    "status_at_award": "VALID",
}
LAPSED = {
    "credential_id": OTHER_CREDENTIAL,
    "definition_id": "basal-hygien",
    "definition_version": 1,
    "change": "suspended",
    "reason_code": "under_review",
}
CONTENT = {"title": {"sv": "Basal hygien i vården", "en": "Basic hygiene in care"}, "fields": [{"code": "0913"}]}

VALUES: Mapping[str, Any] = {
    "accepted": [OTHER_CREDENTIAL],
    "account_id": "0199a2c0-0000-7000-8000-00000000a001",
    "achievement_id": "0199a2c0-0000-7000-8000-00000000b001",
    "appeal_ref": "2026-118",
    "approved_on": "2026-11-20",
    "assessed_on": "2026-11-20",
    "assessor_authorisation_ref": "assessor:vard-sju",
    "assessor_ref": "assessor:vard-sju",
    "at": "2026-11-21T00:00:00Z",
    "awarded_on": "2026-11-21",
    "awarding_body": "org:yrkeshogskolan-norr",
    "bits": 2,
    "by_credential_id": OTHER_CREDENTIAL,
    "causes": ["under_review"],
    "compromised_since": "2026-11-01T00:00:00Z",
    "constituent_id": OTHER_CREDENTIAL,
    "constituents": [CONSTITUENT],
    "content": CONTENT,
    "content_digest": DIGEST,
    "copies": COPIES,
    "country": "SE",
    "credential_id": CREDENTIAL,
    "deadline": "2026-12-21T00:00:00Z",
    "decision_ref": "2026-042",
    "definition_digest": DIGEST,
    "definition_id": "basal-hygien",
    "definition_version": 1,
    "definitions": ["basal-hygien"],
    "digest": DIGEST,
    "done": 3,
    "effective_from": "2026-12-01T00:00:00Z",
    "evaluated_at": "2026-11-21T09:30:00Z",
    "expires_at": "2026-11-21T09:35:00Z",
    "failed_checks": ["status_suspended"],
    "fields": ["0913"],
    "formats": ["dc+sd-jwt"],
    "from_credential_id": CREDENTIAL,
    "granted_by": "org:rise",
    "heard_on": "2026-11-18",
    "issuer": "https://issuance.kompetenspass.example/issuers/yrkeshogskolan-norr",
    "issuer_org": "org:yrkeshogskolan-norr",
    "jwk": {"kty": "EC", "crv": "P-256", "kid": "2026-11", "x": DIGEST, "y": DIGEST},
    "jwk_thumbprint": DIGEST,
    "kid": "2026-11",
    "lapsed": [OTHER_CREDENTIAL],
    "last_issue_date": "2027-06-30",
    "learner_ref": "kqk4vsxl0pmnd2w8",
    "legal_name": {"sv": "Yrkeshögskolan Norr", "en": "Northern Vocational College"},
    "list_id": "0199a2c0-0000-7000-8000-0000000000f1",
    "mandate_ref": "dnr 2026/117",
    "missing": [{"kind": "definition", "id": "forflyttning"}],
    "offer_expires_at": "2026-11-24T09:30:00Z",
    "offer_id": "0199a2c0-0000-7000-8000-00000000d001",
    "ordinal": 1,
    "org_id": "org:yrkeshogskolan-norr",
    "owner_org": "org:vard-och-omsorgscollege",
    "parent": "org:region-norr",
    "passed": True,
    "pathway_digest": DIGEST,
    "pathway_id": "servicekoordinator",
    "pathway_version": 1,
    "prerequisites_waived": "ten years in the trade",
    "proof_digest": DIGEST,
    "provider": "org:yrkeshogskolan-norr",
    "recognition_level": "R2",
    "region": "Norrbotten",
    "registration_no": "202100-0000",
    "replaces": [DIGEST],
    "request_id": "0199a2c0-0000-7000-8000-00000000e001",
    "role": "issuer",
    "rule": "hygiene: every moment approved",
    "rule_digest": DIGEST,
    "scope": {"fields": ["0913"], "regions": ["Norrbotten"], "definitions": ["basal-hygien"]},
    "sector_org": "org:vard-och-omsorgscollege",
    "shortfalls": [{"instrument": "observation", "rule": "every moment approved"}],
    "size": 1_048_576,
    "slug": "yrkeshogskolan-norr",
    "stack_id": "0199a2c0-0000-7000-8000-00000000b002",
    "status_uri": STATUS_LIST,
    "superseded_by": "basal-hygien-2",
    "supervision": "on_site",
    "to": CONSTITUENT,
    "total": 4,
    "ttl_seconds": 300,
    "tx_code": True,
    "unknown": [],
    "uri": STATUS_LIST,
    "urn": "urn:kompetenspass:definition:basal-hygien:1",
    "used": [OTHER_CREDENTIAL],
    "valid_from": "2026-12-01T00:00:00Z",
    "valid_to": "2029-11-30T23:59:59Z",
    "vault_ref": "0199a2c0-0000-7000-8000-00000000ff01",
    "vct": "https://catalog.kompetenspass.example/vct/mikromerit",
    "verifier": "x509_san_dns:verification.kompetenspass.example",
    "verifier_org": "org:hemtjansten-norr",
    "version": 1,
    "void_ab_initio": False,
    "withdrawn_from": "2027-01-01T00:00:00Z",
    "x5c": ["MIIB"],
}

OF_ONE_EVENT: Mapping[tuple[str, str], Any] = {
    ("catalog.PathwayPublished.v1", "urn"): "urn:kompetenspass:pathway:servicekoordinator:1",
    ("issuance.CredentialOffered.v1", "stack_id"): None,
    ("issuance.CredentialIssued.v1", "stack_id"): None,
    ("issuance.StackSuspended.v1", "lapsed"): [LAPSED],
    ("issuance.StackSuspended.v1", "cause"): "lapse:0199a2c0-0000-7000-8000-00000000b002",
    ("issuance.StackReinstated.v1", "cause"): "lapse:0199a2c0-0000-7000-8000-00000000b002",
    ("registry.CredentialReinstated.v1", "causes"): [],
}
OF_A_KIND: Mapping[str, str] = {"cause": "under_review", "reason_code": "under_review", "basis": "founding_decision"}
"""Fields that are an enumeration in some events and a text in others."""

STREAMS: Mapping[str, str] = {
    "definition_id": "def-{definition_id}",
    "pathway_id": "path-{pathway_id}",
    "org_id": "org-{org_id}",
    "list_id": "list-{list_id}",
    "achievement_id": "ach-{achievement_id}",
    "stack_id": "stack-{stack_id}",
    "learner_ref": "evidence-{learner_ref}",
    "request_id": "presentation-{request_id}",
    "account_id": "account-{account_id}",
}
"""How the stream of an event is named, by the event's first field."""

MOMENT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
EVENT_ID = UUID("0199a2c0-0000-7000-8000-000000000001")
CONTEXT = Context(
    actor=Actor("org:yrkeshogskolan-norr", "issuer"),
    occurred_at=MOMENT,
    correlation_id="0199a2c0-0000-7000-8000-000000000002",
    causation_id="0199a2c0-0000-7000-8000-000000000003",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


def example_of(event: type[Event]) -> Event:
    """Return the example of an event. Raises KeyError for a field without a value."""
    return event.read({name: _value(event, name) for name in event.model_fields})


def stream_template(event: type[Event]) -> str:
    """Return how the stream is named that events of this type stand in, with fields in braces."""
    first = next(iter(event.model_fields))
    if first == "credential_id":
        return "status-{credential_id}" if event.owner() == "registry" else "cred-{credential_id}"
    if event.__name__ == "PathwayProgressed":
        return "progress-{learner_ref}-{pathway_id}"
    return STREAMS[first]


def _value(event: type[Event], name: str) -> Any:
    if (event.type, name) in OF_ONE_EVENT:
        return OF_ONE_EVENT[event.type, name]
    annotation = event.model_fields[name].annotation
    choices = [choice for part in (annotation, *get_args(annotation)) for choice in _choices(part)]
    if choices and name not in VALUES:
        return choices[0]
    return VALUES[name] if name in VALUES else OF_A_KIND[name]


def _choices(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()
