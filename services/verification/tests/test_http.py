"""The whole of verification on a database of its own, spoken to over HTTP in process; the others are their logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.pki import DevelopmentCA, Kind
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.keys.file import create_key
from kompetenspass.log.api import Append, Stored
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.openid import jose, oid4vp, sdjwt, status
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.web.outbound import Outbound
from services.verification.app import create_app
from services.verification.domain import judgement
from services.verification.settings import Settings
from services.verification.tests.test_tables import issued, published_path, trusted
from services.verification.tests.world import BASE, CATALOG, STATUS_URI, VERIFIER, World

TOKENS = "https://tokens.example"


class Running:
    """A running verification, a client for it, and a wallet's hands."""

    def __init__(self, http: httpx2.AsyncClient, tokens: DevelopmentTokenIssuer, world: World, said: Said) -> None:
        self.http = http
        self.tokens = tokens
        self.world = world
        self.said = said

    def by(self, org: str = VERIFIER, role: str = "verifier") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.mint(org, [role], 'client')}"}

    async def ask(self, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        body = body or {"definition_id": "mm-01", "claims": [["family_name"]]}
        answer = await self.http.post("/v1/requests", json=body, headers=self.by())
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def fetch(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the request object says."""
        answer = await self.http.get(urlsplit(made["request_uri"]).path)
        assert answer.headers["content-type"] == "application/oauth-authz-req+jwt"
        return jose.parse_unverified(answer.text).payload

    async def present(self, said: Mapping[str, Any], credential: str) -> httpx2.Response:
        kb = sdjwt.KeyBinding(said["client_id"], said["nonce"], self.world.clock(), self.world.holder)
        shown = sdjwt.present(credential, ["family_name"], kb=kb)
        return await self.post(said, oid4vp.vp_token_form({"mikromerit": [shown]}, said["state"]))

    async def post(self, said: Mapping[str, Any], form: str) -> httpx2.Response:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.http.post(urlsplit(said["response_uri"]).path, content=form, headers=headers)

    async def read(self, made: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/requests/{made['request_id']}", headers=self.by())
        view: dict[str, Any] = answer.json()
        return view


class Said:
    """The logs of the other services."""

    def __init__(self, logs: Mapping[str, PostgresLog]) -> None:
        self._logs = logs
        self.positions: dict[str, int] = {}

    async def say(self, events: Sequence[Event]) -> None:
        for event in events:
            draft = seal(uuid7(), event, Context(SYSTEM, NOON, "test"))
            answer = await self._logs[event.owner()].append(Append(str(draft.id), 0, [draft]))
            assert isinstance(answer, Stored)
            self.positions[event.owner()] = answer.position

    @property
    def wait(self) -> dict[str, str]:
        return {"Wait-For": ", ".join(f"{owner}={position}" for owner, position in self.positions.items())}


def outbound(world: World) -> Outbound:
    """Return a client whose every call the registry of the world answers."""

    async def answer(request: httpx2.Request) -> httpx2.Response:
        fetched = await world.registry.get(str(request.url))
        return httpx2.Response(fetched.status, content=fetched.body)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["93.184.215.14"]

    return Outbound(transport=httpx2.MockTransport(answer), resolver=resolve)


def settings(database: Database, folder: Path, world: World, tokens: DevelopmentTokenIssuer) -> Settings:
    key, chain = folder / "request_object.key.pem", folder / "request_object.chain.pem"
    ca = DevelopmentCA(folder / "ca")
    chain.write_text(ca.issue(Kind.REQUEST_OBJECT, "Verifier", (), create_key(key), san_dns=["verification.example"]))
    (folder / "trust-anchors.pem").write_text(world.anchor.root_pem)
    return Settings(
        base_url=BASE,
        catalog_url=CATALOG,
        database_dsn=database.dsn("verification"),
        feed_dsns={owner: database.dsn("log_reader") for owner in ("registry", "catalog", "issuance")},
        token_issuers={TOKENS: str(tokens.jwks_path)},
        state_dir=folder,
    )


@pytest.fixture
async def running(database: Database, tmp_path: Path, world: World) -> AsyncIterator[Running]:
    tokens = DevelopmentTokenIssuer(tmp_path, TOKENS, clock=world.clock)
    async with AsyncExitStack() as stack:
        logs = {owner: PostgresLog(owner, database.dsn(owner)) for owner in ("registry", "catalog", "issuance")}
        for log in logs.values():
            await log.start()
            stack.push_async_callback(log.stop)
        app = create_app(settings(database, tmp_path, world, tokens), clock=world.clock, http=outbound(world))
        await stack.enter_async_context(app.router.lifespan_context(app))
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)
        await stack.enter_async_context(http)
        yield Running(http, tokens, world, Said(logs))


async def known(running: Running, credential: str) -> None:
    """Let the services say all that makes a credential trusted, and wait until verification has heard it."""
    events = trusted(running.world, judgement.read(credential).digest)
    await running.said.say(events)
    assert (await running.http.get("/livez", headers=running.said.wait)).status_code == 200
    running.world.clock.moment = NOON


async def test_a_wallet_answers_and_the_verifier_reads_the_verdict(running: Running) -> None:
    credential = running.world.credential()
    await known(running, credential)
    made = await running.ask()
    query = parse_qs(urlsplit(made["uri"]).query)
    assert query == {"client_id": [made["client_id"]], "request_uri": [made["request_uri"]]}
    answer = await running.present(await running.fetch(made), credential)
    assert (answer.status_code, answer.json(), answer.headers["cache-control"]) == (200, {}, "no-store")
    view = await running.read(made)
    assert (view["state"], view["verdict"]["outcome"]) == ("verified", "verified")
    assert view["verdict"]["claims"]["mikromerit"][0]["family_name"] == "text"
    assert "claims" not in (await running.read(made))["verdict"]


async def test_a_revoked_credential_is_refused_for_its_status(running: Running) -> None:
    credential = running.world.credential()
    await known(running, credential)
    running.world.registry.set(7, 1)
    made = await running.ask()
    answer = await running.present(await running.fetch(made), credential)
    assert (answer.status_code, answer.json()["error"]) == (400, "credential_revoked")
    view = await running.read(made)
    failed = [check for check in view["verdict"]["checks"] if not check["ok"]]
    assert [(check["code"], check["reason"]) for check in failed] == [("status", "credential_revoked")]


async def test_a_repeated_answer_is_told_so(running: Running) -> None:
    credential = running.world.credential()
    await known(running, credential)
    said = await running.fetch(await running.ask())
    await running.present(said, credential)
    again = await running.present(said, credential)
    assert (again.status_code, again.json()["error"]) == (409, "request_answered")


async def test_a_request_object_is_fetched_with_a_wallets_nonce(running: Running) -> None:
    await known(running, running.world.credential())
    made = await running.ask({"definition_id": "mm-01", "expires_in": 3600})
    answer = await running.http.post(urlsplit(made["request_uri"]).path, data={"wallet_nonce": "n-1"})
    payload = jose.parse_unverified(answer.text).payload
    assert (payload["wallet_nonce"], payload["exp"] - payload["iat"]) == ("n-1", 3600)
    wrong = await running.http.post(urlsplit(made["request_uri"]).path, json={"wallet_nonce": "n-1"})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_request")
    assert (await running.http.get(urlsplit(made["request_uri"]).path)).status_code == 200
    assert (await running.http.get(urlsplit(made["request_uri"]).path)).status_code == 410


async def test_bad_answers_get_4xx_and_the_protocols_error(running: Running) -> None:
    await known(running, running.world.credential())
    said = await running.fetch(await running.ask())
    for form, error in (
        ("", "invalid_request"),
        (urlencode({"vp_token": "[]", "state": said["state"]}), "invalid_request"),
        (urlencode({"vp_token": "{}", "state": said["state"]}), "invalid_request"),
        (urlencode({"vp_token": '{"mikromerit":["x"]}', "state": "other"}), "invalid_request"),
        (urlencode({"vp_token": '{"mikromerit":["x"]}', "state": said["state"]}), "sd_jwt_malformed"),
        (urlencode({"response": "a.b.c.d.e", "state": said["state"]}), "invalid_request"),
    ):
        answer = await running.post(said, form)
        assert (answer.status_code, answer.json()["error"]) == (400, error), form
    unknown = await running.http.post(f"/responses/{uuid7()}", data={"state": "x"})
    assert unknown.status_code == 404
    assert (await running.http.get("/requests/not-a-uuid")).status_code == 404


async def test_requests_are_made_by_verifiers_and_read_by_their_own(running: Running) -> None:
    await known(running, running.world.credential())
    made = await running.ask()
    path = f"/v1/requests/{made['request_id']}"
    assert (await running.http.get(path)).status_code == 401
    assert (await running.http.get(path, headers=running.by("org:other"))).status_code == 404
    assert (await running.http.get(path, headers=running.by(role="creator"))).status_code == 403
    assert (await running.http.get(path, headers=running.by(role="relying_party"))).json() == {"state": "open"}
    bodies: list[dict[str, Any]] = [
        {},
        {"definition_id": "mm-01", "colour": 1},
        {"dcql_query": {"credentials": []}},
    ]
    for body in bodies:
        refused = await running.http.post("/v1/requests", json=body, headers=running.by())
        assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    unknown = await running.http.post("/v1/requests", json={"definition_id": "nowhere"}, headers=running.by())
    assert unknown.status_code == 404


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    ("other", "code"),
    [(nested(400), "invalid_dcql_query"), ("\0", "invalid_request")],
    ids=["nested too deep", "NUL"],
)
async def test_a_query_that_cannot_be_kept_is_refused_as_such(running: Running, other: Any, code: str) -> None:
    body = {
        "dcql_query": {
            "credentials": [{"id": "a", "format": "dc+sd-jwt", "meta": {"vct_values": ["vct"], "other": other}}]
        }
    }
    refused = await running.http.post("/v1/requests", json=body, headers=running.by())
    assert (refused.status_code, refused.json()["code"]) == (400, code)


async def test_anyone_may_paste_a_credential(running: Running) -> None:
    credential = running.world.credential()
    await known(running, credential)
    verdict = (await running.http.post("/v1/verify", json={"credential": credential})).json()
    assert verdict["outcome"] == "verified"
    assert verdict["credentials"][0]["definition"] == "urn:mikromerit:demo:mm-01"
    broken = (await running.http.post("/v1/verify", json={"credential": credential[:-3]})).json()
    assert broken["outcome"] == "refused"
    assert (await running.http.post("/v1/verify", json={"credential": ""})).status_code == 400
    several = {"credential": credential, "credentials": [credential]}
    bodies: list[dict[str, Any]] = [{}, {"credentials": []}, {"credentials": ["x"] * 51}, several]
    for body in bodies:
        assert (await running.http.post("/v1/verify", json=body)).status_code == 400


async def test_an_award_is_asked_for_with_what_it_rests_on(running: Running) -> None:
    world = running.world
    merit = world.credential()
    part = {"definition": "urn:mikromerit:demo:mm-01", "digests": [judgement.read(merit).digest]}
    own = {"definition": "urn:path-01", "has_part": [part], "status": status.Reference(STATUS_URI, 8).claim()}
    award = world.credential(lambda claims: claims.update(own))
    path = published_path({"credential": "mm-01"})
    await running.said.say([path, issued(world.issuer.kid, judgement.read(award).digest, "path-01", "d")])
    await known(running, merit)
    made = await running.ask({"definition_id": "path-01", "deep": True})
    said = await running.fetch(made)
    ids = [entry["id"] for entry in said["dcql_query"]["credentials"]]
    kb = sdjwt.KeyBinding(said["client_id"], said["nonce"], world.clock(), world.holder)
    shown = [[sdjwt.present(award, [("has_part", None)], kb=kb)], [sdjwt.present(merit, [], kb=kb)]]
    answer = await running.post(said, oid4vp.vp_token_form(dict(zip(ids, shown, strict=True)), said["state"]))
    assert (answer.status_code, answer.json()) == (200, {})
    verdict = (await running.read(made))["verdict"]
    assert (verdict["outcome"], [stack["outcome"] for stack in verdict["stacks"]]) == ("verified", ["satisfied"])
    pasted = (await running.http.post("/v1/verify", json={"credentials": [award, merit]})).json()
    assert (pasted["outcome"], pasted["stacks"]) == ("verified", verdict["stacks"])
    bodies: list[dict[str, Any]] = [{"deep": True, "dcql_query": {"credentials": []}}, {"deep": True}]
    for body in bodies:
        assert (await running.http.post("/v1/requests", json=body, headers=running.by())).status_code == 400
    merit_deep = {"definition_id": "mm-01", "deep": True}
    assert (await running.http.post("/v1/requests", json=merit_deep, headers=running.by())).status_code == 404
