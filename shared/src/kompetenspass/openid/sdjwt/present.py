"""Present an SD-JWT: the holder chooses claims and signs the key binding."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kompetenspass.keys.api import Signer
from kompetenspass.openid.jose.jws import parse_unverified, sign_jws
from kompetenspass.openid.sdjwt.errors import SDJWTError
from kompetenspass.openid.sdjwt.parse import MAX_CHARS, Parts, digester, parse
from kompetenspass.openid.sdjwt.paths import Path, as_path, select_places
from kompetenspass.openid.sdjwt.process import UNDISCLOSED, Processed, process


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """What the key binding says: to whom, for which request, when, and who signs; `claims` are further claims."""

    aud: str
    nonce: str
    issued_at: datetime
    signer: Signer
    claims: Mapping[str, object] = field(default_factory=dict)


def present(compact: str, paths: Collection[str | Path], *, kb: KeyBinding | None = None) -> str:
    """Return a presentation of `compact` that discloses what `paths` select, and nothing else that could be hidden.

    A path's parents come with it, and so does everything below what it selects. A plain string is a top-level claim;
    no path at all gives the claims that are always shown. With `kb` the holder's key binding is added.
    Raises SDJWTError `claim_not_found` for a path that selects nothing, `kb_jwt_unexpected`, and what parsing raises.
    Source: RFC 9901, section 7.2; OpenID4VP 1.0, section 6.4.
    """
    parts = parse(compact)
    if parts.kb_jwt is not None:
        raise SDJWTError("kb_jwt_unexpected", "What is presented must be the SD-JWT as issued.")
    payload = parse_unverified(parts.jwt, max_chars=MAX_CHARS).payload
    chosen = _choose(process(payload, parts.disclosures), [as_path(path) for path in paths])
    kept = Parts(parts.jwt, tuple(item for item in parts.disclosures if item in chosen), None)
    if kb is None:
        return kept.presented
    return kept.presented + bind(kept.presented, digester(payload)(kept.presented), kb)


def _choose(processed: Processed, paths: Collection[Path]) -> set[str]:
    """Return the disclosures on the way to, at and below what `paths` select."""
    ends: set[Path] = set()
    for path in paths:
        places = {place for place, item in select_places(processed.as_issued, path).items() if item is not UNDISCLOSED}
        if not places:
            raise SDJWTError("claim_not_found", "The credential does not have a claim that was asked for.")
        ends |= places
    above = {end[:length] for end in ends for length in range(len(end))}
    return {
        disclosure
        for place, disclosure in processed.disclosed.items()
        if place in above or any(place[:length] in ends for length in range(len(place) + 1))
    }


def bind(presented: str, sd_hash: str, kb: KeyBinding) -> str:
    """Return the KB-JWT over an SD-JWT. Raises SDJWTError `sd_jwt_malformed` without its last tilde.

    Source: RFC 9901, section 4.3.
    """
    if not presented.endswith("~"):
        raise SDJWTError("sd_jwt_malformed", "What is bound must end with a tilde.")
    claims = {
        **kb.claims,
        "iat": int(kb.issued_at.timestamp()),
        "aud": kb.aud,
        "nonce": kb.nonce,
        "sd_hash": sd_hash,
    }
    return sign_jws({"alg": "ES256", "typ": "kb+jwt"}, claims, kb.signer)
