"""Keys of an issuer: registered once its possession is proved, marked when compromised."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.registry import IssuerKeyCompromised, IssuerKeyRegistered
from services.registry.domain.organisation import Organisation, require_registered


def issuer_identifier(issuer_base_url: str, slug: str) -> str:
    """Return the Credential Issuer Identifier of the organisation with this slug."""
    return f"{issuer_base_url}/issuers/{slug}"


def register_key(
    state: Organisation, wanted: IssuerKeyRegistered, *, certified: Collection[str], now: datetime
) -> Sequence[Event]:
    """Return the registration of a key whose possession was proved, or nothing if it stands already.

    `certified` are the URIs that the leaf certificate names. Raises Problem if the organisation may not issue, if the
    certificate is not for its issuer identifier, or if the key was compromised.
    """
    require_registered(state)
    if not state.holds("issuer", now):
        raise Problem(
            "issuer_role_missing",
            "The organisation does not hold the role of an issuer.",
            kind=Kind.CONFLICT,
            remedy="Ask the scheme owner to grant the role issuer.",
        )
    if wanted.issuer not in certified:
        raise Problem(
            "certificate_subject_mismatch",
            "The leaf certificate is not for this organisation's issuer identifier.",
            remedy="Ask the certificate authority for a leaf with the issuer identifier as subject alternative name.",
            members={"issuer": wanted.issuer},
        )
    known = state.keys.get(wanted.kid)
    if known is not None and known.compromised_since is not None:
        raise Problem(
            "key_compromised",
            "This key was reported compromised.",
            kind=Kind.CONFLICT,
            remedy="Make a new key and enrol that.",
        )
    return () if known is not None and known.registered == wanted else (wanted,)


def report_compromise(state: Organisation, wanted: IssuerKeyCompromised, *, now: datetime) -> Sequence[Event]:
    """Return the report, or nothing if an earlier moment stands. Raises Problem for an unknown key or the future."""
    known = state.keys.get(wanted.kid)
    if known is None:
        raise not_found("key")
    if wanted.compromised_since > now:
        raise Problem(
            "invalid_period", "A compromise cannot lie in the future.", remedy="Give the earliest moment suspected."
        )
    earlier = known.compromised_since is not None and known.compromised_since <= wanted.compromised_since
    return () if earlier else (wanted,)
