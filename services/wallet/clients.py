"""Calls to issuers, verifiers, the catalog and the registry: their public protocols, with the limits of Outbound."""

from __future__ import annotations

from collections.abc import Mapping

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.web.outbound import Fetched, Outbound

_MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
_TIMEOUT_SECONDS = 10.0


class PublicParties:
    """Implements the Parties that the use cases ask for."""

    def __init__(self, http: Outbound) -> None:
        self._http = http

    async def document(self, url: str, accept: str = "application/json") -> bytes:
        """Return a public document. Raises Problem `document_missing`, and what Outbound raises."""
        answer = await self._http.get(
            url, accept=accept, max_bytes=_MAX_DOCUMENT_BYTES, timeout_seconds=_TIMEOUT_SECONDS
        )
        if answer.status != 200:
            raise Problem(
                "document_missing",
                "A document that is needed is not where it should be.",
                kind=Kind.CONFLICT,
                remedy="Ask the issuer or verifier for a new code.",
                members={"upstream_status": answer.status},
            )
        return answer.body

    async def post_form(self, url: str, form: Mapping[str, str]) -> Fetched:
        """Return the answer to a form."""
        return await self._http.post_form(url, form, timeout_seconds=_TIMEOUT_SECONDS)

    async def post_body(self, url: str, body: bytes, content_type: str, access_token: str | None = None) -> Fetched:
        """Return the answer to a body that is ready to send, with a bearer token if there is one."""
        headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        return await self._http.post(
            url, body, content_type=content_type, headers=headers, timeout_seconds=_TIMEOUT_SECONDS
        )
