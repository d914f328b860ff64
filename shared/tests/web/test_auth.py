"""Access tokens: what is let in, and what each kind of bad token meets."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwk

from kompetenspass.core.errors import Problem
from kompetenspass.testing.clock import FixedClock
from kompetenspass.web.auth import AccessTokens, Principal, require
from kompetenspass.web.outbound import Outbound

ISSUER = "https://tokens.example"
GOOD = {"colour": "blue", "coats": 2}


async def status_with(client: httpx2.AsyncClient, token: str) -> int:
    answer = await client.post("/v1/paint", json=GOOD, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    return answer.status_code


async def test_a_command_without_a_token_is_challenged(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/paint", json=GOOD)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_token_without_the_role_is_forbidden(client: httpx2.AsyncClient, mint: Any) -> None:
    assert await status_with(client, mint(roles=["verifier"])) == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://else.example"},
        {"aud": "other"},
        {"exp": 1},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"org": None},
        {"roles": "creator"},
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(client: httpx2.AsyncClient, mint: Any, claims: Any) -> None:
    assert await status_with(client, mint(**claims)) == 401


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"kid": "k2"}])
async def test_a_token_with_a_wrong_header_is_refused(client: httpx2.AsyncClient, mint: Any, header: Any) -> None:
    assert await status_with(client, mint(header=header)) == 401


async def test_a_token_signed_by_another_key_is_refused(client: httpx2.AsyncClient, mint: Any) -> None:
    assert await status_with(client, mint(signer=jwk.ECKey.generate_key("P-256"))) == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.", "ÿ.ÿ.ÿ", "a" * 9000])
async def test_what_is_not_a_token_is_refused(client: httpx2.AsyncClient, token: str) -> None:
    raw = f"Bearer {token}".encode("latin-1")
    answer = await client.post("/v1/paint", json=GOOD, headers={b"Authorization": raw})
    assert answer.status_code == 401


async def test_a_token_that_was_good_is_refused_once_it_has_expired(
    client: httpx2.AsyncClient, mint: Any, clock: FixedClock
) -> None:
    token = mint()
    assert await status_with(client, token) == 200
    clock.advance(timedelta(seconds=301))
    assert await status_with(client, token) == 401


async def test_a_new_key_of_the_issuer_is_found_without_a_restart(
    client: httpx2.AsyncClient, mint: Any, clock: FixedClock, jwks: Path, key: jwk.ECKey
) -> None:
    assert await status_with(client, mint()) == 200
    fresh = jwk.ECKey.generate_key("P-256", {"kid": "k2"})
    jwks.write_text(  # noqa: ASYNC240  a small file
        json.dumps({"keys": [key.as_dict(private=False), fresh.as_dict(private=False)]})
    )
    clock.advance(timedelta(seconds=31))
    assert await status_with(client, mint(header={"kid": "k2"}, signer=fresh)) == 200


async def test_an_unreadable_key_set_is_unavailable_not_unauthenticated(mint: Any, clock: FixedClock) -> None:
    tokens = AccessTokens({ISSUER: "/nowhere/jwks.json"}, audience="kompetenspass", clock=clock, http=Outbound())
    with pytest.raises(Problem) as refused:
        await tokens.verify(mint())
    assert refused.value.code == "token_keys_unavailable"


def test_another_organisations_thing_is_not_found() -> None:
    caller = Principal("org:a", frozenset({"issuer"}), "client-1")
    require(caller, "issuer", "org:a")
    with pytest.raises(Problem) as refused:
        require(caller, "issuer", "org:b")
    assert refused.value.code == "not_found"
