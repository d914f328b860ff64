"""Key proofs over HTTP: VCI-28 and VCI-37 of the checklist. Source: OpenID4VCI 1.0, sections 8.2 and 8.3, appendix F.

The proofs are made by joserfc, not by the library that verifies them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from kompetenspass.core.clock import system_clock
from kompetenspass.openid.jose import sign_jws
from kompetenspass.testing.keys import TestSigner
from tests.integration.stranger import JSON, SOBONA, Stranger, check_error, json_of

ALGS = ["ES256", "ES384", "HS256", "Ed25519"]
_HEADERS = jws.JWSRegistry(algorithms=ALGS, strict_check_header=False)


@dataclass
class Forge:
    """Makes the proof of one request: right in everything that is not told otherwise."""

    kommun: Stranger

    def __post_init__(self) -> None:
        self.key = ECKey.generate_key("P-256")
        self.now = int(system_clock().timestamp())
        self.nonce = self.kommun.nonce()

    def made(self, header: JSON | None = None, claims: JSON | None = None, *, key: Any = None) -> str:
        """Return the proof; a member that is told to be None is left out."""
        full = {"alg": "ES256", "typ": "openid4vci-proof+jwt", "jwk": self.key.as_dict(private=False)} | (header or {})
        said = {"aud": self.kommun.issuer, "iat": self.now, "nonce": self.nonce} | (claims or {})
        text = json.dumps({name: value for name, value in said.items() if value is not None})
        named = {name: value for name, value in full.items() if value is not None}
        return jws.serialize_compact(named, text, key or self.key, registry=_HEADERS)


def x5c_of(_forge: Forge) -> list[str]:
    return list(TestSigner().x5c)


def by_edwards(forge: Forge) -> str:
    key = OKPKey.generate_key("Ed25519")
    return forge.made({"alg": "Ed25519", "jwk": key.as_dict(private=False)}, key=key)


def by_p384(forge: Forge) -> str:
    key = ECKey.generate_key("P-384")
    return forge.made({"alg": "ES384", "jwk": key.as_dict(private=False)}, key=key)


def by_mac(forge: Forge) -> str:
    key = OctKey.import_key("a secret that is long enough for a MAC")
    return forge.made({"alg": "HS256"}, key=key)


def by_mac_named(forge: Forge) -> str:
    key = OctKey.import_key("a secret that is long enough for a MAC")
    return forge.made({"alg": "HS256", "jwk": key.as_dict(private=True)}, key=key)


def unsigned(forge: Forge) -> str:
    header, payload, _ = forge.made().split(".")
    changed = json.dumps(json_of(header) | {"alg": "none"}).encode()
    return f"{base64.urlsafe_b64encode(changed).decode().rstrip('=')}.{payload}."


def with_critical_header(forge: Forge) -> str:
    signer = TestSigner()
    header = {"typ": "openid4vci-proof+jwt", "jwk": dict(signer.public_jwk), "crit": ["x"], "x": 1}
    return sign_jws(header, json_of(forge.made().split(".")[1]), signer)


def with_another_payload(forge: Forge) -> str:
    header, _, signature = forge.made().split(".")
    return f"{header}.{forge.made(claims={'jti': 'x'}).split('.')[1]}.{signature}"


def off_curve(forge: Forge) -> JSON:
    public = dict(forge.key.as_dict(private=False))
    return public | {"y": public["x"]}


INVALID: dict[str, Callable[[Forge], str]] = {
    "no nonce": lambda f: f.made(claims={"nonce": None}),
    "an empty nonce": lambda f: f.made(claims={"nonce": ""}),
    "a nonce that is no text": lambda f: f.made(claims={"nonce": 1}),
    "no aud": lambda f: f.made(claims={"aud": None}),
    "aud of another issuer": lambda f: f.made(
        claims={"aud": f.kommun.issuer.replace(f.kommun.office.slug, SOBONA.slug)}
    ),
    "aud of the endpoint": lambda f: f.made(claims={"aud": f"{f.kommun.issuer}/credential"}),
    "aud with a slash": lambda f: f.made(claims={"aud": f"{f.kommun.issuer}/"}),
    "two audiences": lambda f: f.made(claims={"aud": [f.kommun.issuer, "https://else.example"]}),
    "no iat": lambda f: f.made(claims={"iat": None}),
    "iat an hour ago": lambda f: f.made(claims={"iat": f.now - 3600}),
    "iat in an hour": lambda f: f.made(claims={"iat": f.now + 3600}),
    "iat that is no number": lambda f: f.made(claims={"iat": str(f.now)}),
    "expired": lambda f: f.made(claims={"exp": f.now - 3600}),
    "iss of an anonymous wallet": lambda f: f.made(claims={"iss": "some-client"}),
    "no typ": lambda f: f.made({"typ": None}),
    "another typ": lambda f: f.made({"typ": "JWT"}),
    "a key binding's typ": lambda f: f.made({"typ": "kb+jwt"}),
    "no key": lambda f: f.made({"jwk": None}),
    "kid only": lambda f: f.made({"jwk": None, "kid": "did:example:1"}),
    "kid and jwk": lambda f: f.made({"kid": "x"}),
    "x5c and jwk": lambda f: f.made({"x5c": x5c_of(f)}),
    "x5c only": lambda f: f.made({"jwk": None, "x5c": x5c_of(f)}),
    "private key members": lambda f: f.made({"jwk": f.key.as_dict(private=True)}),
    "a key off the curve": lambda f: f.made({"jwk": off_curve(f)}),
    "signed by another key": lambda f: f.made(key=ECKey.generate_key("P-256")),
    "an unknown critical header": with_critical_header,
    "alg that is not listed": by_p384,
    "a curve that is not listed": by_edwards,
    "a symmetric alg": by_mac,
    "a symmetric alg and its key": by_mac_named,
    "alg none": unsigned,
    "no signature": lambda f: f.made().rpartition(".")[0] + ".",
    "half a signature": lambda f: f.made()[:-43],
    "another payload": with_another_payload,
    "no JWT": lambda _: "x",
    "nothing": lambda _: "",
}


@pytest.fixture(scope="module")
def access_token(kommun: Stranger) -> str:
    return kommun.access_token(kommun.offered(kommun.achieved()))


@pytest.mark.parametrize("fault", INVALID)
def test_vci_37_a_proof_with_one_fault_is_invalid_proof(kommun: Stranger, access_token: str, fault: str) -> None:
    forge = Forge(kommun)
    check_error(kommun.credential(access_token, kommun.request(INVALID[fault](forge))), "invalid_proof")


def test_vci_33_vci_37_a_nonce_survives_proofs_that_were_refused(kommun: Stranger, access_token: str) -> None:
    forge = Forge(kommun)
    for fault in ("no typ", "signed by another key", "iat an hour ago"):
        check_error(kommun.credential(access_token, kommun.request(INVALID[fault](forge))), "invalid_proof")
    assert kommun.credential(access_token, kommun.request(forge.made())).status_code == 200


def test_vci_33_trap_3_a_wrong_nonce_in_a_sound_proof_is_invalid_nonce(kommun: Stranger, access_token: str) -> None:
    proof = Forge(kommun).made(claims={"nonce": "never-given-out"})
    check_error(kommun.credential(access_token, kommun.request(proof)), "invalid_nonce")


@pytest.mark.parametrize(
    "proofs",
    [
        None,
        {},
        [],
        "x",
        {"jwt": []},
        {"jwt": "x"},
        {"jwt": [1]},
        {"jwt": None},
        {"jwt": ["PROOF", "PROOF"]},
        {"jwt": ["PROOF"], "attestation": ["x"]},
        {"attestation": ["x"]},
        {"di_vp": [{}]},
        {"cwt": ["x"]},
    ],
)
def test_vci_28_proofs_are_one_type_with_an_array_of_at_most_one(
    kommun: Stranger, access_token: str, proofs: object
) -> None:
    sent = json.loads(json.dumps(proofs).replace("PROOF", kommun.proof()))
    request = {"credential_configuration_id": kommun.office.definition, "proofs": sent}
    check_error(kommun.credential(access_token, request), "invalid_proof")


def test_vci_28_the_singular_proof_of_drafts_and_no_proof_at_all_are_invalid_proof(
    kommun: Stranger, access_token: str
) -> None:
    request: JSON = {"credential_configuration_id": kommun.office.definition}
    check_error(kommun.credential(access_token, request), "invalid_proof")
    request["proof"] = {"proof_type": "jwt", "jwt": kommun.proof()}
    check_error(kommun.credential(access_token, request), "invalid_proof")


def test_vci_37_a_proof_by_another_library_is_good(kommun: Stranger, access_token: str) -> None:
    forge = Forge(kommun)
    proof = forge.made({"typ": "openid4vci-proof+jwt"}, {"exp": forge.now + 60, "unknown": [1]})
    assert kommun.credential(access_token, kommun.request(proof)).status_code == 200
