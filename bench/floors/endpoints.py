"""What the endpoints must cost at the least: every signature and hash that the protocols oblige, on the same core.

Credential: load the key of the proof and verify it; a digest of each disclosure, random bytes for the salts; sign.
Presentation: verify the issuer's signature (its key is known); a digest of each disclosure and of what was bound; load
the holder's key and verify the key binding. Access tokens, nonces and codes are texts that are looked up, certificate
chains and status lists are the same for many: none of them obliges a signature or a hash at each request.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import thread_time_ns

from cryptography.hazmat.primitives.asymmetric import ec

from bench.floors.crypto import Issued, Shown, Token

_NANOSECONDS = 100_000_000  # a run of the floor: long enough for the clock, short enough for a busy machine


@dataclass(frozen=True)
class CredentialFloor:
    """Issuing one credential to each proof, whose sizes are those of real ones. `key` stands for the issuer's."""

    proofs: Sequence[Token]
    issued: Sequence[Issued]
    key: ec.EllipticCurvePrivateKey

    def work(self) -> None:
        """Do all of it for one credential after the other."""
        for proof, credential in zip(self.proofs, self.issued, strict=True):
            proof.verify()
            credential.issue(self.key)

    @property
    def operations(self) -> int:
        """How many credentials `work` is for."""
        return len(self.proofs)

    @property
    def composition(self) -> str:
        """What is counted."""
        one = self.issued[0]
        return (
            f"1 key loaded, 1 ES256 verification ({len(self.proofs[0].message)} B), {len(one.disclosures)} SHA-256, "
            f"random bytes, 1 ES256 signature ({len(one.message)} B)"
        )


@dataclass(frozen=True)
class PresentationFloor:
    """Verifying presentations of real sizes; `key` is the issuer's."""

    shown: Sequence[Shown]
    key: ec.EllipticCurvePublicKey

    def work(self) -> None:
        """Do all of it for one presentation after the other."""
        for one in self.shown:
            one.verify(self.key)

    @property
    def operations(self) -> int:
        """How many presentations `work` is for."""
        return len(self.shown)

    @property
    def composition(self) -> str:
        """What is counted."""
        one = self.shown[0]
        return (
            f"2 ES256 verifications ({len(one.credential.message)} B, {len(one.binding.message)} B), 1 key loaded, "
            f"{len(one.digested)} SHA-256"
        )


Floor = CredentialFloor | PresentationFloor


def microseconds(floor: Floor, cores: Collection[int]) -> float:
    """Return the processor time of one operation of the floor, run on these cores."""
    with on_cores(cores):
        began, done = thread_time_ns(), 0
        while thread_time_ns() - began < _NANOSECONDS:
            floor.work()
            done += floor.operations
        return (thread_time_ns() - began) / done / 1000


@contextmanager
def on_cores(cores: Collection[int]) -> Iterator[None]:
    """Run the block on these cores, as far as the machine has them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before & set(cores) or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
