"""Forged, expired and misdirected access tokens open no service. Source: RFC 9068, section 4; RFC 8725."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest
from joserfc import jwk, jwt

from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import uuid7
from tests.integration.parties import AWARDING_BODY, DEFINITION, Parties, check_problem

ORGANISATION = {"org_id": "org:n", "legal_name": {"sv": "N"}, "slug": "n", "registration_no": "1", "country": "SE"}
PLAN = {"definition_id": DEFINITION, "route": "course", "learner": {"given_name": "A", "family_name": "B"}}


def claims_of(parties: Parties, **changes: Any) -> dict[str, Any]:
    now = int(system_clock().timestamp())
    claims = {
        "iss": parties.issuer.issuer_url, "sub": "x", "aud": "kompetenspass", "iat": now, "exp": now + 600,
        "jti": str(uuid7()), "client_id": "x", "org": AWARDING_BODY,
        "roles": ["scheme_owner", "creator", "awarding_body", "verifier", "learner"],
    }  # fmt: skip
    return {name: value for name, value in (claims | changes).items() if value is not None}


def published_key(parties: Parties) -> dict[str, Any]:
    (key,) = json.loads(parties.issuer.jwks_path.read_text())["keys"]
    return dict(key)


def private_key(parties: Parties) -> jwk.ECKey:
    pem = (parties.platform.folder / "tokens" / "token.key").read_bytes()
    return jwk.ECKey.import_key(pem, {"kid": published_key(parties)["kid"]})


def signed(parties: Parties, key: Any = None, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """Return a token of the platform's own issuer, in what is told otherwise."""
    full = {"typ": "at+jwt", "alg": "ES256", "kid": published_key(parties)["kid"]} | dict(header or {})
    claims = claims_of(parties, **changes)
    return jwt.encode(full, claims, key or private_key(parties), algorithms=[full["alg"]])


def text_of(part: object) -> str:
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).decode().rstrip("=")


def unsigned(parties: Parties, **header: Any) -> str:
    """Return a token with a header of its own and no signature."""
    full = {"typ": "at+jwt", "kid": published_key(parties)["kid"], **header}
    return f"{text_of(full)}.{text_of(claims_of(parties))}."


def by_the_public_key(parties: Parties) -> str:
    """Return a token whose MAC is made with what everybody knows: the issuer's public key as PEM."""
    message = unsigned(parties, alg="HS256").removesuffix(".")
    mac = hmac.digest(private_key(parties).as_pem(private=False), message.encode(), "sha256")
    return f"{message}.{text_of(mac)}"


FORGERIES: Mapping[str, Callable[[Parties], str]] = {
    "no JWT": lambda _: "abc",
    "nested too deep": lambda _: text_of(b"[" * 5000) + ".e30.x",
    "alg none": lambda p: unsigned(p, alg="none"),
    "no signature": lambda p: unsigned(p, alg="ES256"),
    "HS256 with the public key": by_the_public_key,
    "another key": lambda p: signed(p, jwk.ECKey.generate_key("P-256")),
    "another key in its header": lambda p: signed(
        p, (key := jwk.ECKey.generate_key("P-256")), {"jwk": key.as_dict(private=False)}
    ),
    "another kid": lambda p: signed(p, header={"kid": "x"}),
    "another typ": lambda p: signed(p, header={"typ": "JWT"}),
    "another issuer": lambda p: signed(p, iss="https://issuer.example"),
    "another audience": lambda p: signed(p, aud="somebody-else"),
    "no audience": lambda p: signed(p, aud=None),
    "expired": lambda p: signed(p, exp=int(system_clock().timestamp()) - 1),
    "no end": lambda p: signed(p, exp=None),
    "of the future": lambda p: signed(p, nbf=int(system_clock().timestamp()) + 600),
    "no roles": lambda p: signed(p, roles=None),
    "changed": lambda p: signed(p)[:-6] + "AAAAAA",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_opens_nothing(parties: Parties, forgery: str) -> None:
    token = FORGERIES[forgery](parties)
    for service, path, body in (
        ("registry", "/v1/organisations", ORGANISATION),
        ("catalog", "/v1/definitions", {"content": {}}),
        ("issuance", "/v1/achievements", PLAN),
        ("verification", "/v1/requests", {"definition_id": DEFINITION}),
        ("wallet", "/v1/links", {}),
    ):
        answer = parties.ask("post", service, path, token, json=body)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
        check_problem(answer)


def test_the_same_token_unforged_opens_it(parties: Parties) -> None:
    account = signed(parties, sub=str(UUID(int=7)))
    assert parties.ask("post", "wallet", "/v1/links", account, json={}).status_code == 201
