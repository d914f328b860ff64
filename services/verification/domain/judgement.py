"""How one presented credential is judged, check by check. What must be fetched is handed in.

Sources: RFC 9901, section 7; SD-JWT VC, section 2.4; Token Status List, section 8.3; OpenID4VP 1.0, section 8.6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from kompetenspass.core.errors import Problem
from kompetenspass.openid import jose, mikromerit, sdjwt, status
from kompetenspass.openid.oid4vp import dcql
from services.verification.domain import chain, trust
from services.verification.domain.checks import Checklist, Subject

_NO_SKEW_LIMIT = 10.0**11
_STATUS_REASONS = {status.INVALID: "credential_revoked", status.SUSPENDED: "credential_suspended"}
_AFTER_SIGNATURE = ("validity", "issuer", "key", "issuer_role", "definition", "issuing_right", "type")


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a credential says of itself before anything is verified: only for looking facts up."""

    opened: sdjwt.OpenSDJWT
    digest: str
    chain: chain.Chain
    issuer: str
    definition: str
    definition_version: int
    issued_at: datetime | None

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the key that seems to have signed it."""
        return self.chain.thumbprint


@dataclass(frozen=True, slots=True)
class Judged:
    """A credential whose signature held, the chain that it was signed under, and the moment that trust went by."""

    verified: sdjwt.VerifiedSDJWT
    chain: chain.Trusted
    issued_at: datetime

    @property
    def claims(self) -> dict[str, Any]:
        """The claims that were shown."""
        return self.verified.claims


def read(compact: str, read_chain: Callable[[object], chain.Chain] = chain.read) -> Claimed:
    """Return what the credential says of itself. Raises Problem: SDJWTError, JoseError, `claim_malformed`."""
    opened = sdjwt.open_sd_jwt(compact)
    header, payload = opened.jwt.header, opened.jwt.payload
    led = read_chain(jose.header_x5c(header))
    iat = jose.numeric_date(payload, "iat")
    return Claimed(
        opened=opened,
        digest=opened.digest,
        chain=led,
        issuer=_text(payload, "iss"),
        definition=_text(payload, "definition"),
        definition_version=_number(payload, "definition_version"),
        issued_at=None if iat is None else _moment(iat),
    )


def judge_credential(
    checks: Checklist,
    claimed: Claimed,
    facts: trust.Facts,
    *,
    trusted: Callable[[chain.Chain, datetime], chain.Trusted],
    catalog_url: str,
    now: datetime,
) -> Judged | None:
    """Return the credential if its signature held, and note every check but status, holder binding and query.

    `trusted` returns a chain that leads to a trust anchor at a moment, or raises Problem.
    """
    at = checks.attempt("issued_at", lambda: trust.issued_at(facts, claimed.issued_at, now))
    moment = at or now
    led = checks.attempt("chain", lambda: trusted(claimed.chain, moment))
    if led is None:
        checks.not_made("signature", *_AFTER_SIGNATURE)
        return None
    verified = checks.attempt(
        "signature",
        lambda: sdjwt.verify(claimed.opened, issuer_key=led.key, now=now, skew_seconds=_NO_SKEW_LIMIT),
    )
    if verified is None:
        checks.not_made(*_AFTER_SIGNATURE)
        return None
    checks.attempt("validity", lambda: _check_dates(verified.claims, now))
    _judge_trust(checks, claimed, facts, led, moment)
    checks.attempt("type", lambda: _check_type(verified, catalog_url))
    return Judged(verified, led, moment)


def reference_of(checks: Checklist, judged: Judged) -> status.Reference | None:
    """Return where the credential's status stands, or note that it does not say."""
    try:
        reference = status.read_reference(judged.claims)
    except Problem as problem:
        checks.failed("status", problem)
        return None
    if reference is None:
        checks.failed("status", Problem("status_missing", "The credential does not say where its status stands."))
    return reference


def judge_status(checks: Checklist, value: int) -> None:
    """Note whether a status value lets the credential pass. Source: Token Status List, section 7.1."""
    if value == status.VALID:
        checks.held("status")
        return
    reason = _STATUS_REASONS.get(value, "status_not_valid")
    said = {"credential_revoked": "is revoked", "credential_suspended": "is suspended"}.get(reason, "is not valid")
    checks.failed("status", Problem(reason, f"The credential {said}."))


