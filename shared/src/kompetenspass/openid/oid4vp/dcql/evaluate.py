"""The verifier's side: does an answer, as a whole, meet the query it was given for."""

from __future__ import annotations

from collections.abc import Collection

from kompetenspass.openid.oid4vp.dcql.errors import MismatchReason, QueryNotMet
from kompetenspass.openid.oid4vp.dcql.model import Query


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
