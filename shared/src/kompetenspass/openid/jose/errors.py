"""JoseError: why a signed token, a key or a certificate chain is refused."""

from __future__ import annotations

from typing import Literal

from kompetenspass.core.errors import Kind, Problem

JoseCode = Literal[
    "malformed_jws",  # not three parts of base64url, not strict JSON, too long
    "unsupported_alg",  # not on the caller's allow-list, or not for this kind of key
    "unsupported_crit",  # `crit` names an extension that is not understood, or `b64` is present
    "wrong_typ",
    "invalid_signature",
    "bad_jwk",  # private, of another curve, not a point, too weak, or meant for another use
    "bad_x5c",  # no chain, or not certificates
    "untrusted_chain",  # does not lead to an anchor, or breaks a rule on the way
    "wrong_subject",  # the leaf is trusted, but not for this name or purpose
    "missing_claim",
    "malformed_claim",
    "expired",
    "not_yet_valid",
    "too_old",
]


class JoseError(Problem):
    """A refusal in one of the codes of `JoseCode`. The title never repeats a value from the token."""

    def __init__(self, code: JoseCode, title: str, *, remedy: str = "", detail: str = "") -> None:
        super().__init__(code, title, kind=Kind.INVALID, remedy=remedy, detail=detail)
