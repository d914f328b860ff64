"""What a verifier of ours may send: a valid query that, beyond the rules, no strict wallet can take offence at."""

from __future__ import annotations

from collections.abc import Mapping

from kompetenspass.openid.oid4vp.dcql.errors import QueryFault
from kompetenspass.openid.oid4vp.dcql.model import CredentialQuery, Path, Query
from kompetenspass.openid.oid4vp.dcql.parse import parse
from kompetenspass.openid.oid4vp.dcql.place import Place

AUTHORITY_TYPES = ("aki", "etsi_tl", "openid_federation")
_NEVER_DISCLOSABLE = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"})
_NEEDED_META = {
    "dc+sd-jwt": "vct_values",
    "mso_mdoc": "doctype_value",
    "jwt_vc_json": "type_values",
    "ldp_vc": "type_values",
}
_QUERY = frozenset({"credentials", "credential_sets"})
_CREDENTIAL = frozenset(
    {
        "id",
        "format",
        "meta",
        "multiple",
        "trusted_authorities",
        "require_cryptographic_holder_binding",
        "claims",
        "claim_sets",
    }
)
_CLAIM = frozenset({"id", "path", "values"})
_SET = frozenset({"options", "required"})
_AUTHORITY = frozenset({"type", "values"})


def parse_sendable(value: object) -> Query:
    """Return the query, valid and fit to be sent.

    Raises InvalidQuery for what `parse` refuses, unknown members, a format's missing type, a claim named twice or in
    no claim set, and registered claims that are shown anyway. Source: OpenID4VP 1.0, sections 6.1 and 6.3.
    """
    query = parse(value)
    root = Place(value)
    _only(root, _QUERY)
    for entry in _each(root, "credential_sets"):
        _only(entry, _SET)
    for place, credential in zip(_each(root, "credentials"), query.credentials, strict=True):
        _check_credential(place, credential)
    return query


def _check_credential(place: Place, credential: CredentialQuery) -> None:
    _only(place, _CREDENTIAL)
    if credential.format not in _NEEDED_META:
        raise place.member("format").refuse(QueryFault.UNKNOWN_FORMAT)
    place.member("meta").member(_NEEDED_META[credential.format])
    for entry in _each(place, "trusted_authorities"):
        _only(entry, _AUTHORITY)
        if entry.member("type").text() not in AUTHORITY_TYPES:
            raise entry.member("type").refuse(QueryFault.UNKNOWN_AUTHORITY_TYPE)
    _check_claims(place, credential)


def _check_claims(place: Place, credential: CredentialQuery) -> None:
    seen: set[Path] = set()
    used = {id_ for option in credential.claim_sets for id_ in option}
    for entry, claim in zip(_each(place, "claims"), credential.claims, strict=True):
        _only(entry, _CLAIM)
        if claim.path in seen:
            raise entry.member("path").refuse(QueryFault.DUPLICATE_CLAIM)
        seen.add(claim.path)
        if credential.format == "dc+sd-jwt" and claim.path[0] in _NEVER_DISCLOSABLE:
            raise entry.member("path").refuse(QueryFault.NEVER_DISCLOSABLE)
        if credential.claim_sets and claim.id not in used:
            raise entry.refuse(QueryFault.UNUSED_CLAIM)


def _each(place: Place, name: str) -> list[Place]:
    found = place.optional(name)
    return found.array() if found else []


def _only(place: Place, allowed: frozenset[str]) -> None:
    members: Mapping[str, object] = place.object()
    for name in members:
        if name not in allowed:
            raise Place(None, f"{place.path}/{_pointer_part(name)}").refuse(QueryFault.UNKNOWN_MEMBER)


def _pointer_part(name: str) -> str:
    """Return a member's name as it stands in a JSON pointer, cut short. Source: RFC 6901, section 3."""
    return name[:64].replace("~", "~0").replace("/", "~1")
