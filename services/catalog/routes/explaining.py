"""Public reads: a pathway in plain sentences, one for each node of its rule and for each constraint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from kompetenspass.pathway.explain import explain
from kompetenspass.pathway.named import named
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.rule import CredentialLeaf, leaves
from kompetenspass.pathway.words import Language
from services.catalog.queries import PATHWAYS, Catalogue
from services.catalog.routes.reading import cacheable, viewer_of


def router(catalogue: Catalogue) -> APIRouter:
    """Return the routes of GET /v1/pathways/{id}/explanation, of the current version and of one by its digest."""
    routes = APIRouter(tags=["catalogue"])

    async def current(request: Request, id_: str, lang: Language = "sv") -> Response:
        """What the current version asks for, a sentence a node; `depth` says how far down the rule it stands."""
        viewer = await viewer_of(request)
        whole = await catalogue.one(PATHWAYS, id_, viewer)
        return cacheable(request, await _explained(catalogue, whole, lang, viewer))

    async def version(request: Request, id_: str, digest: str, lang: Language = "sv") -> Response:
        """What one version asks for, named by the digest of its content."""
        viewer = await viewer_of(request)
        whole = await catalogue.version(PATHWAYS, id_, digest, viewer)
        return cacheable(request, await _explained(catalogue, whole, lang, viewer))

    path = "/v1/pathways/{id_}"
    routes.add_api_route(f"{path}/explanation", current, operation_id="explain_pathway")
    routes.add_api_route(f"{path}/versions/{{digest}}/explanation", version, operation_id="explain_pathway_version")
    return routes


async def _explained(
    catalogue: Catalogue, whole: Mapping[str, Any], language: Language, viewer: str | None
) -> Mapping[str, Any]:
    pathway = parse(whole["content"])
    asked = (leaf for leaf in leaves(pathway.rule) if isinstance(leaf, CredentialLeaf))
    titles = await catalogue.titles(named(pathway.rule), {org for leaf in asked for org in leaf.issued_by}, viewer)
    sentences = [asdict(sentence) for sentence in explain(pathway, titles, language)]
    kept = {name: whole[name] for name in ("pathway_id", "version", "status", "content_digest")}
    return kept | {"language": language, "title": whole["content"]["title"][language], "sentences": sentences}
