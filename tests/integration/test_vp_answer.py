"""Presentations that do not hold: VP-16, VP-17, SD-4 to SD-6 of the checklist, traps 20, 21, 23 and 30.

Each is right in everything but one thing, and must be refused at once. Source: OpenID4VP 1.0, section 8.6.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kompetenspass.core.clock import system_clock
from kompetenspass.openid.jose import sign_jws
from kompetenspass.openid.sdjwt import KeyBinding
from kompetenspass.openid.sdjwt.present import bind
from kompetenspass.testing.keys import TestSigner
from tests.integration.parties import Parties
from tests.integration.stranger import SOBONA, Held, Stranger, check_error, json_of
from tests.integration.verifier import Asked, asked

YEAR = timedelta(days=365)


def text_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def flipped(jwt: str) -> str:
    """Return a JWS with another signature of the same length."""
    signed, _, signature = jwt.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def split(presentation: str) -> tuple[str, str]:
    """Return what is before the KB-JWT, and the KB-JWT."""
    shown, _, kb_jwt = presentation.rpartition("~")
    return shown + "~", kb_jwt


def improved() -> dict[str, object]:
    """Return what a forger would like, said of now: the issuer's certificate may be younger than a real `iat`."""
    return {"recognition_level": "R6", "iat": int(system_clock().timestamp())}


def bound(shown: str, held: Held, ask: Asked, **changes: Any) -> str:
    """Return something shown, with a sound KB-JWT over just that."""
    said: dict[str, Any] = {"aud": ask.said["client_id"], "nonce": ask.said["nonce"], "issued_at": system_clock()}
    digest = base64.urlsafe_b64encode(hashlib.sha256(shown.encode()).digest()).decode().rstrip("=")
    return shown + bind(shown, digest, KeyBinding(**said, signer=held.key, **changes))


def kb_signed(held: Held, ask: Asked, header: dict[str, object], **claims: object) -> str:
    """Return a presentation whose KB-JWT has another header or other claims; None leaves a claim out."""
    shown, kb_jwt = split(ask.presented(held))
    full = json_of(kb_jwt.split(".")[1]) | claims
    kept = {name: value for name, value in full.items() if value is not None}
    return shown + sign_jws({"alg": "ES256", "typ": "kb+jwt"} | header, kept, held.key)


def kb_unsigned(held: Held, ask: Asked) -> str:
    shown, kb_jwt = split(ask.presented(held))
    return f"{shown}{text_of({'alg': 'none', 'typ': 'kb+jwt'})}.{kb_jwt.split('.')[1]}."


def kb_by_mac(held: Held, ask: Asked) -> str:
    """Return a presentation whose KB-JWT is a MAC under the holder's public key."""
    shown, kb_jwt = split(ask.presented(held))
    signed = f"{text_of({'alg': 'HS256', 'typ': 'kb+jwt'})}.{kb_jwt.split('.')[1]}"
    mac = hmac.digest(json.dumps(held.payload["cnf"]["jwk"]).encode(), signed.encode(), "sha256")
    return f"{shown}{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def under_the_right_chain(held: Held, ask: Asked) -> str:
    """Return a credential that a foreign key signed, with the issuer's own x5c in its header (trap 30)."""
    jwt, *rest = split(ask.presented(held))[0].split("~")
    forged = sign_jws(json_of(jwt.split(".")[0]), held.payload | improved(), TestSigner())
    return bound("~".join((forged, *rest)), held, ask)


def under_another_chain(held: Held, ask: Asked) -> str:
    jwt, *rest = split(ask.presented(held))[0].split("~")
    signer = TestSigner(uris=[held.payload["iss"]])
    header = json_of(jwt.split(".")[0]) | {"x5c": list(signer.x5c), "kid": signer.kid}
    return bound("~".join((sign_jws(header, held.payload, signer), *rest)), held, ask)


def by_a_thief(held: Held, ask: Asked) -> str:
    """Return another learner's credential with a key binding by the thief's own key."""
    return ask.presented(held, signer=TestSigner())


