"""Whether one credential meets one credential query, and by which claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kompetenspass.openid.oid4vp.dcql.errors import MismatchReason, QueryNotMet
from kompetenspass.openid.oid4vp.dcql.model import ClaimQuery, Credential, CredentialQuery, Match, Path, Value
from kompetenspass.openid.oid4vp.dcql.path import NothingSelected, evaluate_path


def match(query: CredentialQuery, credential: Credential) -> Match:
    """Return how `credential` meets `query`: by all claims, or by the first claim set that it satisfies.

    Raises QueryNotMet. Source: OpenID4VP 1.0, sections 6.1 and 6.4.1.
    """
    where = f"credentials[{query.id}]"
    if credential.format != query.format:
        raise QueryNotMet(MismatchReason.FORMAT, f"{where}.format")
    if not _meets_meta(query.meta, credential.types):
        raise QueryNotMet(MismatchReason.TYPE, f"{where}.meta")
    if query.require_cryptographic_holder_binding and not credential.holder_bound:
        raise QueryNotMet(MismatchReason.HOLDER_BINDING, f"{where}.require_cryptographic_holder_binding")
    if query.trusted_authorities and not _meets_authorities(query, credential):
        raise QueryNotMet(MismatchReason.AUTHORITY, f"{where}.trusted_authorities")
    return Match(credential, _requested_claims(query, credential.claims, where))


def _meets_meta(meta: Mapping[str, object], types: frozenset[str]) -> bool:
    vct_values, doctype, alternatives = meta.get("vct_values"), meta.get("doctype_value"), meta.get("type_values")
    if isinstance(vct_values, list | tuple) and types.isdisjoint(vct_values):
        return False
    if isinstance(doctype, str) and doctype not in types:
        return False
    if isinstance(alternatives, list | tuple):
        return any(types.issuperset(alternative) for alternative in alternatives)
    return True


def _meets_authorities(query: CredentialQuery, credential: Credential) -> bool:
    """Only `aki` can be judged here: a condition of another type is not met."""
    return any(
        authority.type == "aki" and not credential.authority_key_ids.isdisjoint(authority.values)
        for authority in query.trusted_authorities
    )


def _requested_claims(query: CredentialQuery, claims: Mapping[str, object], where: str) -> tuple[Path, ...]:
    if not query.claim_sets:
        return _all_of(query.claims, claims, where)
    by_id = {claim.id: claim for claim in query.claims}
    first: QueryNotMet | None = None
    for option in query.claim_sets:
        try:
            return _all_of((by_id[id_] for id_ in option), claims, where)
        except QueryNotMet as refusal:
            first = first or refusal
    raise first or QueryNotMet(MismatchReason.CLAIM, f"{where}.claim_sets")


def _all_of(queries: Iterable[ClaimQuery], claims: Mapping[str, object], where: str) -> tuple[Path, ...]:
    found = [path for query in queries for path in _paths(query, claims, where)]
    return tuple(dict.fromkeys(found))


def _paths(query: ClaimQuery, claims: Mapping[str, object], where: str) -> tuple[Path, ...]:
    """Return the paths of the selected elements; one whose value is not asked for counts as not there."""
    try:
        selected = evaluate_path(claims, query.path)
    except NothingSelected as error:
        raise QueryNotMet(MismatchReason.CLAIM, _place(query, where)) from error
    paths = tuple(path for path, value in selected if query.values is None or _among(value, query.values))
    if not paths:
        raise QueryNotMet(MismatchReason.VALUE, _place(query, where))
    return paths


def _place(query: ClaimQuery, where: str) -> str:
    return f"{where}.claims[{query.id or '.'.join('*' if part is None else str(part) for part in query.path)}]"


def _among(value: object, values: tuple[Value, ...]) -> bool:
    """Type and value must both be the same: true is not 1, and 1.0 is not 1."""
    return any(type(value) is type(wanted) and value == wanted for wanted in values)
