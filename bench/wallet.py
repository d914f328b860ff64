"""The smallest wallet: a holder key in memory, and the three calls from an offer to a credential."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from kompetenspass.core.clock import system_clock
from kompetenspass.core.digest import b64u_decode
from kompetenspass.keys.public import public_jwk, thumbprint
from kompetenspass.openid.oid4vci import proof

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
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


async def fetch(client: httpx2.AsyncClient, offer_uri: str) -> dict[str, Any]:
    """Return the status entry of the credential that an offer by value leads to. Raises HTTPStatusError."""
    offer = json.loads(parse_qs(urlsplit(offer_uri).query)["credential_offer"][0])
    issuer = offer["credential_issuer"]
    code = offer["grants"][GRANT]["pre-authorized_code"]
    token = await _json(client.post(f"{issuer}/token", data={"grant_type": GRANT, "pre-authorized_code": code}))
    nonce = await _json(client.post(f"{issuer}/nonce"))
    jwt = proof.build(HolderKey(), issuer=issuer, now=system_clock(), nonce=nonce["c_nonce"])
    body = {"credential_configuration_id": offer["credential_configuration_ids"][0], "proofs": {"jwt": [jwt]}}
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    answer = await _json(client.post(f"{issuer}/credential", json=body, headers=headers))
    payload = json.loads(b64u_decode(answer["credentials"][0]["credential"].split(".")[1]))
    entry: dict[str, Any] = payload["status"]["status_list"]
    return entry


async def _json(call: Any) -> dict[str, Any]:
    response = await call
    response.raise_for_status()
    value: dict[str, Any] = response.json()
    return value
