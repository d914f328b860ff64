"""The smallest wallet: a holder key in memory, the three calls from an offer to a credential, and showing it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from bench.driver.http import FORM, JSON, Answer, Connection, bearer
from bench.floors.crypto import sign
from kompetenspass.core.clock import system_clock
from kompetenspass.core.digest import b64u_decode
from kompetenspass.keys.public import public_jwk, thumbprint
from kompetenspass.openid.oid4vci import proof
from kompetenspass.openid.sdjwt import KeyBinding, present

GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"


class HolderKey:
    """A P-256 key that lives as long as the measurement; implements Signer without certificates."""

    x5c: Sequence[str] = ()

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public_jwk: Mapping[str, str] = public_jwk(self._key.public_key())
        self.kid = thumbprint(self.public_jwk)

    def sign(self, message: bytes) -> bytes:
        """Return the ES256 signature of `message`."""
        return sign(self._key, message)


@dataclass(frozen=True)
class Held:
    """A credential in the wallet, with the key it is bound to."""

    credential: str
    key: HolderKey

    @property
    def payload(self) -> dict[str, Any]:
        """The payload of the Issuer-signed JWT."""
        return payload_of(self.credential)

    @property
    def entry(self) -> tuple[str, int]:
        """Where its status stands."""
        entry = self.payload["status"]["status_list"]
        return entry["uri"], entry["idx"]


@dataclass
class Line:
    """A kept connection to one service; notes in `taken`, which lines may share, how long each kind of call took."""

    connection: Connection
    taken: dict[str, list[float]] = field(default_factory=dict)

    async def call(
        self, kind: str, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return a 2xx answer. Raises Failed for any other, and when there is none."""
        began = perf_counter()
        answer = (await self.connection.request(method, urlsplit(url).path, body, headers)).must()
        self.taken.setdefault(kind, []).append(perf_counter() - began)
        return answer

    async def post_json(self, kind: str, url: str, body: object, headers: Mapping[str, str]) -> Any:
        """Return what a command is answered. Raises Failed."""
        return (await self.call(kind, "POST", url, json.dumps(body).encode(), {**JSON, **headers})).json()

    async def post_form(self, kind: str, url: str, form: Mapping[str, str]) -> Any:
        """Return what a form is answered. Raises Failed."""
        return (await self.call(kind, "POST", url, urlencode(form).encode(), FORM)).json()


async def fetch(line: Line, offer_uri: str, key: HolderKey) -> Held:
    """Return the credential that an offer by value leads to. Raises Failed."""
    offer = json.loads(parse_qs(urlsplit(offer_uri).query)["credential_offer"][0])
    issuer = offer["credential_issuer"]
    code = offer["grants"][GRANT]["pre-authorized_code"]
    token = await line.post_form("token", f"{issuer}/token", {"grant_type": GRANT, "pre-authorized_code": code})
    nonce = (await line.call("nonce", "POST", f"{issuer}/nonce")).json()
    jwt = proof.build(key, issuer=issuer, now=system_clock(), nonce=nonce["c_nonce"])
    body = {"credential_configuration_id": offer["credential_configuration_ids"][0], "proofs": {"jwt": [jwt]}}
    answer = await line.post_json("credential", f"{issuer}/credential", body, bearer(token["access_token"]))
    return Held(answer["credentials"][0]["credential"], key)


async def show(line: Line, request_uri: str, held: Held, claims: Sequence[str]) -> None:
    """Answer a verifier's request with one credential. Raises Failed."""
    said = payload_of((await line.call("request object", "GET", request_uri)).body.decode())
    (query,) = said["dcql_query"]["credentials"]
    binding = KeyBinding(aud=said["client_id"], nonce=said["nonce"], issued_at=system_clock(), signer=held.key)
    token = {query["id"]: [present(held.credential, claims, kb=binding)]}
    await line.post_form("answer", said["response_uri"], {"vp_token": json.dumps(token), "state": said["state"]})


def payload_of(compact: str) -> dict[str, Any]:
    """Return the payload of a JWS, unverified: who signed it is checked outside of what is timed."""
    payload: dict[str, Any] = json.loads(b64u_decode(compact.split(".")[1]))
    return payload
