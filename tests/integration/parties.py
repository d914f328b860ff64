"""Every party of a running platform as one HTTP client, and a microcredential on its way to a wallet."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from kompetenspass.core.clock import system_clock
from kompetenspass.openid.oid4vci import proof
from kompetenspass.testing.keys import TestSigner
from tests.integration.platform_process import Platform

DEFINITION = "sko-ys-01"
PROVIDER, AWARDING_BODY, STRANGER = "org:skelleftea-vux", "org:skelleftea-kommun", "org:sobona"
VERIFIER, SCHEME_OWNER = "org:demo-arbetsgivare", "org:rise"
ASSESSOR = "assessor:skelleftea-vux-1"
PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
COMMANDS = ("post", "put", "patch", "delete")
_PATIENCE_SECONDS = 120.0  # a busy machine may take its time
_TOO_EARLY = ("facts_stale", "not_caught_up")
"""The service has not read yet what the answer rests on, did nothing, and wants to be asked again."""
_PAUSE_SECONDS = 0.1


def asked_again(ask: Callable[[], httpx2.Response]) -> httpx2.Response:
    """Return the answer to a question that is repeated for as long as it is asked too early."""
    ends = time.monotonic() + _PATIENCE_SECONDS
    while _is_too_early(answer := ask()) and time.monotonic() < ends:
        time.sleep(_PAUSE_SECONDS)
    return answer


def _is_too_early(answer: httpx2.Response) -> bool:
    if answer.status_code != 503:
        return False
    body = answer.json()
    return body.get("code", body.get("error")) in _TOO_EARLY


@dataclass(frozen=True)
class Operation:
    """One operation of a service as its openapi.json has it."""

    service: str
    method: str
    path: str
    schema: dict[str, Any] | None = field(hash=False, compare=False)

    @property
    def key(self) -> str:
        """How the tests name it."""
        return f"{self.service} {self.method.upper()} {self.path}"


class Parties:
    """Asks any service as any party."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.urls = platform.urls
        self.issuer = platform.tokens
        self.http = httpx2.Client(timeout=_PATIENCE_SECONDS)

    def token(self, org: str, *roles: str, subject: str = "test") -> str:
        """Return an access token."""
        return self.issuer.mint(org, roles, subject, 3600)

    def learner(self, account: object) -> str:
        """Return the access token of a learner's account."""
        return self.token("learner", "learner", subject=str(account))

    def ask(self, method: str, service: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """Return what a service answers; it is asked again while it is too early.

        Not one that was told what to wait for, and not for a credential: the nonce of the request is spent by then.
        """
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}

        def once() -> httpx2.Response:
            return self.http.request(method.upper(), self.urls[service] + path, headers=headers, **options)

        return once() if "Wait-For" in headers or path.endswith("/credential") else asked_again(once)

    def reached(self, service: str, position: str) -> None:
        """Return once a service has read as far as `owner=position`; it waits only so long each time it is asked."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while (answer := self.ask("get", service, "/livez", headers={"Wait-For": position})).status_code != 200:
            assert answer.status_code == 503, answer.text
            assert time.monotonic() < ends, f"{service} never reached {position}"

    def must(self, service: str, path: str, token: str | None, body: object) -> Any:
        """Return the body of the answer to a command that must succeed."""
        answer = self.ask("post", service, path, token, json=body)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json()

    def operations(self) -> Iterator[Operation]:
        """Yield every operation of every service, by their own documents."""
        for service in self.urls:
            document = self.ask("get", service, "/openapi.json").json()
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                    yield Operation(service, method, path, _resolved(body.get("schema"), document))

    def instruments(self, definition_id: str = DEFINITION) -> list[str]:
        """Return the URIs of the definition's instruments."""
        definition = self.ask("get", "catalog", f"/v1/definitions/{definition_id}").json()
        return [each["uri"] for each in definition["content"]["assessment"]["types"]]


@contextmanager
def opened(platform: Platform) -> Iterator[Parties]:
    """Yield the parties of a platform; their connections are closed afterwards."""
    parties = Parties(platform)
    with parties.http:
        yield parties


