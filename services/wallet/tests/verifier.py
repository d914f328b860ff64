"""A verifier for the wallet's tests: a signed request, and an answer that is verified in full."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from kompetenspass.core.ids import random_token
from kompetenspass.openid import mikromerit, oid4vp, sdjwt
from kompetenspass.openid.oid4vp import dcql
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestAnchor, TestSigner
from services.wallet.tests.issuer import CATALOG, TestIssuer

BASE = "https://verifier.example"


class TestVerifier:
    """Asks for `definition` with the family name, or for `query`; refuses everything while `refuses` is set.

    `seen` are the claims shown, in the order of the answer; `answered` the same by the query's ids.
    """

    __test__ = False

    def __init__(self, anchor: TestAnchor, clock: FixedClock, issuer: TestIssuer) -> None:
        self.clock = clock
        self.issuer = issuer
        self.signer = TestSigner(hosts=["verifier.example"], anchor=anchor)
        self.client_id = oid4vp.x509_hash_client_id(self.signer.x5c)
        self.nonce, self.state = random_token(), random_token()
        self.definition = "def-1"
        self.query: dict[str, Any] | None = None
        self.refuses = False
        self.seen: list[dict[str, Any]] = []
        self.answered: dict[str, list[dict[str, Any]]] = {}
        self.errors: list[str] = []

    def url(self, client_id: str | None = None, *, post: bool = False) -> str:
        """Return what the wallet is shown."""
        return oid4vp.request_url(client_id or self.client_id, f"{BASE}/requests/1", "post" if post else None)

    def join(self, app: FastAPI) -> None:
        """Answer on the network of a test."""
        app.get("/requests/1")(self._request)
        app.post("/requests/1")(self._request)
        app.post("/responses/1")(self._response)

    async def _request(self, request: Request) -> Response:
        asked = oid4vp.AuthorizationRequest(
            client_id=self.client_id,
            response_uri=f"{BASE}/responses/1",
            nonce=self.nonce,
            state=self.state,
            dcql_query=self.query or asking(self.definition, ("family_name",)),
        )
        wallet_nonce = oid4vp.parse_request_uri_form(await request.body()) if request.method == "POST" else None
        token = oid4vp.request_object(
            asked, signer=self.signer, now=self.clock(), ttl_seconds=300, wallet_nonce=wallet_nonce
        )
        return Response(token, media_type=oid4vp.REQUEST_OBJECT_MEDIA_TYPE)

    async def _response(self, request: Request) -> Response:
        answer = oid4vp.parse_response(await request.body())
        oid4vp.check_state(answer, self.state)
        if isinstance(answer, oid4vp.ErrorResponse):
            self.errors.append(answer.error)
            return JSONResponse(oid4vp.response_answer())
        if self.refuses:
            return JSONResponse({"error": "invalid_request"}, 400)
        for query_id, shown in answer.vp_token.items():
            presentations = shown if isinstance(shown, list) else []
            self.answered[query_id] = [self._verified(presentation) for presentation in presentations]
            self.seen += self.answered[query_id]
        return JSONResponse(oid4vp.response_answer())

    def _verified(self, presentation: str) -> dict[str, Any]:
        return sdjwt.verify_presentation(
            presentation,
            issuer_key=self.issuer.signer.public_key,
            aud=self.client_id,
            nonce=self.nonce,
            now=self.clock(),
        ).claims


def asking(
    definition: str, *claims: tuple[str | int | None, ...], id_: str = dcql.DEFINITION_QUERY_ID
) -> dict[str, Any]:
    """Return the query for a credential by a definition, with further claims."""
    return dcql.definition_query(vct=mikromerit.vct(CATALOG), definition=definition, claims=claims, id_=id_)
