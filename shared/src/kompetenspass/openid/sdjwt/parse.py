"""Take an SD-JWT apart: its three kinds of parts, and its disclosures one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from kompetenspass.openid.jose.encoding import b64u_decode_strict, b64u_encode, strict_json
from kompetenspass.openid.jose.jws import OpenJWS, open_jws
from kompetenspass.openid.jose.jws import parse_header as parse_jws_header
from kompetenspass.openid.sdjwt.errors import SDJWTError
from kompetenspass.openid.sdjwt.issue import sha256_b64u

MAX_CHARS = 512 * 1024
MAX_DISCLOSURES = 2000
Digester: TypeAlias = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a compact SD-JWT; `kb_jwt` is None where it ends with a tilde."""

    jwt: str
    disclosures: tuple[str, ...]
    kb_jwt: str | None

    @property
    def presented(self) -> str:
        """The SD-JWT without key binding: all up to and with the last tilde."""
        return "~".join((self.jwt, *self.disclosures, ""))


@dataclass(frozen=True, slots=True)
class OpenSDJWT:
    """An SD-JWT taken apart by `open_sd_jwt`: nothing of it is verified yet."""

    parts: Parts
    jwt: OpenJWS

    @property
    def digest(self) -> str:
        """The digest that names the copy, as `digest_of_copy` has it."""
        return sha256_b64u(self.parts.jwt)


def open_sd_jwt(compact: object) -> OpenSDJWT:
    """Return an SD-JWT taken apart, to choose the key by what it says, and then to verify it without reading it again.

    Raises as `parse`, and JoseError `malformed_jws`.
    """
    parts = parse(compact)
    return OpenSDJWT(parts, open_jws(parts.jwt, max_chars=MAX_CHARS))


def parse(compact: object) -> Parts:
    """Return the parts of a compact SD-JWT or SD-JWT+KB, none of them verified.

    Raises SDJWTError `sd_jwt_malformed`, `duplicate_disclosure`. Source: RFC 9901, section 4.
    """
    if not isinstance(compact, str) or len(compact) > MAX_CHARS or not compact.isascii():
        raise SDJWTError("sd_jwt_malformed", "The SD-JWT is not ASCII text, or too long.")
    jwt, tilde, rest = compact.partition("~")
    if not tilde or not jwt:
        raise SDJWTError("sd_jwt_malformed", "The SD-JWT has no tilde after its issuer-signed part.")
    *several, last = rest.split("~")
    disclosures, kb_jwt = tuple(several), last or None
    if len(disclosures) > MAX_DISCLOSURES or not all(disclosures):
        raise SDJWTError("sd_jwt_malformed", "The SD-JWT has an empty disclosure, or too many.")
    if len(set(disclosures)) != len(disclosures):
        raise SDJWTError("duplicate_disclosure", "The SD-JWT carries a disclosure twice.")
    return Parts(jwt, disclosures, kb_jwt)


def parse_header(compact: object) -> dict[str, Any]:
    """Return the header of the issuer-signed part, unverified: only for choosing the issuer's key."""
    return parse_jws_header(parse(compact).jwt, max_chars=MAX_CHARS)


def digest_of_copy(compact: str) -> str:
    """Return the digest that names one issued copy: base64url SHA-256 over its issuer-signed part.

    It is the same for the copy and for every presentation of it. Raises SDJWTError `sd_jwt_malformed`.
    """
    return sha256_b64u(parse(compact).jwt)


def _digester(algorithm: str) -> Digester:
    make = getattr(hashlib, algorithm)
    return lambda text: b64u_encode(make(text.encode("ascii")).digest())


_DIGESTERS: dict[str, Digester] = {
    "sha-256": sha256_b64u,
    "sha-384": _digester("sha384"),
    "sha-512": _digester("sha512"),
}


def digester(payload: dict[str, Any]) -> Digester:
    """Return the digest function that `_sd_alg` names, SHA-256 where it is absent.

    Raises SDJWTError `sd_alg_unsupported`. Source: RFC 9901, section 4.1.1.
    """
    name = payload.get("_sd_alg", "sha-256")
    found = _DIGESTERS.get(name) if isinstance(name, str) else None
    if found is None:
        raise SDJWTError("sd_alg_unsupported", "The digest algorithm in `_sd_alg` is not supported.")
    return found


def read_disclosure(disclosure: str) -> list[Any]:
    """Return the array in a disclosure: salt, name and value, or salt and value. Raises `disclosure_malformed`."""
    try:
        value = strict_json(b64u_decode_strict(disclosure))
    except ValueError as error:
        raise SDJWTError("disclosure_malformed", "A disclosure cannot be read.", detail=str(error)) from error
    if not isinstance(value, list) or len(value) not in (2, 3) or not isinstance(value[0], str):
        raise SDJWTError("disclosure_malformed", "A disclosure is not an array of a salt and a claim.")
    return value
