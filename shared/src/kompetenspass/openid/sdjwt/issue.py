"""Issue an SD-JWT: the issuer's side of selective disclosure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kompetenspass.keys.api import Signer
from kompetenspass.openid.jose.encoding import b64u_ascii, b64u_encode, json_text, quote
from kompetenspass.openid.jose.jws import encode_header, sign_encoded
from kompetenspass.openid.sdjwt.errors import SDJWTError
from kompetenspass.openid.sdjwt.paths import NEVER_DISCLOSABLE, Node, Path, disclosure_tree

SALT_BYTES = 18  # 144 bits, which is 24 characters without padding: all salts of a credential are one encoding
_SALT_CHARS = 24
TYP = "dc+sd-jwt"
_CONTAINERS = (dict, list, tuple)


@dataclass(frozen=True, slots=True)
class SDJWT:
    """An issued SD-JWT: the whole, the issuer-signed part, its disclosures, and the digest that names this copy."""

    compact: str
    jwt: str
    disclosures: tuple[str, ...]
    digest: str


class _Salts:
    """Hands out the salts of one credential from one call for randomness."""

    __slots__ = ("_next", "_text")

    def __init__(self, count: int, random: Callable[[int], bytes]) -> None:
        self._text = b64u_encode(random(SALT_BYTES * count)) if count else ""
        self._next = 0

    def take(self) -> str:
        start = self._next
        self._next = start + _SALT_CHARS
        return self._text[start : self._next]


def sha256_b64u(text: str) -> str:
    """Return the base64url SHA-256 of `text` in ASCII. Source: RFC 9901, section 4.2.3."""
    return b64u_encode(hashlib.sha256(text.encode("ascii")).digest())


def _count(value: Any, node: Node) -> int:
    if isinstance(value, Mapping):
        pairs = ((value[name], child) for name, child in node.children.items() if name in value)
    elif isinstance(value, list | tuple):
        pairs = ((item, child) for index, item in enumerate(value) if (child := node.below(index)) is not None)
    else:
        return 0
    return sum(child.disclosable + (_count(item, child) if child.children else 0) for item, child in pairs)


def _check_names(value: Any) -> None:
    inner: Iterable[Any] = value
    if isinstance(value, Mapping):
        if "_sd" in value or "..." in value or "_sd_alg" in value:
            raise SDJWTError("claim_name_reserved", "A claim has one of the names `_sd`, `_sd_alg` and `...`.")
        inner = value.values()
    for item in inner:
        if isinstance(item, _CONTAINERS):
            _check_names(item)


class _Maker:
    """Replaces disclosable claims by digests and keeps the disclosures, what is below a parent before it."""

    __slots__ = ("disclosures", "salts")

    def __init__(self, salts: _Salts) -> None:
        self.salts = salts
        self.disclosures: list[str] = []

    def _disclose(self, text: str) -> str:
        disclosure = b64u_ascii(text.encode("utf-8"))
        self.disclosures.append(disclosure.decode("ascii"))
        return b64u_encode(hashlib.sha256(disclosure).digest())

    def hide(self, value: Any, node: Node) -> Any:
        if isinstance(value, Mapping):
            return self._object(value, node)
        if isinstance(value, list | tuple):
            return self._array(value, node)
        return value

    def _object(self, value: Mapping[str, Any], node: Node) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        digests: list[str] = []
        for name, item in value.items():
            child = node.children.get(name)
            if child is None:
                shown[name] = item
                continue
            inner = self.hide(item, child) if child.children else item
            if child.disclosable:
                salt = self.salts.take()
                digests.append(self._disclose(f'["{salt}",{quote(name)},{json_text(inner)}]'))
            else:
                shown[name] = inner
        if digests:
            shown["_sd"] = sorted(digests)
        return shown

    def _array(self, value: Collection[Any], node: Node) -> list[Any]:
        shown: list[Any] = []
        for index, item in enumerate(value):
            child = node.below(index)
            if child is None:
                shown.append(item)
                continue
            inner = self.hide(item, child) if child.children else item
            if child.disclosable:
                inner = {"...": self._disclose(f'["{self.salts.take()}",{json_text(inner)}]')}
            shown.append(inner)
        return shown


@lru_cache(maxsize=64)
def _usual_header(kid: str, x5c: tuple[str, ...]) -> bytes:
    return encode_header({"alg": "ES256", "typ": TYP, "kid": kid, **({"x5c": x5c} if x5c else {})})


def _protected(signer: Signer, header: Mapping[str, object] | None) -> bytes:
    if not header:
        return _usual_header(signer.kid, tuple(signer.x5c))
    chain = {"x5c": list(signer.x5c)} if signer.x5c else {}
    return encode_header({"alg": "ES256", "typ": TYP, "kid": signer.kid, **chain, **header})


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
    replaces them. Raises SDJWTError: `claim_name_reserved`, `vct_missing`, `claim_not_disclosable`.
    Source: RFC 9901, section 4; SD-JWT VC, section 2.2.
    """
    _check_names(claims)
    root = disclosure_tree(frozenset(disclosable))
    _check_type(claims, (header or {}).get("typ", TYP), root)
    maker = _Maker(_Salts(_count(claims, root), random))
    payload = maker.hide(claims, root)
    if holder_jwk is not None:
        payload["cnf"] = {"jwk": dict(holder_jwk)}
    if maker.disclosures:
        payload["_sd_alg"] = "sha-256"
    jwt = sign_encoded(_protected(signer, header), json_text(payload).encode("utf-8"), signer)
    compact = "~".join((jwt, *maker.disclosures, ""))
    return SDJWT(compact, jwt, tuple(maker.disclosures), sha256_b64u(jwt))
