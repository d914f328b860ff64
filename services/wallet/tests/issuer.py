"""An issuer for the wallet's tests: real metadata, tokens, proofs and credentials, and a fault where a test asks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Request, Response

from kompetenspass.core.ids import random_bytes, random_token
from kompetenspass.openid import mikromerit, oid4vci, sdjwt, status
from kompetenspass.openid.oauth import authorization_server_metadata, parse_token_request, token_response
from kompetenspass.openid.oauth.errors import invalid_grant
from kompetenspass.openid.oid4vci import proof
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestAnchor, TestSigner
from kompetenspass.web.errors import oauth_error_response

ISSUER = "https://issuance.example/issuers/alfa"
CATALOG = "https://catalog.example"
LIST = "https://registry.example/status/1"
CLAIMS = {str(claim.path[0]): "x" for claim in mikromerit.CLAIMS if claim.mandatory}


class TestIssuer:
    """Issues `def-1`; `fault` names what goes wrong: a claim to change, or a key of another root to sign with."""

    __test__ = False

    def __init__(self, anchor: TestAnchor, clock: FixedClock) -> None:
        self.clock = clock
        self.signer = TestSigner(uris=[ISSUER], anchor=anchor)
        self.status_signer = TestSigner(uris=[LIST], anchor=anchor)
        self.code = random_token()
        self.tx_code: str | None = None
        self.nonces: set[str] = set()
        self.claims: dict[str, Any] = {}
        self.holder_jwk: dict[str, str] | None = None
        self.revoked = False
        self.notified: list[str] = []
        self.type_metadata = mikromerit.type_metadata(CATALOG)

    def offer(self) -> oid4vci.CredentialOffer:
        """Return an offer; the code works once."""
        tx_code = oid4vci.TxCode(length=len(self.tx_code)) if self.tx_code else None
        return oid4vci.pre_authorized_offer(ISSUER, ["def-1"], self.code, tx_code)

    def join(self, app: FastAPI) -> None:
        """Answer on the network of a test."""
        app.get("/.well-known/openid-credential-issuer/issuers/alfa")(self._metadata)
        app.get("/.well-known/oauth-authorization-server/issuers/alfa")(self._server)
        app.get("/offers/1")(self._offer)
        app.post("/issuers/alfa/token")(self._token)
        app.post("/issuers/alfa/nonce")(self._nonce)
        app.post("/issuers/alfa/credential")(self._credential)
        app.post("/issuers/alfa/notification")(self._notification)
        app.get(mikromerit.VCT_PATH)(self._type)
        app.get("/status/1")(self._status)

    async def _offer(self) -> dict[str, Any]:
        return self.offer().to_json()

    async def _metadata(self) -> dict[str, Any]:
        configuration = oid4vci.sd_jwt_configuration(scope="def-1", vct=mikromerit.vct(CATALOG))
        return oid4vci.credential_issuer_metadata(
            ISSUER,
            credential_endpoint=f"{ISSUER}/credential",
            nonce_endpoint=f"{ISSUER}/nonce",
            notification_endpoint=f"{ISSUER}/notification",
            configurations={"def-1": configuration},
        ).to_json()

    async def _server(self) -> dict[str, Any]:
        return authorization_server_metadata(
            ISSUER, token_endpoint=f"{ISSUER}/token", jwks_uri=f"{ISSUER}/jwks"
        ).to_json()

    async def _token(self, request: Request) -> Any:
        asked = parse_token_request(await request.body())
        if asked.pre_authorized_code != self.code or asked.tx_code != self.tx_code:
            return oauth_error_response(invalid_grant())
        self.code = random_token()
        return token_response("access-1", expires_in_seconds=300).to_json()

    async def _nonce(self) -> dict[str, str]:
        nonce = random_token()
        self.nonces.add(nonce)
        return {"c_nonce": nonce}

    async def _credential(self, request: Request) -> dict[str, Any]:
        assert request.headers["authorization"] == "Bearer access-1"
        asked = oid4vci.parse_credential_request(await request.body())
        (proved,) = proof.verify(asked.proofs_jwt, issuer=ISSUER, now=self.clock())
        assert proved.nonce is not None
        self.nonces.remove(proved.nonce)
        now = self.clock()
        claims = CLAIMS | {
            "iss": ISSUER,
            "vct": mikromerit.vct(CATALOG),
            "vct#integrity": mikromerit.type_integrity(CATALOG),
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(days=365)).timestamp()),
            "definition": "def-1",
            "achievement_title": "Ord och begrepp",
            "family_name": "Holm",
            "birth_date": "1990-01-02",
            "status": {"status_list": {"idx": 3, "uri": LIST}},
        }
        for name in ("cnf",):
            claims.pop(name, None)
        issued = sdjwt.issue(
            claims | self.claims,
            disclosable=mikromerit.DISCLOSABLE,
            signer=self.signer,
            random=random_bytes,
            holder_jwk=self.holder_jwk or proved.jwk,
        )
        return oid4vci.credential_response([issued.compact], keys=1, notification_id="n-1").to_json()

    async def _notification(self, request: Request) -> Response:
        self.notified.append(json.loads(await request.body())["event"])
        return Response(status_code=204)

    async def _type(self) -> Response:
        return Response(self.type_metadata, media_type="application/json")

    async def _status(self) -> Response:
        values = status.new_values(128, 2)
        if self.revoked:
            status.set_value(values, 2, 3, status.INVALID)
        token = status.token(
            status.encode(values, 2), 2, uri=LIST, signer=self.status_signer, issued_at=self.clock(), ttl_seconds=1
        )
        return Response(token, media_type=status.MEDIA_TYPE)
