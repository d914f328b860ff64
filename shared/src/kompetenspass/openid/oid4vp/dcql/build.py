"""Queries that the platform itself asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kompetenspass.openid.oid4vp.dcql.model import Path

DEFINITION_QUERY_ID = "mikromerit"


def definition_query(
    *, vct: str, definition: str, claims: Sequence[Path] = (), id_: str = DEFINITION_QUERY_ID
) -> dict[str, Any]:
    """Return the DCQL query for one credential of type `vct` by the definition `definition`, with further claims.

    Source: OpenID4VP 1.0, section 6.3 (`values`).
    """
    asked: list[dict[str, Any]] = [{"path": ["definition"], "values": [definition]}]
    asked += [{"path": list(path)} for path in dict.fromkeys(claims) if path != ("definition",)]
    meta = {"vct_values": [vct]}
    return {"credentials": [{"id": id_, "format": "dc+sd-jwt", "meta": meta, "claims": asked}]}
