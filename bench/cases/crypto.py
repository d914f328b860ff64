"""Signed tokens: a credential issued, a presentation verified, a key proof verified, a JWS signed and verified.

All of it is the library that the services call. Holder keys, salts, nonces and indices differ from one operation to
the next, and there are more of them than anything remembers. Where the extra `fast` is installed, the same is done
again with AWS-LC, and held to the same floor, which is OpenSSL's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.floors import crypto as floor
from bench.measure import interleaved
from bench.of_crypto.credentials import AUD, NOW, SHOWN, Bound, Credentials, made
from bench.peers import sdjwt as peer
from bench.report import Condition, Figure, Goal, Report
from kompetenspass.core.errors import Problem
from kompetenspass.keys import es256
from kompetenspass.openid import jose, sdjwt
from kompetenspass.openid.oid4vci import proof

OPERATIONS = 300
ISSUER = "https://issuer.example/issuers/kommun"
_TYP = {"typ": "example+jwt"}
FAST = ", aws-lc"
_GOALS = {"issue": (1.7, 4.0), "verify": (1.3, 2.0)}
"""At most so many times the floor; at least so many times quicker than the peer. Held to the short credential."""
_FAST_GOALS = {"issue": 1.5, "verify": 1.0}
"""With AWS-LC, where it is installed: at most so many times the floor of OpenSSL."""

T = TypeVar("T")
Ways = dict[str, Callable[[], object]]


async def measure(rounds: int, size: int | None) -> Report:
    """Return the processor time of each operation. `size`: operations in a round, and as many holders."""
    operations = size or OPERATIONS
    report = Report("crypto")
    with tempfile.TemporaryDirectory() as folder:
        kinds = made(Path(folder), operations)
        fast = fast_kinds(Path(folder) / "fast", operations)
    ways = token_floors(kinds[0]) | tokens(kinds[0])
    for credentials in kinds:
        report.setting = {**report.setting, credentials.name: credentials.sizes}
        report.conditions += agreed(credentials)
        ways |= beside(credentials) | ours(credentials)
    report.conditions += crossed(kinds, fast)
    ways |= fast_ways(fast)
    figures = interleaved(ways, rounds=rounds, operations=operations, within=_computing)
    report.figures += figures.values()
    report.figures += [mine.per(its, f"{name}, of the floor") for name, mine, its in _beside_floors(figures)]
    report.goals += goals(figures) + (fast_goals(figures) if fast else [])
    return report


def fast_kinds(folder: Path, operations: int) -> Sequence[Credentials]:
    """Return both kinds of credential made with AWS-LC, none where it is not installed."""
    if find_spec("awscrt") is None:
        return ()
    with es256.using("aws-lc"):
        return made(folder, operations)


def fast_ways(kinds: Sequence[Credentials]) -> Ways:
    """Return what we do with credentials and tokens, for these credentials, each name marked."""
    ways: Ways = {}
    with es256.using("aws-lc") if kinds else nullcontext():
        for credentials in kinds:
            ways |= ours(credentials) | (tokens(credentials) if credentials is kinds[0] else {})
    return {f"{name}{FAST}": way for name, way in ways.items()}


def _computing(name: str) -> AbstractContextManager[None]:
    return es256.using("aws-lc" if name.endswith(FAST) else "cryptography")


def ours(credentials: Credentials) -> Ways:
    """Return how we issue a credential of this kind, verify its presentation, and present it."""
    pool, public = credentials.pool, credentials.public_key
    return {
        f"issue, {credentials.name}": over(pool, lambda each: credentials.issue(each.claims, each.holder.public_jwk)),
        f"verify, {credentials.name}": over(pool, lambda each: _verified(each, public)),
        f"present, {credentials.name}": over(pool, _presented),
    }


def beside(credentials: Credentials) -> Ways:
    """Return how a credential of this kind is issued and its presentation verified by the floor and by the peer."""
    issue, verify = f"issue, {credentials.name}", f"verify, {credentials.name}"
    jwk, public = dict(credentials.signer.public_jwk), credentials.key.public_key()
    pool, key, theirs = credentials.pool, credentials.key, peer.public(jwk)
    signing = peer.loaded(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    issued = [floor.Issued.of(each.credential.compact) for each in pool]
    shown = [floor.Shown.of(each.presentation, jwk, dict(each.holder.public_jwk)) for each in pool]
    marked = [peer.marked(each.claims, credentials.disclosable) for each in pool]
    wanted = list(zip(marked, [peer.public(each.holder.public_jwk) for each in pool], strict=True))
    header = sdjwt.parse_header(pool[0].credential.compact)
    return {
        f"{issue}: floor": over(issued, lambda each: each.issue(key)),
        f"{issue}: sd-jwt": over(wanted, lambda each: peer.issued(each[0], signing, each[1], header)),
        f"{verify}: floor": over(shown, lambda each: each.verify(public)),
        f"{verify}: sd-jwt": over(pool, lambda each: peer.verified(each.presentation, theirs, AUD, each.nonce)),
    }


def tokens(credentials: Credentials) -> Ways:
    """Return how we verify key proofs, and sign and verify plain tokens."""
    signer, public = credentials.signer, credentials.public_key
    payloads, proofs = _payloads(credentials), _proofs(credentials)
    signed = [jose.sign_jws(_TYP, payload, signer) for payload in payloads]
    return {
        "key proof": over(proofs, lambda text: proof.verify([text], issuer=ISSUER, now=NOW)),
        "JWS sign": over(payloads, lambda payload: jose.sign_jws(_TYP, payload, signer)),
        "JWS verify": over(signed, lambda text: jose.verify_jws(text, public, typ=_TYP["typ"])),
    }


def token_floors(credentials: Credentials) -> Ways:
    """Return the floors of the same."""
    pool, signer, key = credentials.pool, credentials.signer, credentials.key
    proofs = zip(_proofs(credentials), pool, strict=True)
    alone = [floor.Token.of(text, dict(each.holder.public_jwk)) for text, each in proofs]
    signed = [jose.sign_jws(_TYP, payload, signer) for payload in _payloads(credentials)]
    bare = [floor.Token.of(text, dict(signer.public_jwk)) for text in signed]
    public = key.public_key()
    return {
        "key proof: floor": over(alone, lambda each: each.verify()),
        "JWS sign: floor": over(bare, lambda each: floor.sign(key, each.message)),
        "JWS verify: floor": over(bare, lambda each: floor.verify(public, each.signature, each.message)),
    }


def _proofs(credentials: Credentials) -> Sequence[str]:
    return [proof.build(each.holder, issuer=ISSUER, now=NOW, nonce=each.nonce) for each in credentials.pool]


def _payloads(credentials: Credentials) -> Sequence[dict[str, object]]:
    return [{"iss": ISSUER, "sub": each.nonce, "iat": 1, "exp": 2, "jti": each.holder.kid} for each in credentials.pool]


def over(pool: Sequence[T], operation: Callable[[T], object]) -> Callable[[], object]:
    """Return the operation on the next of the pool, round and round."""
    following = cycle(pool)
    return lambda: operation(next(following))


def goals(figures: Mapping[str, Figure]) -> list[Goal]:
    """Return what the short credential is held to: a share of the floor and of the peer in the same round."""
    held = []
    for name, (of_floor, of_peer) in _GOALS.items():
        mine = figures[f"{name}, short"]
        above = mine.per(figures[f"{name}, short: floor"], f"{name}, of the floor")
        quicker = figures[f"{name}, short: sd-jwt"].per(mine, f"{name}, quicker than sd-jwt")
        held += [Goal(above, "at most", of_floor), Goal(quicker, "at least", of_peer)]
    return held


def fast_goals(figures: Mapping[str, Figure]) -> list[Goal]:
    """Return what the short credential is held to with AWS-LC: a share of OpenSSL's floor in the same round."""
    return [
        Goal(figures[f"{name}, short{FAST}"].per(figures[f"{name}, short: floor"], f"{name}{FAST}, of the floor"),
             "at most", bound)
        for name, bound in _FAST_GOALS.items()
    ]  # fmt: skip


