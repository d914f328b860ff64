"""Issue an SD-JWT: the issuer's side of selective disclosure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Any

from kompetenspass.keys.api import Signer
from kompetenspass.openid.jose.encoding import b64u_encode, b64u_lines, check_json, write_each, write_json
from kompetenspass.openid.jose.jws import encode_header, sign_encoded
from kompetenspass.openid.sdjwt.errors import SDJWTError
from kompetenspass.openid.sdjwt.paths import NEVER_DISCLOSABLE, RESERVED, Node, Path, disclosure_tree

SALT_BYTES = 18  # 144 bits, which is 24 characters without padding: all salts of a credential are one encoding
_SALT_CHARS = 24
TYP = "dc+sd-jwt"


@dataclass(frozen=True, slots=True)
class SDJWT:
    """An issued SD-JWT: the whole, and the digest that names this copy."""

    compact: str
    digest: str

    @property
    def jwt(self) -> str:
        """The issuer-signed part."""
        return self.compact.partition("~")[0]

    @property
    def disclosures(self) -> tuple[str, ...]:
        """All disclosures, what is below a parent before it."""
        return tuple(self.compact.split("~")[1:-1])


def sha256_b64u(text: str) -> str:
    """Return the base64url SHA-256 of `text` in ASCII. Source: RFC 9901, section 4.2.3."""
    return b64u_encode(sha256(text.encode("ascii")).digest())


def _digests(texts: Iterable[bytes]) -> list[str]:
    return b64u_lines([sha256(text).digest() for text in texts]).decode("ascii").split()


def _count(value: Any, node: Node) -> int:
    """Return how many disclosures there will be."""
    if isinstance(value, dict):
        count = sum(map(value.__contains__, node.hidden))
        for name, deeper in node.deeper.items():
            count += _count(value[name], deeper) if name in value else 0
        return count
    if isinstance(value, list | tuple):
        known = [(item, child) for index, item in enumerate(value) if (child := node.below(index)) is not None]
        return sum([child.disclosable + _count(item, child) for item, child in known])
    return 0


class _Maker:
    """Replaces disclosable claims by digests and keeps the disclosures, what is below a parent before it."""

    __slots__ = ("_salts", "disclosures")

    def __init__(self, count: int, random: Callable[[int], bytes]) -> None:
        salts = b64u_encode(random(SALT_BYTES * count)) if count else ""
        self._salts = iter([salts[start : start + _SALT_CHARS] for start in range(0, len(salts), _SALT_CHARS)])
        self.disclosures: list[bytes] = []

    def hide(self, value: Any, node: Node) -> Any:
        """Return the value with digests where `node` has something to hide."""
        if isinstance(value, dict):
            return self.hide_in(value.copy(), node)
        if isinstance(value, list | tuple):
            return self._array(value, node)
        return value

    def hide_in(self, shown: dict[str, Any], node: Node) -> dict[str, Any]:
        """Return the object itself, which is the maker's own, with digests where `node` has something to hide."""
        for name, child in node.deeper.items():
            if name in shown:
                shown[name] = self.hide(shown[name], child)
        hidden = [name for name in node.hidden if name in shown]
        if hidden:
            salted = zip(islice(self._salts, len(hidden)), hidden, map(shown.pop, hidden), strict=True)
            shown["_sd"] = sorted(self._disclosed(salted))  # in claims' order they would tell which is which
        return shown

    def _array(self, value: Collection[Any], node: Node) -> list[Any]:
        shown: list[Any] = []
        for index, item in enumerate(value):
            child = node.below(index)
            if child is None:
                shown.append(item)
                continue
            inner = self.hide(item, child)
            if child.disclosable:
                inner = {"...": self._disclosed([(next(self._salts), inner)])[0]}
            shown.append(inner)
        return shown

    def _disclosed(self, claims: Iterable[tuple[Any, ...]]) -> list[str]:
        """Keep a disclosure for each of `claims`, salt first, and return their digests."""
        made = b64u_lines(write_each(claims)).split()
        self.disclosures += made
        return _digests(made)


@lru_cache(maxsize=64)
def _usual_header(kid: str, x5c: tuple[str, ...]) -> bytes:
    return encode_header({"alg": "ES256", "typ": TYP, "kid": kid, **({"x5c": x5c} if x5c else {})})


def _protected(signer: Signer, header: Mapping[str, object] | None) -> bytes:
    if not header:
        return _usual_header(signer.kid, tuple(signer.x5c))
    chain = {"x5c": list(signer.x5c)} if signer.x5c else {}
    return encode_header({"alg": "ES256", "typ": TYP, "kid": signer.kid, **chain, **header})


def _check_names(claims: dict[str, object]) -> None:
    try:
        check_json(claims, RESERVED)
    except KeyError as error:
        title = "A claim has one of the names `_sd`, `_sd_alg` and `...`."
        raise SDJWTError("claim_name_reserved", title) from error


def _check_type(claims: Mapping[str, object], typ: object, root: Node) -> None:
    if typ != TYP:
        return
    if not isinstance(claims.get("vct"), str) or not claims["vct"]:
        raise SDJWTError("vct_missing", "An SD-JWT VC needs the claim `vct`.")
    if not NEVER_DISCLOSABLE.isdisjoint(root.children):
        raise SDJWTError("claim_not_disclosable", "A registered claim must not be selectively disclosable.")


def issue(
    claims: Mapping[str, object],
    *,
    disclosable: Collection[str | Path],
    signer: Signer,
    random: Callable[[int], bytes],
    holder_jwk: Mapping[str, object] | None = None,
    header: Mapping[str, object] | None = None,
) -> SDJWT:
    """Return the SD-JWT of `claims`, signed with ES256; `typ` is `dc+sd-jwt` unless `header` says otherwise.

    `disclosable` names the claims that get a disclosure: a string is a top-level claim, a tuple a path (None: every
    element of an array); a path that the claims lack is passed over, and a path below a disclosable one is disclosed
    in steps. `random` is called once. `holder_jwk` becomes `cnf`. `header` adds to `alg`, `typ`, `kid` and `x5c`, or
    replaces them. Raises SDJWTError: `claim_name_reserved`, `vct_missing`, `claim_not_disclosable`; ValueError or
    TypeError for what JSON cannot hold.
    Source: RFC 9901, section 4; SD-JWT VC, section 2.2.
    """
    payload = dict(claims)
    _check_names(payload)
    root = disclosure_tree(frozenset(disclosable))
    _check_type(payload, header.get("typ", TYP) if header else TYP, root)
    maker = _Maker(_count(payload, root), random)
    maker.hide_in(payload, root)
    if holder_jwk is not None:
        payload["cnf"] = {"jwk": dict(holder_jwk)}
        check_json(payload["cnf"])
    if maker.disclosures:
        payload["_sd_alg"] = "sha-256"
    jwt = sign_encoded(_protected(signer, header), write_json(payload), signer)
    compact = b"~".join((jwt, *maker.disclosures, b"")).decode("ascii")
    return SDJWT(compact, b64u_encode(sha256(jwt).digest()))
