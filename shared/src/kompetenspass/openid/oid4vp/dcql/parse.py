"""Parse a DCQL query: every rule of validity, each refusal with its code and its place."""

from __future__ import annotations

from collections.abc import Sequence

from kompetenspass.openid.oid4vp.dcql.errors import QueryFault
from kompetenspass.openid.oid4vp.dcql.model import (
    ClaimQuery,
    CredentialQuery,
    CredentialSet,
    Path,
    PathPart,
    Query,
    TrustedAuthority,
    Value,
)
from kompetenspass.openid.oid4vp.dcql.place import Place


def parse(value: object) -> Query:
    """Return the query in a decoded JSON value; unknown members are ignored.

    Raises InvalidQuery for the first broken rule. Source: OpenID4VP 1.0, sections 6 to 6.3 and 7.
    """
    root = Place(value)
    credentials = tuple(_credential(place) for place in root.member("credentials").array())
    _refuse_repeated_ids(root.member("credentials").array(), [query.id for query in credentials])
    sets = root.optional("credential_sets")
    known = {query.id for query in credentials}
    return Query(credentials, tuple(_credential_set(place, known) for place in sets.array()) if sets else ())


def _credential(place: Place) -> CredentialQuery:
    id_, format_ = place.member("id").id(), place.member("format").text()
    multiple, bound = place.optional("multiple"), place.optional("require_cryptographic_holder_binding")
    authorities = place.optional("trusted_authorities")
    claims = _claims(place)
    meta = place.member("meta")
    _check_meta(meta)
    return CredentialQuery(
        id=id_,
        format=format_,
        meta=meta.object(),
        multiple=multiple.boolean() if multiple else False,
        trusted_authorities=tuple(_authority(entry) for entry in authorities.array()) if authorities else (),
        require_cryptographic_holder_binding=bound.boolean() if bound else True,
        claims=claims,
        claim_sets=_claim_sets(place, claims),
    )


def _check_meta(meta: Place) -> None:
    """Check the members that a format defines, where present. Source: OpenID4VP 1.0, appendices B.1.1, B.2.3, B.3.5."""
    vct_values, doctype, types = (meta.optional(name) for name in ("vct_values", "doctype_value", "type_values"))
    if vct_values:
        vct_values.texts()
    if doctype:
        doctype.text()
    for alternative in types.array() if types else ():
        alternative.texts()


def _authority(place: Place) -> TrustedAuthority:
    return TrustedAuthority(place.member("type").text(), place.member("values").texts())


def _claims(place: Place) -> tuple[ClaimQuery, ...]:
    claims = place.optional("claims")
    if claims is None:
        return ()
    places = claims.array()
    parsed = tuple(_claim(entry) for entry in places)
    _refuse_repeated_ids(places, [claim.id for claim in parsed])
    return parsed


def _claim(place: Place) -> ClaimQuery:
    id_, values = place.optional("id"), place.optional("values")
    return ClaimQuery(
        path=_path(place.member("path")),
        id=id_.id() if id_ else None,
        values=tuple(_value(entry) for entry in values.array()) if values else None,
    )


def _path(place: Place) -> Path:
    return tuple(_path_part(part) for part in place.array())


def _path_part(place: Place) -> PathPart:
    part = place.value
    if part is None or isinstance(part, str):
        return part
    if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
        return part
    raise place.refuse(QueryFault.INVALID_PATH)


def _value(place: Place) -> Value:
    if not isinstance(place.value, str | int | bool):
        raise place.refuse(QueryFault.INVALID_VALUE)
    return place.value


def _claim_sets(place: Place, claims: Sequence[ClaimQuery]) -> tuple[tuple[str, ...], ...]:
    sets = place.optional("claim_sets")
    if sets is None:
        return ()
    if not claims:
        raise sets.refuse(QueryFault.CLAIM_SETS_WITHOUT_CLAIMS)
    for index, claim in enumerate(claims):
        if claim.id is None:
            raise Place(None, f"{place.path}/claims/{index}/id").refuse(QueryFault.CLAIM_ID_MISSING)
    known = {claim.id for claim in claims if claim.id is not None}
    return tuple(entry.known_ids(known) for entry in sets.array())


def _credential_set(place: Place, known: set[str]) -> CredentialSet:
    required = place.optional("required")
    options = tuple(option.known_ids(known) for option in place.member("options").array())
    return CredentialSet(options, required.boolean() if required else True)


def _refuse_repeated_ids(places: Sequence[Place], ids: Sequence[str | None]) -> None:
    seen: set[str] = set()
    for place, id_ in zip(places, ids, strict=True):
        if id_ in seen:
            raise place.member("id").refuse(QueryFault.DUPLICATE_ID)
        if id_ is not None:
            seen.add(id_)
