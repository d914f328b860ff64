"""Certificate chains, read and verified once: the same issuer's stands in every credential it has signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography import x509

from services.verification.domain.chain import Chain, Trusted, read, trusted

_MOST = 512


class Chains:
    """Remembers chains that are trusted, and between which moments; what does not hold is judged anew each time.

    Anybody may send a chain that leads nowhere, as long as a request may be: none of those is kept.
    """

    def __init__(self, anchors: Callable[[], Sequence[x509.Certificate]]) -> None:
        self._anchors = anchors
        self._known: dict[tuple[str, ...], tuple[Chain, Trusted]] = {}

    def read(self, x5c: object) -> Chain:
        """Return what an `x5c` header says. Raises JoseError `bad_x5c`."""
        if not isinstance(x5c, list) or not all(isinstance(each, str) for each in x5c):
            return read(x5c)
        known = self._known.get(tuple(x5c))
        return read(x5c) if known is None else known[0]

    def trusted(self, chain: Chain, at: datetime) -> Trusted:
        """Return the chain if it leads to a trust anchor and holds at a moment. Raises as `jose.verify_chain`."""
        known = self._known.get(chain.x5c)
        if known is not None and known[1].since <= at <= known[1].until:
            return known[1]
        held = trusted(chain, self._anchors(), at)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[chain.x5c] = (chain, held)
        return held
