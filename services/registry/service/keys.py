"""Enrolment of an issuer's key: a challenge, the proof of possession over it, the certificate chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from cryptography.x509 import Certificate

from kompetenspass.core.clock import Clock
from kompetenspass.core.digest import sha256_b64u
from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import random_token
from kompetenspass.events.envelope import Context
from kompetenspass.events.registry import IssuerKeyCompromised, IssuerKeyRegistered, OrganisationRegistered
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute, fold
from kompetenspass.openid.jose import (
    check_times,
    jwk_of,
    leaf_key,
    san_uris,
    thumbprint,
    verify_chain,
    verify_jws,
)
from services.registry.domain import keys, organisation
from services.registry.domain.organisation import Organisation, require_registered

PROOF_TYP = "kompetenspass-key-proof+jwt"


class Challenges(Protocol):
    """Challenges in flight; only their hashes are kept."""

    async def keep_challenge(self, challenge_hash: str, org_id: str, expires_at: datetime) -> None:
        """Keep the hash of a challenge until it is spent or swept."""

    async def spend_challenge(self, challenge_hash: str, org_id: str, now: datetime) -> bool:
        """Remove a challenge; return whether it was there, the organisation's own, and alive."""

    async def sweep_challenges(self, now: datetime) -> int:
        """Remove the challenges that have expired; return how many."""


@dataclass(frozen=True, slots=True)
class EnrolmentPolicy:
    """`audience` is the registry's own base URL; issuer identifiers begin with `issuer_base_url`."""

    audience: str
    issuer_base_url: str
    challenge_lifetime: timedelta


class IssuerKeys:
    """Commands of an issuer about its own keys."""

    def __init__(
        self,
        log: Log,
        challenges: Challenges,
        *,
        anchors: Callable[[], Sequence[Certificate]],
        clock: Clock,
        policy: EnrolmentPolicy,
    ) -> None:
        self._log = log
        self._challenges = challenges
        self._anchors = anchors
        self._clock = clock
        self._policy = policy

    async def challenge(self, org_id: str) -> tuple[str, int]:
        """Return a challenge for one enrolment and its lifetime in seconds. Raises Problem `not_found`."""
        await self._registered(org_id)
        challenge = random_token(32)
        lifetime = self._policy.challenge_lifetime
        await self._challenges.keep_challenge(_hashed(challenge), org_id, self._clock() + lifetime)
        return challenge, int(lifetime.total_seconds())

    async def register(
        self, org_id: str, x5c: Sequence[str], proof: str, context: Context
    ) -> tuple[IssuerKeyRegistered, Done[Organisation]]:
        """Register the key of a certificate whose possession the proof shows, and return what was registered.

        Raises Problem: `invalid_key_proof`, `challenge_not_valid`, the codes of the chain, those of the domain.
        """
        known = await self._registered(org_id)
        now = self._clock()
        # 1 the chain leads to an anchor; 2 the leaf's key signed the proof; both leave no trace if they fail
        leaf = verify_chain(list(x5c), self._anchors(), now)
        claims = self._proved(proof, leaf, org_id, now)
        # 3 the challenge is spent, once, whatever follows
        await self._spend(claims["challenge"], org_id, now)
        # 4 the organisation may issue, and the certificate is for its issuer identifier
        issuer = keys.issuer_identifier(self._policy.issuer_base_url, known.slug)
        wanted = _registration(org_id, issuer, leaf, x5c)
        certified = san_uris(leaf)
        done = await execute(
            self._log,
            organisation.stream_of(org_id),
            initial=Organisation(),
            evolve=organisation.evolve,
            decide=lambda state: keys.register_key(state, wanted, certified=certified, now=now),
            context=context,
        )
        return wanted, done

    async def report_compromise(
        self, org_id: str, kid: str, compromised_since: datetime, context: Context
    ) -> Done[Organisation]:
        """Mark a key: nothing signed with it from that moment on is to be trusted. Raises Problem."""
        wanted = IssuerKeyCompromised(org_id=org_id, kid=kid, compromised_since=compromised_since)
        now = self._clock()
        return await execute(
            self._log,
            organisation.stream_of(org_id),
            initial=Organisation(),
            evolve=organisation.evolve,
            decide=lambda state: keys.report_compromise(state, wanted, now=now),
            context=context,
        )

    async def sweep(self) -> None:
        """Remove the challenges that nobody answered in time."""
        await self._challenges.sweep_challenges(self._clock())

    async def _registered(self, org_id: str) -> OrganisationRegistered:
        state, _ = await fold(self._log, organisation.stream_of(org_id), Organisation(), organisation.evolve)
        return require_registered(state)

    def _proved(self, proof: str, leaf: Certificate, org_id: str, now: datetime) -> dict[str, Any]:
        claims = verify_jws(proof, leaf_key(leaf), typ=PROOF_TYP).payload
        age = self._policy.challenge_lifetime.total_seconds()
        check_times(claims, now, required=("iat",), max_age_seconds=age)
        if claims.get("aud") != self._policy.audience or claims.get("org_id") != org_id:
            raise Problem(
                "invalid_key_proof",
                "The proof is for another registry or another organisation.",
                remedy="Sign aud (this registry's base URL), org_id, challenge and iat.",
            )
        if not isinstance(claims.get("challenge"), str):
            raise _challenge_not_valid()
        return claims

    async def _spend(self, challenge: str, org_id: str, now: datetime) -> None:
        if not await self._challenges.spend_challenge(_hashed(challenge), org_id, now):
            raise _challenge_not_valid()


def _registration(org_id: str, issuer: str, leaf: Certificate, x5c: Sequence[str]) -> IssuerKeyRegistered:
    jwk = jwk_of(leaf_key(leaf))
    kid = thumbprint(jwk)
    return IssuerKeyRegistered(
        org_id=org_id,
        issuer=issuer,
        kid=kid,
        purpose="credential_signing",
        jwk=jwk,
        jwk_thumbprint=kid,
        x5c=tuple(x5c),
        valid_from=leaf.not_valid_before_utc,
        valid_to=leaf.not_valid_after_utc,
    )


def _hashed(challenge: str) -> str:
    return sha256_b64u(challenge.encode("utf-8"))


def _challenge_not_valid() -> Problem:
    return Problem(
        "challenge_not_valid",
        "The challenge is unknown, spent, expired or another organisation's.",
        remedy="Ask for a new challenge and sign that.",
    )