def crossed(kinds: Sequence[Credentials], fast: Sequence[Credentials]) -> list[Condition]:
    """Return whether each way of computing ES256 accepts the presentations that the other signed."""
    found = []
    for signed, name in ((kinds, FAST), (fast, "")) if fast else ():
        with _computing(name):
            held = sum(_holds(each, one.signer.public_jwk) for one in signed for each in one.pool)
        whole = sum(len(one.pool) for one in signed)
        by = "aws-lc" if name else "cryptography"
        found.append(Condition(f"presentations of the other that {by} verifies", held == whole, f"{held} of {whole}"))
    return found


def _holds(bound: Bound, jwk: Mapping[str, str]) -> bool:
    with suppress(Problem):
        return bool(_verified(bound, jose.public_key(jwk)).claims)
    return False


def agreed(credentials: Credentials) -> list[Condition]:
    """Return whether the peer accepts every credential and every presentation, and reads the same claims in them."""
    key, pool, name = peer.public(credentials.signer.public_jwk), credentials.pool, credentials.name
    issued = sum(_claims(each.credential.compact, key) == _with_cnf(each) for each in pool)
    shown = sum(
        _claims(each.presentation, key, AUD, each.nonce)
        == _verified(each, credentials.public_key).claims
        != _with_cnf(each)
        for each in pool
    )
    return [
        Condition(f"credentials that sd-jwt verifies, {name}", issued == len(pool), f"{issued} of {len(pool)}"),
        Condition(f"presentations that sd-jwt verifies, {name}", shown == len(pool), f"{shown} of {len(pool)}"),
    ]


def _claims(compact: str, *how: Any) -> dict[str, Any] | None:
    with suppress(*peer.REFUSALS):
        return peer.verified(compact, *how)
    return None


def _with_cnf(bound: Bound) -> dict[str, Any]:
    return {**bound.claims, "cnf": {"jwk": dict(bound.holder.public_jwk)}}


def _verified(bound: Bound, key: jose.PublicKey) -> sdjwt.VerifiedSDJWT:
    return sdjwt.verify_presentation(bound.presentation, issuer_key=key, aud=AUD, nonce=bound.nonce, now=NOW)


def _presented(bound: Bound) -> str:
    kb = sdjwt.KeyBinding(AUD, bound.nonce, NOW, bound.holder)
    return sdjwt.present(bound.credential.compact, SHOWN, kb=kb)


def _beside_floors(figures: Mapping[str, Figure]) -> list[tuple[str, Figure, Figure]]:
    floors = {name: figures.get(f"{name.removesuffix(FAST)}: floor") for name in figures}
    return [(name, figures[name], its) for name, its in floors.items() if its]