@dataclass
class Merit:
    """One microcredential and every secret of its way."""

    achievement_id: str
    learner_ref: str
    offer: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    access_token: str = ""
    nonce: str = ""
    holder: TestSigner = field(default_factory=TestSigner)
    credential: str = ""
    definition_id: str = DEFINITION

    @property
    def credential_id(self) -> str:
        """The id of the credential."""
        return str(self.offer["credential_id"])


def planned(parties: Parties, learner: dict[str, str], definition_id: str = DEFINITION) -> Merit:
    """Return an achievement that the provider planned."""
    body = {"definition_id": definition_id, "route": "course", "learner": learner}
    answer = parties.must("issuance", "/v1/achievements", parties.token(PROVIDER, "provider"), body)
    return Merit(answer["achievement_id"], answer["learner_ref"], definition_id=definition_id)


def offered(parties: Parties, merit: Merit, percents: Sequence[float], *, tx_code: bool = True) -> None:
    """Let the provider record, the awarding body confirm and offer."""
    path = f"/v1/achievements/{merit.achievement_id}"
    results = [
        {"instrument": uri, "score_percent": percent}
        for uri, percent in zip(parties.instruments(merit.definition_id), percents, strict=True)
    ]
    body = {"results": results, "assessor_ref": ASSESSOR}
    parties.must("issuance", f"{path}/results", parties.token(PROVIDER, "provider"), body)
    awarding_body = parties.token(AWARDING_BODY, "awarding_body")
    parties.must("issuance", f"{path}/confirm", awarding_body, {})
    merit.offer = parties.must("issuance", f"{path}/offers", awarding_body, {"tx_code": tx_code})
    offer = json.loads(parse_qs(urlsplit(merit.offer["offer_uri"]).query)["credential_offer"][0])
    merit.code = offer["grants"][PRE_AUTHORIZED]["pre-authorized_code"]


def fetched(parties: Parties, merit: Merit) -> None:
    """Let a wallet of our own fetch the credential."""
    issuer = f"{parties.urls['issuance']}/issuers/{AWARDING_BODY.removeprefix('org:')}"
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": merit.code}
    if merit.offer["tx_code"]:
        form["tx_code"] = merit.offer["tx_code"]
    merit.access_token = parties.http.post(f"{issuer}/token", data=form).raise_for_status().json()["access_token"]
    headers = {"Authorization": f"Bearer {merit.access_token}"}

    def once() -> httpx2.Response:
        merit.nonce = parties.http.post(f"{issuer}/nonce").raise_for_status().json()["c_nonce"]
        jwt = proof.build(merit.holder, issuer=issuer, now=system_clock(), nonce=merit.nonce)
        request = {"credential_configuration_id": merit.definition_id, "proofs": {"jwt": [jwt]}}
        return parties.http.post(f"{issuer}/credential", json=request, headers=headers)

    answer = asked_again(once).raise_for_status()
    merit.credential = answer.json()["credentials"][0]["credential"]


def check_problem(answer: httpx2.Response, *statuses: int) -> None:
    """Check that a refusal of our own API is problem+json with a stable code, and says what to do."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:kompetenspass:problem:{body['code']}"
    assert body["title"]
    assert body["trace_id"]
    assert body["remedy"], body
    assert not statuses or answer.status_code in statuses, answer.text


def deeds(platform: Platform) -> dict[str, int]:
    """Return how many events each log has that somebody's command led to, timers and reactions apart."""

    async def count(owner: str) -> int:
        system = '\'{"actor":{"org":"system"%\''
        query = f"SELECT count(*) FROM {owner}_log.log WHERE data NOT LIKE {system}"
        ((number,),) = await platform.rows(owner, query)
        return int(str(number))

    async def counts() -> dict[str, int]:
        return {owner: await count(owner) for owner in platform.urls}

    return asyncio.run(counts())


def _resolved(schema: Any, document: dict[str, Any]) -> Any:
    """Return a schema with its references replaced by what they name."""
    if isinstance(schema, list):
        return [_resolved(each, document) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    return {name: _resolved(each, document) for name, each in schema.items()}
