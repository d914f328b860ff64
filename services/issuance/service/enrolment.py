"""Enrolment of an issuer key: made here, certified by a CA, registered by signing the registry's challenge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from kompetenspass.core.clock import Clock
from kompetenspass.keys.folder import SignerFolder
from kompetenspass.openid.jose import sign_jws

PROOF_TYP = "kompetenspass-key-proof+jwt"

Certify = Callable[[str, str, ec.EllipticCurvePublicKey], str]
"""(organisation's name, issuer identifier, public key) to the certificate chain as PEM, leaf first, no anchor."""


class Registry(Protocol):
    """What enrolment needs of the registry."""

    @property
    def audience(self) -> str:
        """What a key proof names as `aud`."""

    async def organisation(self, org_id: str) -> dict[str, Any]:
        """Return what the registry tells of an organisation."""

    async def challenge(self, org_id: str, token: str) -> str:
        """Return a challenge."""

    async def register_key(self, org_id: str, x5c: Sequence[str], proof: str, token: str) -> dict[str, Any]:
        """Register a key."""


class Enrolment:
    """Gives an organisation the key that it issues with; repeating it registers the same key again."""

    def __init__(
        self, registry: Registry, keys: SignerFolder, certify: Certify, issuer: Callable[[str], str], clock: Clock
    ) -> None:
        self._registry = registry
        self._keys = keys
        self._certify = certify
        self._issuer = issuer
        self._clock = clock

    async def enrol(self, org_id: str, token: str) -> str:
        """Return the kid of the key, registered. Raises the Problems that the registry states."""
        organisation = await self._registry.organisation(org_id)
        slug = str(organisation["slug"])
        name = str(organisation["legal_name"]["sv"])
        signer = self._keys.made(slug, lambda key: self._certify(name, self._issuer(slug), key))
        challenge = await self._registry.challenge(org_id, token)
        claims = {
            "aud": self._registry.audience,
            "challenge": challenge,
            "org_id": org_id,
            "iat": int(self._clock().timestamp()),
        }
        proof = sign_jws({"typ": PROOF_TYP, "kid": signer.kid}, claims, signer)
        await self._registry.register_key(org_id, signer.x5c, proof, token)
        return signer.kid
