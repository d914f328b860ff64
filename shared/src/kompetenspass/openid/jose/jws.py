"""Compact JWS: parsed strictly, signed with ES256, verified against an allow-list and an expected `typ`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kompetenspass.keys.api import Signer
from kompetenspass.openid.jose.algorithms import verify_signature
from kompetenspass.openid.jose.encoding import b64u_ascii, b64u_decode_strict, is_strings, json_bytes, strict_json
from kompetenspass.openid.jose.errors import JoseError
from kompetenspass.openid.jose.jwk import PublicKey

MAX_CHARS = 64 * 1024
ES256_ONLY: tuple[str, ...] = ("ES256",)


class Verified(NamedTuple):
    """The protected header and the claims of a token whose signature held."""

    header: dict[str, Any]
    payload: dict[str, Any]


class Unverified(NamedTuple):
    """The protected header and the claims of a token that nobody has verified: only for choosing the key."""

    header: dict[str, Any]
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpenJWS:
    """A compact JWS taken apart by `open_jws`: nobody has verified it. `verify_jws` takes it as it takes the text."""

    head: str
    body: str
    tail: str
    header: dict[str, Any]
    payload: dict[str, Any]


def sign_jws(header: Mapping[str, object], payload: bytes | Mapping[str, object], signer: Signer) -> str:
    """Return the compact JWS of `payload`. The header is signed as given; `alg` is ES256 where it names none."""
    body = payload if isinstance(payload, bytes) else json_bytes(payload)
    return sign_encoded(encode_header(header), body, signer).decode("ascii")


def encode_header(header: Mapping[str, object]) -> bytes:
    """Return the first part of a compact JWS, for those who sign often with one header. `alg` is ES256 by default."""
    return b64u_ascii(json_bytes({"alg": "ES256", **header}))


def sign_encoded(head: bytes, body: bytes, signer: Signer) -> bytes:
    """Return the compact JWS of the bytes `body` under a header that `encode_header` made, in ASCII."""
    signing_input = head + b"." + b64u_ascii(body)
    return signing_input + b"." + b64u_ascii(signer.sign(signing_input))


def _object(part: str, what: str) -> dict[str, Any]:
    try:
        value = strict_json(b64u_decode_strict(part))
    except ValueError as error:
        raise JoseError("malformed_jws", f"The {what} of the token cannot be read.", detail=str(error)) from error
    if not isinstance(value, dict):
        raise JoseError("malformed_jws", f"The {what} of the token is not a JSON object.")
    return value


def _split(token: object, max_chars: int) -> tuple[str, str, str]:
    if not isinstance(token, str) or len(token) > max_chars:
        raise JoseError("malformed_jws", "The token is not text, or too long.")
    head, _, rest = token.partition(".")  # on a long text this is quicker than `split`
    body, _, tail = rest.partition(".")
    if not (head and body and tail) or "." in tail:
        raise JoseError("malformed_jws", "The token is not a signed compact JWS: three parts joined by full stops.")
    return head, body, tail


def _refuse_critical(header: Mapping[str, object], understood: Collection[str]) -> None:
    if "b64" in header:
        raise JoseError("unsupported_crit", "The payload encoding option `b64` is not supported.")
    if "crit" not in header:
        return
    names = header["crit"]
    if not isinstance(names, list) or not names or not is_strings(names) or len(set(names)) != len(names):
        raise JoseError("unsupported_crit", "The `crit` header is malformed.")
    if any(name not in understood or name not in header for name in names):
        raise JoseError("unsupported_crit", "The token needs an extension that is not understood.")


def parse_header(token: object, *, max_chars: int = MAX_CHARS) -> dict[str, Any]:
    """Return the protected header of a compact JWS, unverified. Raises JoseError `malformed_jws`."""
    return _object(_split(token, max_chars)[0], "header")


def parse_unverified(token: object, *, max_chars: int = MAX_CHARS) -> Unverified:
    """Return header and claims of a compact JWS without checking the signature: only for choosing the key.

    Raises JoseError `malformed_jws`. Source: RFC 7515, section 5.2, steps 1 to 5.
    """
    opened = open_jws(token, max_chars=max_chars)
    return Unverified(opened.header, opened.payload)


def open_jws(token: object, *, max_chars: int = MAX_CHARS) -> OpenJWS:
    """Return a compact JWS taken apart, to choose the key by what it says, and then to verify it without reading it
    again. Raises JoseError `malformed_jws`. Source: RFC 7515, section 5.2, steps 1 to 5.
    """
    head, body, tail = _split(token, max_chars)
    return OpenJWS(head, body, tail, _object(head, "header"), _object(body, "payload"))


def check_typ(header: Mapping[str, object], typ: str | Collection[str]) -> None:
    """Raise JoseError `wrong_typ` unless the header's `typ` is (one of) `typ`, case and `application/` aside.

    Source: RFC 7515, section 4.1.9; RFC 8725, section 3.11.
    """
    expected = (typ,) if isinstance(typ, str) else typ
    actual = header.get("typ")
    name = actual.lower().removeprefix("application/") if isinstance(actual, str) else None
    if name not in expected:
        raise JoseError("wrong_typ", f"The token's `typ` is not {' or '.join(expected)}.")


def verify_jws(
    token: object,
    key: PublicKey,
    *,
    typ: str | Collection[str] | None,
    algs: Collection[str] = ES256_ONLY,
    understood: Collection[str] = (),
    max_chars: int = MAX_CHARS,
) -> Verified:
    """Return header and claims of a compact JWS (as text, or as `open_jws` took it apart) signed by `key`.

    `typ` is what the header must say (None: the protocol gives it no type). `algs` is the allow-list; `understood`
    names the extensions that `crit` may require. Times are not judged: see `check_times`.
    Raises JoseError. Source: RFC 7515, section 5.2; RFC 8725, section 3.
    """
    opened = token if isinstance(token, OpenJWS) else None
    head, body, tail = (opened.head, opened.body, opened.tail) if opened else _split(token, max_chars)
    header = opened.header if opened else _object(head, "header")
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algs:
        raise JoseError("unsupported_alg", "The token's `alg` is not accepted.", remedy=f"Use {', '.join(algs)}.")
    _refuse_critical(header, understood)
    if typ is not None:
        check_typ(header, typ)
    try:
        signature = b64u_decode_strict(tail)
        signing_input = f"{head}.{body}".encode("ascii")
    except ValueError as error:
        raise JoseError("malformed_jws", "The signature of the token cannot be read.") from error
    verify_signature(alg, key, signature, signing_input)
    return Verified(header, opened.payload if opened else _object(body, "payload"))
