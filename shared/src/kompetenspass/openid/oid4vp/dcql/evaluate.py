"""The verifier's side: does an answer meet the query it was given for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from kompetenspass.openid.oid4vp.dcql.errors import MismatchReason, QueryNotMet
from kompetenspass.openid.oid4vp.dcql.match import match
from kompetenspass.openid.oid4vp.dcql.model import Credential, Match, Query


def evaluate(query: Query, presented: Mapping[str, Sequence[Credential]]) -> dict[str, tuple[Match, ...]]:
    """Return how each presented credential meets its credential query.

    Raises QueryNotMet if one does not, if there are too many, or if the set of answers does not satisfy the query.
    Source: OpenID4VP 1.0, sections 6.4 and 8.6.
    """
    matches = {id_: _matches(query, id_, credentials) for id_, credentials in presented.items()}
    check_credential_sets(query, presented.keys())
    return matches


def check_credential_sets(query: Query, answered: Collection[str]) -> None:
    """Raise QueryNotMet unless the ids in `answered` satisfy the query.

    Without credential sets every credential is needed; with them, one whole option of each required set.
    Source: OpenID4VP 1.0, section 6.4.2.
    """
    if not query.credential_sets:
        for credential in query.credentials:
            if credential.id not in answered:
                raise QueryNotMet(MismatchReason.MISSING_CREDENTIAL, f"credentials[{credential.id}]")
    for index, set_ in enumerate(query.credential_sets):
        if set_.required and not any(all(id_ in answered for id_ in option) for option in set_.options):
            raise QueryNotMet(MismatchReason.CREDENTIAL_SET, f"credential_sets[{index}]")


def _matches(query: Query, id_: str, credentials: Sequence[Credential]) -> tuple[Match, ...]:
    asked = query.credential(id_)
    if asked is None or not credentials or (len(credentials) > 1 and not asked.multiple):
        raise QueryNotMet(MismatchReason.MISSING_CREDENTIAL, f"credentials[{id_}]")
    return tuple(match(asked, credential) for credential in credentials)
