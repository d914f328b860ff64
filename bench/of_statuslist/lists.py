"""Status lists drawn at random, as the registry makes them: their sizes, and the ways to make and to read them."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log2
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from bench.floors import statuslist as floor
from bench.report import Condition, Figure, Goal
from kompetenspass.core.digest import b64u_decode
from kompetenspass.openid import status
from kompetenspass.testing.keys import TestSigner
from services.registry.domain.publication import OpenList, Published, content_of, filled
from services.registry.service.publishing import Wear, signed

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SHARES = (0.001, 0.01, 0.05)
SUSPENDED_SHARE = 0.2
"""Of the entries that are not valid, in a list of two bits."""
PARTS = "its parts: libdeflate-6 and one signature"
PURE, ZLIB = "flipped, encoded and signed in memory", "encoded by zlib-9 and signed in memory"
COLD, CACHED = "cold check", "cached check"
READ_REFERENCE, READ_FLOOR = f"{COLD}: reference, Python's base64 and zlib", f"{COLD}: floor, libdeflate"

_GOALS = {0.001: 1.40, 0.01: 1.30}
_LIST = UUID("00000000-0000-7000-8000-000000000001")
_URI = f"https://registry.example/status/{_LIST}"


@dataclass(frozen=True)
class Drawn:
    """A list, `count` of whose entries are not valid."""

    listed: OpenList
    values: bytearray
    count: int

    @property
    def entropy_bytes(self) -> float:
        """What no encoding of such lists can stay under, on average."""
        share, size = self.count / self.listed.size, self.listed.size
        which = _entropy(SUSPENDED_SHARE) if self.listed.bits > 1 else 0
        return size * (_entropy(share) + share * which) / 8


def drawn(size: int, bits: int, share: float, seed: int) -> Drawn:
    """Return a list in which `share` of the entries are not valid."""
    indices = random.Random(seed).sample(range(size), max(1, round(size * share)))  # noqa: S311  no secret
    suspended = round(len(indices) * SUSPENDED_SHARE) if bits > 1 else 0
    listed = OpenList(_LIST, _URI, size, bits, 300, "c", len(indices))
    return Drawn(listed, filled(listed, {2: indices[:suspended], 1: indices[suspended:]}), len(indices))


def _entropy(share: float) -> float:
    return -share * log2(share) - (1 - share) * log2(1 - share)


@dataclass(frozen=True)
class Press:
    """Makes what is served, with a status key of its own."""

    signer: TestSigner

    def __call__(self, one: Drawn, *, compact: bool) -> Published:
        """Return a list as the registry publishes it: in haste, or once it rests."""
        wear = Wear(signer="bench", now=NOW, lifetime=timedelta(days=1))
        return signed(one.listed, one.values, content_of(one.values), self.signer, wear, compact=compact)[0]


def stream(published: Published) -> bytes:
    """Return the zlib stream in a token."""
    payload = json.loads(b64u_decode(published.token.decode().split(".")[1]))
    return b64u_decode(payload["status_list"]["lst"])


def sizes(rounds: int, size: int, press: Press) -> Iterator[Figure | Goal | Condition]:
    """Yield the sizes of published lists, one list in each round, and whether plain zlib reads each of them."""
    for bits in (1, 2):
        for share in SHARES:
            lists = [drawn(size, bits, share, seed) for seed in range(rounds)]
            yield from _sizes(f"{bits} bit, {share:.1%}", lists, press, _GOALS.get(share) if bits == 1 else None)


def _sizes(name: str, lists: Sequence[Drawn], press: Press, bound: float | None) -> Iterator[Figure | Goal | Condition]:
    small = [press(one, compact=True) for one in lists]
    quick = [press(one, compact=False) for one in lists]
    entropy = Figure(f"{name}: entropy", "B", [one.entropy_bytes for one in lists])
    compact = Figure(f"{name}: list at rest", "B", [len(stream(made)) for made in small])
    haste = Figure(f"{name}: list in haste", "B", [len(stream(made)) for made in quick])
    reference = Figure(f"{name}: list by zlib-9", "B", [len(zlib.compress(one.values, 9)) for one in lists])
    yield from (entropy, compact, haste, reference)
    yield Figure(f"{name}: token at rest", "B", [len(made.token) for made in small])
    yield Figure(f"{name}: on the wire at rest, gzip", "B", [len(made.gzipped) for made in small])
    yield haste.per(entropy, f"{name}: in haste, of the entropy")
    yield reference.per(entropy, f"{name}: zlib-9, of the entropy")
    ratio = compact.per(entropy, f"{name}: at rest, of the entropy")
    yield ratio if bound is None else Goal(ratio, "at most", bound)
    pairs = [(one, made) for them in (small, quick) for one, made in zip(lists, them, strict=True)]
    read = sum(zlib.decompress(stream(made)) == one.values for one, made in pairs)
    yield Condition(f"{name}: read by plain zlib, byte by byte", read == len(pairs), f"{read} of {len(pairs)}")


def ways_of_signing(one: Drawn, press: Press) -> Mapping[str, Callable[[], object]]:
    """Return the ways from a flipped bit to signed bytes of a list in memory: the parts, ours, and the reference."""
    key = ec.generate_private_key(ec.SECP256R1())
    places = random.Random(one.count)  # noqa: S311  no secret

    def flipped() -> bytearray:
        status.set_value(one.values, one.listed.bits, places.randrange(one.listed.size), status.INVALID)
        return one.values

    def ours() -> Published:
        flipped()
        return press(one, compact=False)

    return {
        PARTS: lambda: floor.parts_of_signing(flipped(), key),
        PURE: ours,
        ZLIB: lambda: floor.reference(flipped(), key),
    }


def ways_of_reading(one: Drawn, press: Press) -> Mapping[str, Callable[[], object]]:
    """Return the ways to check a status from a token, and from a list that was read before."""
    token = press(one, compact=True).token.decode()
    read = floor.Read.of(token, press.signer.public_key)
    cached = _verified(token, press)
    return {
        READ_FLOOR: read.floor,
        READ_REFERENCE: read.reference,
        COLD: lambda: _verified(token, press).get(one.listed.size // 2),
        CACHED: lambda: cached.get(one.listed.size // 2),
    }


def _verified(token: str, press: Press) -> status.StatusListToken:
    return status.verify_token(token, uri=_URI, key=press.signer.public_key, now=NOW)