def by_a_thief_who_says_so(held: Held, ask: Asked) -> str:
    """Return the same with the thief's key in the header of the KB-JWT."""
    (shown, kb_jwt), thief = split(ask.presented(held)), TestSigner()
    header = {"alg": "ES256", "typ": "kb+jwt", "jwk": dict(thief.public_jwk)}
    return shown + sign_jws(header, json_of(kb_jwt.split(".")[1]), thief)


def with_claims_changed(held: Held, ask: Asked) -> str:
    """Return a credential whose signature is the issuer's own, but for other claims."""
    jwt, *rest = split(ask.presented(held))[0].split("~")
    header, _, signature = jwt.split(".")
    return bound("~".join((f"{header}.{text_of(held.payload | improved())}.{signature}", *rest)), held, ask)


def with_issuer_signature_broken(held: Held, ask: Asked) -> str:
    jwt, *rest = split(ask.presented(held))[0].split("~")
    return bound("~".join((flipped(jwt), *rest)), held, ask)


def with_a_disclosure_changed(held: Held, ask: Asked) -> str:
    jwt, first, *rest = split(ask.presented(held))[0].split("~")
    salt, name, _ = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    return bound("~".join((jwt, text_of([salt, name, "Forged"]), *rest)), held, ask)


def with_a_disclosure_invented(held: Held, ask: Asked) -> str:
    shown = split(ask.presented(held))[0]
    return bound(f"{shown}{text_of(['c2FsdHNhbHRzYWx0c2FsdA', 'birth_date', '2000-01-01'])}~", held, ask)


def with_a_disclosure_doubled(held: Held, ask: Asked) -> str:
    shown = split(ask.presented(held))[0]
    return bound(f"{shown}{shown.split('~')[1]}~", held, ask)


def with_a_disclosure_taken_out(held: Held, ask: Asked) -> str:
    shown, kb_jwt = split(ask.presented(held))
    jwt, _, *rest = shown.split("~")
    return "~".join((jwt, *rest)) + kb_jwt


def with_a_key_binding_for_something_else(held: Held, ask: Asked) -> str:
    return split(ask.presented(held))[0] + split(ask.presented(held, ["family_name"]))[1]


def with_sd_hash_over_no_tilde(held: Held, ask: Asked) -> str:
    shown = split(ask.presented(held))[0]
    digest = hashlib.sha256(shown[:-1].encode()).digest()
    return kb_signed(held, ask, {}, sd_hash=base64.urlsafe_b64encode(digest).decode().rstrip("="))


