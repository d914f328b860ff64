"""Which of the held credentials answer a request: what it needs, and the rest where the learner wants to show it.

Source: OpenID4VP 1.0, section 6.4.2; domain, section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kompetenspass.openid.oid4vp import dcql
from services.wallet.domain.summary import text_or_none

_HAS_PART = "has_part"
Matches = tuple[dcql.Match, ...]
Choice = Mapping[str, Matches]
"""What is presented for each credential query, in the order of the query."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A credential that is shown. `definition` and `title` are None for types that have no such claim."""

    digest: str
    definition: str | None
    title: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    """One part that an award discloses: its definition, and the digests of the copies of its credential."""

    definition: str
    digests: frozenset[str]

    def is_shown_by(self, credential: dcql.Credential) -> bool:
        return credential.key in self.digests and credential.claims.get("definition") == self.definition


def choose(query: dcql.Query, held: Sequence[dcql.Credential], *, share_parts: bool) -> Choice:
    """Return what is needed of `held`, and with `share_parts` also what is optional; what comes first is preferred.

    If an award that is needed discloses its parts, then only parts of it are optional, and parts of an award that is
    itself shown and discloses its own: of each part one copy. Raises OAuthError `access_denied` if something needed is
    not held or nothing would be shown. The `key` of a credential is its digest.
    """
    choice: Choice = dcql.select(query, held)
    if share_parts and any(_parts_of(choice)):
        choice = _with_parts(query, held, choice)
    elif share_parts:
        choice = dcql.select(query, held, include_optional=True)
    if not choice:
        raise dcql.not_held()
    return choice


def shown_by(choice: Choice) -> tuple[Shown, ...]:
    """Return what a choice shows, each credential once."""
    credentials = {match.credential.key: match.credential for matches in choice.values() for match in matches}
    return tuple(_shown(credential) for credential in credentials.values())


def _with_parts(query: dcql.Query, held: Sequence[dcql.Credential], needed: Choice) -> Choice:
    """Return the choice widened by parts until what is shown discloses no more of them; nothing is taken back."""
    found = dcql.matches(query, held)
    choice, parts = needed, tuple[_Part, ...]()
    while fresh := [part for part in dict.fromkeys(_parts_of(choice)) if part not in parts]:
        parts = (*parts, *fresh)
        allowed = {**_only_parts(found, parts), **needed}
        answered = {*choice, *_options(query, allowed, choice)}
        choice = {asked.id: dcql.taken(asked, allowed[asked.id]) for asked in query.credentials if asked.id in answered}
    return choice


def _options(query: dcql.Query, allowed: Choice, choice: Choice) -> Iterator[str]:
    """Yield the ids that answer the optional sets; a set that the choice answers already needs no others."""
    for set_ in query.credential_sets:
        if not set_.required:
            yield from dcql.option(set_, choice) or dcql.option(set_, allowed)


def _only_parts(found: Choice, parts: Sequence[_Part]) -> dict[str, Matches]:
    """Return of each query's matches one copy of each part, in the order of `parts`."""
    of_parts = {id_: tuple(_copies(matches, parts)) for id_, matches in found.items()}
    return {id_: matches for id_, matches in of_parts.items() if matches}


def _copies(matches: Matches, parts: Sequence[_Part]) -> Sequence[dcql.Match]:
    copies = (next((match for match in matches if part.is_shown_by(match.credential)), None) for part in parts)
    return list({copy.credential.key: copy for copy in copies if copy is not None}.values())


def _parts_of(choice: Choice) -> Iterator[_Part]:
    """Yield the parts that the chosen credentials disclose, in the order in which they stand."""
    for matches in choice.values():
        for match in matches:
            for element in _disclosed(match):
                if (part := _part(element)) is not None:
                    yield part


def _disclosed(match: dcql.Match) -> Iterator[object]:
    """Yield the elements of `has_part` that a match discloses: those on its paths, or all below the array itself."""
    elements = match.credential.claims.get(_HAS_PART)
    if not isinstance(elements, list | tuple):
        return
    paths = [path for path in match.paths if path[0] == _HAS_PART]
    for index, element in enumerate(elements):
        if any(len(path) == 1 or path[1] == index for path in paths):
            yield element


def _part(element: object) -> _Part | None:
    if not isinstance(element, Mapping):
        return None
    definition, digests = element.get("definition"), element.get("digests")
    if not isinstance(definition, str) or not isinstance(digests, list | tuple):
        return None
    return _Part(definition, frozenset(digest for digest in digests if isinstance(digest, str)))


def _shown(credential: dcql.Credential) -> Shown:
    claims = credential.claims
    return Shown(credential.key, text_or_none(claims.get("definition")), text_or_none(claims.get("achievement_title")))
