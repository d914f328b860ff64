"""Facts for the timeline's tests: one learner, two credentials, everything that can happen to them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid5

from kompetenspass.core.digest import content_digest, sha256_b64u
from kompetenspass.events.base import Event
from kompetenspass.events.catalog import DefinitionPublished, PathwayPublished
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    OrganisationRegistered,
    StatusRef,
)
from kompetenspass.events.wallet import CredentialPresented, CredentialReceived
from kompetenspass.testing.clock import NOON

_NAMES = UUID("7c1c5a5e-2f6d-4f0b-8d7c-1f4f0f5a9b10")
ISSUER = "https://issuance.example/issuers/alfa"


def id_of(name: str) -> UUID:
    """Return the same id for the same name."""
    return uuid5(_NAMES, name)


def digest_of(copy: str) -> str:
    """Return the digest of a copy's name."""
    return sha256_b64u(copy.encode())


def ref(copy: str, index: int = 1) -> StatusRef:
    """Return a copy with its status entry."""
    return StatusRef(digest=digest_of(copy), status_uri="https://registry.example/status/1", index=index)


def organisation(org_id: str = "org:alfa") -> OrganisationRegistered:
    """Return the issuer's registration."""
    name = {"sv": "Alfa kommun", "en": "Alfa municipality"}
    return OrganisationRegistered(org_id=org_id, legal_name=name, slug="alfa", registration_no="1", country="SE")


def definition(
    definition_id: str = "def-1", sv: str = "Ord och begrepp", en: str = "Words and concepts"
) -> DefinitionPublished:
    """Return a published definition."""
    content = {"title": {"sv": sv, "en": en}}
    return DefinitionPublished(
        definition_id=definition_id,
        urn=f"urn:mikromerit:{definition_id}",
        version=1,
        owner_org="org:alfa",
        awarding_body="org:alfa",
        provider="org:alfa",
        content=content,
        content_digest=content_digest(content),
        effective_from=NOON,
    )


def pathway(pathway_id: str = "path-1", sv: str = "Vägen", en: str = "The way") -> PathwayPublished:
    """Return a published pathway."""
    result = {"kind": "internal_role", "seqf": 4}
    content = {
        "id": pathway_id,
        "version": 1,
        "title": {"sv": sv, "en": en},
        "result": result,
        "rule": {"all_of": [{"credential": "def-lock", "validity": "live"}, {"credential": "def-fall"}]},
        "constraints": {"double_counting": "forbid", "default_validity": "snapshot", "on_lapse": "suspend"},
        "award": {"mode": "decision", "on_satisfied": "propose_award"},
    }
    return PathwayPublished(
        pathway_id=pathway_id,
        urn=f"urn:mikromerit:pathway:{pathway_id}",
        version=1,
        owner_org="org:alfa",
        awarding_body="org:alfa",
        content=content,
        content_digest=content_digest(content),
        rule_digest="r",
        effective_from=NOON,
    )


def issued(
    credential: str,
    copy: str,
    *,
    definition_id: str = "def-1",
    learner: str = "learner-1",
    replaces: str | None = None,
    stack: str | None = None,
) -> CredentialIssued:
    """Return the issue of a copy of a credential: of an achievement's, or of the award `stack`."""
    return CredentialIssued(
        credential_id=id_of(credential),
        achievement_id=None if stack else id_of(f"{credential} achievement"),
        stack_id=id_of(stack) if stack else None,
        learner_ref=learner,
        definition_id=definition_id,
        definition_version=1,
        definition_digest="d",
        issuer_org="org:alfa",
        issuer=ISSUER,
        format="dc+sd-jwt",
        vct="https://catalog.example/vct/mikromerit/1",
        kid="k",
        copies=(ref(copy),),
        replaces=(digest_of(replaces),) if replaces else (),
        recognition_level="R4",
        valid_from=NOON,
        valid_to=NOON.replace(hour=0, minute=0) + timedelta(days=400),  # midnight: the day before is the last
    )


def suspended(credential: str, *causes: str) -> CredentialSuspended:
    """Return a suspension; `causes` is the set after it."""
    return CredentialSuspended(
        credential_id=id_of(credential), copies=(), cause=causes[-1], causes=causes, reason_code="review"
    )


def reinstated(credential: str, *causes: str, cause: str = "issuer") -> CredentialReinstated:
    """Return that `cause` was cleared; `causes` is what is left."""
    return CredentialReinstated(
        credential_id=id_of(credential), copies=(), cause=cause, causes=causes, reason_code="cleared"
    )


def revoked(credential: str, reason_code: str = "fraud") -> CredentialRevoked:
    """Return a revocation."""
    return CredentialRevoked.read(
        {
            "credential_id": id_of(credential),
            "copies": [],
            "reason_code": reason_code,
            "effective_from": NOON,
            "void_ab_initio": False,
        }
    )


def expired(credential: str) -> CredentialExpired:
    """Return an expiry."""
    return CredentialExpired(credential_id=id_of(credential), copies=(), at=NOON + timedelta(days=400))


def received(account_id: UUID, copy: str) -> CredentialReceived:
    """Return that an account holds a copy."""
    return CredentialReceived(account_id=account_id, digest=digest_of(copy), issuer=ISSUER)


def presented(account_id: UUID, copy: str) -> CredentialPresented:
    """Return that an account showed a copy."""
    return CredentialPresented(account_id=account_id, digest=digest_of(copy), verifier="x509_hash:abc")


def everything(account_id: UUID) -> list[tuple[str, Event]]:
    """Return (stream, event) of all logs, in the order of a life; another learner's credential is among them."""
    account = f"account-{account_id}"
    return [
        ("org:alfa", organisation()),
        ("def-1", definition()),
        ("path-1", pathway()),
        ("cred-a", issued("a", "a1")),
        (account, received(account_id, "a1")),
        ("cred-b", issued("b", "b1", definition_id="path-1")),
        ("cred-x", issued("x", "x1", learner="learner-2")),
        ("status-a", suspended("a", "issuer")),
        ("status-a", suspended("a", "issuer", "review")),
        ("status-a", reinstated("a", "review")),
        ("status-a", reinstated("a", cause="review")),
        ("cred-a", issued("a", "a2", replaces="a1")),
        (account, received(account_id, "a2")),
        (account, presented(account_id, "a2")),
        ("status-a", revoked("a")),
        ("status-b", expired("b")),
        ("status-x", revoked("x")),
    ]
