"""The query for an award together with what it rests on. Source: OpenID4VP 1.0, sections 6.2 and 6.4.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kompetenspass.openid.oid4vp import dcql
from kompetenspass.pathway.rule import CredentialLeaf, Pathway, PathwayLeaf, leaves
from services.verification.domain.trust import Document

_HAS_PART = ("has_part", None)
_GRADE = ("assessment_grade",)


def deep_query(
    *,
    vct: str,
    award: Document,
    opened: Sequence[Pathway],
    parts: Sequence[Document],
    claims: Sequence[tuple[Any, ...]] = (),
) -> dict[str, Any]:
    """Return the query for the award with its parts disclosed, and for what its rule names: each only if it is shown.

    `opened` are its pathway and the nested ones; their awards disclose their parts too. A result is asked for where a
    rule has a threshold, several credentials where one rule names a definition repeatedly.
    """
    asked = dcql.definition_query(vct=vct, definition=award.urn, claims=[_HAS_PART, *claims])["credentials"]
    asked += [_part(vct, opened, document, f"part-{number}") for number, document in enumerate(parts, 1)]
    sets = [{"options": [[each["id"]]], "required": each["id"] == dcql.DEFINITION_QUERY_ID} for each in asked]
    return {"credentials": asked, "credential_sets": sets}


def _part(vct: str, opened: Sequence[Pathway], document: Document, id_: str) -> dict[str, Any]:
    naming = [_leaves_of(pathway, document) for pathway in opened]
    graded = any(
        isinstance(one, CredentialLeaf) and one.min_result_percent is not None for some in naming for one in some
    )
    claims: list[tuple[Any, ...]] = [_GRADE] if graded else []
    if document.kind == "pathway":
        claims = [_HAS_PART]
    (query,) = dcql.definition_query(vct=vct, definition=document.urn, claims=claims, id_=id_)["credentials"]
    return {**query, **({"multiple": True} if max(map(len, naming), default=0) > 1 else {})}


def _leaves_of(pathway: Pathway, document: Document) -> list[CredentialLeaf | PathwayLeaf]:
    """Return the leaves that name the document."""
    return [leaf for leaf in leaves(pathway.rule) if _named_by(leaf) == (document.kind, document.id)]


def _named_by(leaf: CredentialLeaf | PathwayLeaf) -> tuple[str, str]:
    if isinstance(leaf, PathwayLeaf):
        return "pathway", leaf.pathway_id
    return "definition", leaf.definition_id
