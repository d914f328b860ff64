"""The wallet's side: what to present for a query, from the credentials that are held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kompetenspass.core.errors import Kind
from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vp.dcql.errors import QueryNotMet
from kompetenspass.openid.oid4vp.dcql.match import match
from kompetenspass.openid.oid4vp.dcql.model import Credential, CredentialQuery, CredentialSet, Match, Query


def select(query: Query, held: Sequence[Credential], *, include_optional: bool = False) -> dict[str, tuple[Match, ...]]:
    """Return what to present: for each credential query of the choice one match, or all of them if `multiple`.

    Of each required credential set the first option that can be satisfied is taken; optional ones only if
    `include_optional`. Never a part of the answer: raises OAuthError `access_denied` if something needed is not held.
    Source: OpenID4VP 1.0, sections 6.4.2 and 8.5.
    """
    meeting = {asked.id: tuple(_meeting(asked, held)) for asked in query.credentials}
    found = {id_: matches for id_, matches in meeting.items() if matches}
    wanted = dict.fromkeys(_wanted(query, found, include_optional))
    return {asked.id: _taken(asked, found[asked.id]) for asked in query.credentials if asked.id in wanted}


def _meeting(asked: CredentialQuery, held: Sequence[Credential]) -> Iterable[Match]:
    for credential in held:
        try:
            yield match(asked, credential)
        except QueryNotMet:
            continue


def _wanted(query: Query, found: Mapping[str, object], include_optional: bool) -> list[str]:
    if not query.credential_sets:
        needed = [asked.id for asked in query.credentials]
        if not all(id_ in found for id_ in needed):
            raise not_held()
        return needed
    sets = [set_ for set_ in query.credential_sets if set_.required or include_optional]
    return [id_ for set_ in sets for id_ in _option(set_, found)]


def _option(set_: CredentialSet, found: Mapping[str, object]) -> tuple[str, ...]:
    for option in set_.options:
        if all(id_ in found for id_ in option):
            return option
    if set_.required:
        raise not_held()
    return ()


def _taken(asked: CredentialQuery, matches: tuple[Match, ...]) -> tuple[Match, ...]:
    return matches if asked.multiple else matches[:1]


def not_held() -> OAuthError:
    """Return the refusal of a wallet without the credentials that are needed. Source: OpenID4VP 1.0, section 8.5."""
    return OAuthError(
        "access_denied",
        "The wallet does not hold what the request needs.",
        kind=Kind.CONFLICT,
        remedy="Get the credential first.",
    )
