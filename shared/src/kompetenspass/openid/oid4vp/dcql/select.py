"""The wallet's side: what to present for a query, from the credentials that are held."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

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
    found = matches(query, held)
    wanted = dict.fromkeys(_wanted(query, found, include_optional))
    return {asked.id: taken(asked, found[asked.id]) for asked in query.credentials if asked.id in wanted}


def matches(query: Query, held: Sequence[Credential]) -> dict[str, tuple[Match, ...]]:
    """Return for each credential query what of `held` meets it, in the order of `held`; nothing where nothing does."""
    meeting = {asked.id: tuple(_meeting(asked, held)) for asked in query.credentials}
    return {id_: found for id_, found in meeting.items() if found}


def option(set_: CredentialSet, found: Container[str]) -> tuple[str, ...]:
    """Return the first option of a credential set whose queries are all in `found`, empty where there is none."""
    return next((each for each in set_.options if all(id_ in found for id_ in each)), ())


def taken(asked: CredentialQuery, matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Return what of its matches a credential query is answered with: one, or all of them if `multiple`."""
    return matches if asked.multiple else matches[:1]


def _meeting(asked: CredentialQuery, held: Sequence[Credential]) -> Iterable[Match]:
    for credential in held:
        try:
            yield match(asked, credential)
        except QueryNotMet:
            continue


def _wanted(query: Query, found: Container[str], include_optional: bool) -> list[str]:
    if not query.credential_sets:
        needed = [asked.id for asked in query.credentials]
        if not all(id_ in found for id_ in needed):
            raise not_held()
        return needed
    sets = [set_ for set_ in query.credential_sets if set_.required or include_optional]
    return [id_ for set_ in sets for id_ in _option(set_, found)]


def _option(set_: CredentialSet, found: Container[str]) -> tuple[str, ...]:
    chosen = option(set_, found)
    if set_.required and not chosen:
        raise not_held()
    return chosen


def not_held() -> OAuthError:
    """Return the refusal of a wallet without the credentials that are needed. Source: OpenID4VP 1.0, section 8.5."""
    return OAuthError(
        "access_denied",
        "The wallet does not hold what the request needs.",
        kind=Kind.CONFLICT,
        remedy="Get the credential first.",
    )