REFUSED: dict[str, tuple[str, str, Callable[[Held, Asked], object]]] = {
    "KB signature broken": ("holder_binding", "invalid_signature", lambda h, a: flipped(a.presented(h))),
    "KB alg none": ("holder_binding", "malformed_jws", kb_unsigned),
    "KB alg HS256": ("holder_binding", "unsupported_alg", kb_by_mac),
    "KB by another key": ("holder_binding", "invalid_signature", by_a_thief),
    "KB with its own jwk": ("holder_binding", "invalid_signature", by_a_thief_who_says_so),
    "no KB": ("holder_binding", "kb_jwt_missing", lambda h, a: split(a.presented(h))[0]),
    "KB typ": ("holder_binding", "wrong_typ", lambda h, a: kb_signed(h, a, {"typ": "JWT"})),
    "wrong nonce": (
        "holder_binding",
        "kb_nonce_mismatch",
        lambda h, a: a.presented(h, nonce="another-nonce-of-enough-length"),
    ),
    "no nonce": ("holder_binding", "kb_nonce_mismatch", lambda h, a: kb_signed(h, a, {}, nonce=None)),
    "wrong aud": ("holder_binding", "kb_aud_mismatch", lambda h, a: a.presented(h, aud="x509_hash:another")),
    "aud without prefix": (
        "holder_binding",
        "kb_aud_mismatch",
        lambda h, a: a.presented(h, aud=a.said["client_id"].removeprefix("x509_hash:")),
    ),
    "aud is the response_uri": (
        "holder_binding",
        "kb_aud_mismatch",
        lambda h, a: a.presented(h, aud=a.said["response_uri"]),
    ),
    "aud in an array": (
        "holder_binding",
        "kb_aud_mismatch",
        lambda h, a: kb_signed(h, a, {}, aud=[a.said["client_id"]]),
    ),
    "iat a year ago": ("holder_binding", "too_old", lambda h, a: a.presented(h, issued_at=system_clock() - YEAR)),
    "iat in a year": ("holder_binding", "not_yet_valid", lambda h, a: a.presented(h, issued_at=system_clock() + YEAR)),
    "no iat": ("holder_binding", "missing_claim", lambda h, a: kb_signed(h, a, {}, iat=None)),
    "wrong sd_hash": ("holder_binding", "kb_sd_hash_mismatch", lambda h, a: kb_signed(h, a, {}, sd_hash="A" * 43)),
    "no sd_hash": ("holder_binding", "kb_sd_hash_mismatch", lambda h, a: kb_signed(h, a, {}, sd_hash=None)),
    "sd_hash without tilde": ("holder_binding", "kb_sd_hash_mismatch", with_sd_hash_over_no_tilde),
    "KB of another selection": ("holder_binding", "kb_sd_hash_mismatch", with_a_key_binding_for_something_else),
    "a disclosure taken out": ("holder_binding", "kb_sd_hash_mismatch", with_a_disclosure_taken_out),
    "claims changed": ("signature", "invalid_signature", with_claims_changed),
    "foreign key, right chain": ("signature", "invalid_signature", under_the_right_chain),
    "foreign chain": ("chain", "untrusted_chain", under_another_chain),
    "a disclosure changed": ("signature", "disclosure_unreferenced", with_a_disclosure_changed),
    "a disclosure invented": ("signature", "disclosure_unreferenced", with_a_disclosure_invented),
    "a disclosure doubled": ("form", "duplicate_disclosure", with_a_disclosure_doubled),
    "a claim not shown": ("query", "dcql_query_not_met", lambda h, a: a.presented(h, ["family_name"])),
    "garbage": ("form", "sd_jwt_malformed", lambda _h, _a: "garbage"),
    "empty": ("form", "sd_jwt_malformed", lambda _h, _a: ""),
    "a JWT": ("form", "sd_jwt_malformed", lambda h, _a: h.credential.split("~")[0]),
    "a number": ("form", "invalid_request", lambda _h, _a: 7),
    "an object": ("form", "invalid_request", lambda _h, _a: {}),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_vp_17_trap_21_a_presentation_with_one_fault_is_refused_at_once(
    parties: Parties, held: Held, fault: str
) -> None:
    check, code, made = REFUSED[fault]
    ask = asked(parties)
    check_error(ask.answered(made(held, ask)), code)
    outcome = ask.outcome()
    assert outcome["state"] == "refused"
    assert "claims" not in outcome["verdict"]
    assert ask.failed()[0] == check


def test_vp_17_a_broken_issuer_signature_is_refused_at_once(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    assert ask.answered(with_issuer_signature_broken(held, ask)).status_code == 400
    assert ask.failed()[0] in ("chain", "signature")


def test_vp_16_a_credential_of_another_definition_does_not_answer(parties: Parties) -> None:
    ask = asked(parties)
    other = Stranger(parties, SOBONA).received()
    answer = ask.answered(ask.presented(other))
    assert answer.status_code == 400
    assert ask.failed() == ["query"]


def test_vp_16_one_persons_credential_is_not_anothers(parties: Parties, kommun: Stranger, held: Held) -> None:
    ask, thief = asked(parties), kommun.received()
    answer = ask.answered(ask.presented(held, signer=thief.key))
    assert answer.status_code == 400
    assert ask.failed() == ["holder_binding"]
    replayed = asked(parties).answered(ask.presented(held))
    assert replayed.status_code == 400
