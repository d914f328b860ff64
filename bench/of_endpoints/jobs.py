"""Requests that are prepared before they are measured: each with a nonce, a code and keys of its own."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.driver.http import FORM, JSON, Connection, Failed, bearer, drive, prepared
from bench.driver.parties import DEFINITION, EMPLOYER, Office
from bench.driver.wallet import GRANT, Held, HolderKey, Line, payload_of
from bench.platform import Platform
from kompetenspass.core.clock import system_clock
from kompetenspass.openid.oid4vci import proof
from kompetenspass.openid.oid4vp import vp_token_form
from kompetenspass.openid.sdjwt import KeyBinding, present

T = TypeVar("T")
SHOWN = ("family_name", "given_name", "learner_identification", "learning_outcomes", "expected_study_time")
"""What the verifier asks for beside the definition: five of the claims that stay hidden otherwise."""
_AT_ONCE = 8


@dataclass(frozen=True)
class Wanted:
    """A credential request: the keys that it has proofs of, and the secrets that only it has."""

    keys: Sequence[HolderKey]
    proofs: Sequence[str]
    nonce: str
    code: str

    @property
    def secrets(self) -> Sequence[str]:
        """What must be different in each request."""
        return [self.nonce, self.code, *(key.kid for key in self.keys)]

    def body(self, configuration: str) -> bytes:
        """Return the body of the request."""
        return json.dumps({"credential_configuration_id": configuration, "proofs": {"jwt": self.proofs}}).encode()


@dataclass(frozen=True)
class Answered:
    """An answer to a verifier's request."""

    request_id: str
    nonce: str
    presentation: str
    held: Held

    @property
    def secrets(self) -> Sequence[str]:
        """What must be different in each request."""
        return [self.nonce]


def proven(keys: Sequence[HolderKey], issuer: str, nonce: str, code: str) -> Wanted:
    """Return what a wallet wants that proves to hold the keys."""
    now = system_clock()
    return Wanted(keys, [proof.build(key, issuer=issuer, now=now, nonce=nonce) for key in keys], nonce, code)


class Jobs:
    """Prepares requests on a running platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._office = Office(platform)
        self._employer = bearer(platform.token(EMPLOYER, "relying_party"))
        self._number = 0

    async def credentials(self, how_many: int, keys: int = 1) -> list[tuple[Wanted, bytes]]:
        """Return credential requests, each for an achievement of its own and as many keys. Raises Failed."""
        self._number += how_many
        numbers = range(self._number - how_many, self._number)
        jobs = await gathered("issuance", self._platform, numbers, lambda line, n: self._credential(line, n, keys))
        await self._platform.caught_up()
        return jobs

    async def presentations(self, held: Sequence[Held]) -> list[tuple[Answered, bytes]]:
        """Return answers to verifiers' requests, one with each credential. Raises Failed."""
        jobs = await gathered("verification", self._platform, held, self._presentation)
        await self._platform.caught_up()
        return jobs

    async def _credential(self, line: Line, number: int, keys: int) -> tuple[Wanted, bytes]:
        link = await self._office.offered(line, await self._office.confirmed(line, number))
        offer = json.loads(parse_qs(urlsplit(link).query)["credential_offer"][0])
        issuer, code = offer["credential_issuer"], offer["grants"][GRANT]["pre-authorized_code"]
        token = await line.post_form("token", f"{issuer}/token", {"grant_type": GRANT, "pre-authorized_code": code})
        nonce = (await line.call("nonce", "POST", f"{issuer}/nonce")).json()["c_nonce"]
        wanted = proven([HolderKey() for _ in range(keys)], issuer, nonce, code)
        body = wanted.body(offer["credential_configuration_ids"][0])
        headers = {**JSON, **bearer(token["access_token"])}
        return wanted, prepared("POST", f"{urlsplit(issuer).path}/credential", body, headers)

    async def _presentation(self, line: Line, held: Held) -> tuple[Answered, bytes]:
        asked = {"definition_id": DEFINITION, "claims": [[claim] for claim in SHOWN]}
        url = f"{self._platform.urls['verification']}/v1/requests"
        told = await line.post_json("request", url, asked, self._employer)
        said = payload_of((await line.call("request object", "GET", told["request_uri"])).body.decode())
        (query,) = said["dcql_query"]["credentials"]
        presentation = bound(held, said["client_id"], said["nonce"])
        form = vp_token_form({query["id"]: [presentation]}, said["state"])
        answered = Answered(told["request_id"], said["nonce"], presentation, held)
        return answered, prepared("POST", urlsplit(said["response_uri"]).path, form.encode(), FORM)


def bound(held: Held, aud: str, nonce: str) -> str:
    """Return the presentation of a credential for one verifier and one request."""
    binding = KeyBinding(aud=aud, nonce=nonce, issued_at=system_clock(), signer=held.key)
    return present(held.credential, SHOWN, kb=binding)


def form_of(presentation: str, state: str) -> bytes:
    """Return a wallet's answer to the naive verifier."""
    return urlencode({"vp_token": json.dumps({"mikromerit": [presentation]}), "state": state}).encode()


async def gathered(
    service: str, platform: Platform, what: Sequence[Any], make: Callable[[Line, Any], Awaitable[T]]
) -> list[T]:
    """Return what is made of each, several at a time. Raises Failed."""
    made: list[T] = []

    async def one(line: Line, each: Any) -> None:
        made.append(await make(line, each))

    lines = [Line(Connection(platform.urls[service])) for _ in range(_AT_ONCE)]
    driven = await drive(lines, what, one)
    for line in lines:
        line.connection.close()
    if driven.errors:
        raise Failed(driven.errors[0])
    return made