def judge_binding(checks: Checklist, judged: Judged, *, client_id: str, nonce: str, now: datetime) -> None:
    """Note whether the holder's key signed for this verifier and this request. Source: RFC 9901, section 7.3."""
    checks.attempt("holder_binding", lambda: sdjwt.verify_kb(judged.verified, aud=client_id, nonce=nonce, now=now))


def judge_binding_of_another(checks: Checklist, judged: Judged, now: datetime) -> None:
    """Note whether the key binding of a pasted presentation, made for someone else, is the holder's and whole."""
    checks.attempt("key_binding", lambda: _check_binding(judged.verified, now))


def judge_query(checks: Checklist, judged: Judged, asked: dcql.CredentialQuery) -> None:
    """Note whether the credential is what a credential query asks for. Source: OpenID4VP 1.0, section 8.6."""
    shown = dcql.Credential(
        format="dc+sd-jwt",
        types=frozenset({str(judged.claims["vct"])}),
        claims=judged.verified.processed.as_issued,
        holder_bound=judged.verified.parts.kb_jwt is not None,
        authority_key_ids=judged.chain.authority_key_ids,
    )
    checks.attempt("query", lambda: dcql.match(asked, shown))


def subject(claimed: Claimed) -> Subject:
    """Return what a verdict may say of the credential."""
    return Subject(claimed.issuer, claimed.definition, claimed.definition_version, claimed.digest)


def _judge_trust(checks: Checklist, claimed: Claimed, facts: trust.Facts, led: chain.Trusted, at: datetime) -> None:
    checks.attempt("issuer", lambda: _check_issuer(claimed, facts, led))
    checks.attempt("key", lambda: trust.check_key(facts, at))
    checks.attempt("issuer_role", lambda: trust.check_roles(facts, at))
    checks.attempt("definition", lambda: trust.check_definition(facts))
    org_id = facts.key.org_id if facts.key else ""
    checks.attempt("issuing_right", lambda: trust.check_right(facts, org_id, at))


def _check_issuer(claimed: Claimed, facts: trust.Facts, led: chain.Trusted) -> None:
    if claimed.issuer not in led.uris:
        raise Problem("issuer_mismatch", "The certificate does not name the issuer of the credential.")
    if facts.key is None:
        raise Problem("issuer_unknown", "The registry does not know the issuer with this key.")
    if facts.issue is not None and facts.issue.issuer_org != facts.key.org_id:
        raise Problem("issuer_mismatch", "Another organisation issued this copy.")


def _check_binding(verified: sdjwt.VerifiedSDJWT, now: datetime) -> None:
    said = jose.parse_unverified(verified.parts.kb_jwt).payload
    aud, nonce = _text(said, "aud"), _text(said, "nonce")
    sdjwt.verify_kb(verified, aud=aud, nonce=nonce, now=now, max_age_seconds=_NO_SKEW_LIMIT)


def _check_dates(claims: dict[str, Any], now: datetime) -> None:
    jose.check_times(claims, now)
    expiry = claims.get("date_of_expiry")
    if isinstance(expiry, str) and expiry < now.astimezone(UTC).date().isoformat():
        raise Problem("merit_expired", "The merit has expired.")


def _check_type(verified: sdjwt.VerifiedSDJWT, catalog_url: str) -> None:
    claims = verified.claims
    integrity = claims.get("vct#integrity")
    if claims.get("vct") != mikromerit.vct(catalog_url):
        raise Problem("type_unknown", "The credential is not of the type that the catalog publishes.")
    if not isinstance(integrity, str):
        raise Problem("type_metadata_mismatch", "The credential does not say which bytes its type has.")
    sdjwt.check_type(_type_metadata(catalog_url, integrity), verified)


@lru_cache(maxsize=16)
def _type_metadata(catalog_url: str, integrity: str) -> sdjwt.TypeMetadata:
    """Return the type as the catalog publishes it, if its bytes are those: they never change, so they are read once."""
    document = mikromerit.type_metadata(catalog_url)
    return sdjwt.read_type_metadata(document, vct=mikromerit.vct(catalog_url), integrity=integrity)


def _text(payload: dict[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 1000 or "\x00" in value:
        raise Problem("claim_malformed", f"The claim {name} is missing or not a text.")
    return value


def _number(payload: dict[str, Any], name: str) -> int:
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
        raise Problem("claim_malformed", f"The claim {name} is missing or not a version number.")
    return value


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Problem("claim_malformed", "The claim iat is not a moment.") from error
