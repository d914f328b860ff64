"""The whole catalog on a database of its own, spoken to over HTTP in process; the registry is its log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events import registry
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Append, Stored
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.openid.mikromerit import type_metadata
from kompetenspass.testing.postgres import Database
from services.catalog import cli
from services.catalog.app import assemble, create_app
from services.catalog.settings import Settings
from services.catalog.tests.conftest import OWNER, ROLES

BASE, TOKENS = "https://catalog.example", "https://tokens.example"
START = system_clock() - timedelta(days=1)


class Running:
    """A running catalog and a client for it."""

    def __init__(self, http: httpx2.AsyncClient, tokens: DevelopmentTokenIssuer, heard: int) -> None:
        self.http = http
        self.tokens = tokens
        self.wait = {"Wait-For": f"registry={heard}"}

    def by(self, org: str = OWNER, role: str = "creator") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.mint(org, [role], 'client')}"}

    async def post(self, path: str, body: Any = None, *, org: str = OWNER, role: str = "creator") -> httpx2.Response:
        answer = await self.http.post(path, json=body, headers=self.by(org, role))
        if position := answer.headers.get("Log-Position"):
            self.wait = {"Wait-For": position}
        return answer

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(path, headers=self.wait | headers)

    async def publish(self, content: dict[str, Any]) -> None:
        for path, body in (
            ("", {"content": content}),
            (f"/{content['id']}/submit", None),
            (f"/{content['id']}/publish", None),
        ):
            answer = await self.post(f"/v1/definitions{path}", body)
            assert answer.status_code in (200, 201), answer.text


async def register_organisations(log: PostgresLog) -> int:
    position = 0
    for org, roles in ROLES.items():
        events: list[Event] = [
            registry.OrganisationRegistered(
                org_id=org,
                legal_name={"sv": org, "en": org},
                slug=org.removeprefix("org:"),
                registration_no="1",
                country="SE",
            ),
            *(
                registry.RoleGranted(org_id=org, role=role, mandate_ref="M", granted_by="org:rise", valid_from=START)
                for role in sorted(roles)
            ),
        ]
        context = Context(SYSTEM, system_clock(), "test")
        answer = await log.append(Append(org, 0, [seal(uuid7(), event, context) for event in events]))
        assert isinstance(answer, Stored)
        position = answer.position
    return position


@pytest.fixture
def tokens(tmp_path: Path) -> DevelopmentTokenIssuer:
    return DevelopmentTokenIssuer(tmp_path, TOKENS)


@pytest.fixture
def settings(database: Database, tmp_path: Path, tokens: DevelopmentTokenIssuer) -> Settings:
    return Settings(
        base_url=BASE,
        database_dsn=database.dsn("catalog"),
        feed_dsns={"registry": database.dsn("log_reader")},
        token_issuers={TOKENS: str(tokens.jwks_path)},
        state_dir=tmp_path,
    )


@pytest.fixture
async def heard(database: Database) -> AsyncIterator[int]:
    """The position at which the registry has told of all organisations."""
    registry_log = PostgresLog("registry", database.dsn("registry"))
    await registry_log.start()
    try:
        yield await register_organisations(registry_log)
    finally:
        await registry_log.stop()


@pytest.fixture
async def running(settings: Settings, tokens: DevelopmentTokenIssuer, heard: int) -> AsyncIterator[Running]:
    app = create_app(settings)
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)
    async with app.router.lifespan_context(app), http:
        running = Running(http, tokens, heard)
        assert (await running.get("/v1/definitions")).status_code == 200
        yield running


async def test_an_import_beside_the_running_service_is_seen_by_it(
    running: Running, settings: Settings, good: dict[str, Any], good_pathway: dict[str, Any], tmp_path: Path
) -> None:
    content = {
        "schema": "mikromerit-demo/1",
        "definitions": [good | {"status": "published"}],
        "pathways": [good_pathway | {"status": "published"}],
    }
    (tmp_path / "pilot.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    parts = assemble(settings)
    async with parts.runtime:
        done = await cli.import_all(parts, cli.read_files(tmp_path / "pilot.yaml"), lambda _done: None)
    assert [entry.result for entry in done] == ["published", "published"]
    running.wait = {"Wait-For": f"catalog={done[-1].position}"}
    assert (await running.get("/v1/definitions/mm-01")).json()["content"] == good
    assert (await running.get("/v1/pathways/path-01")).json()["content"] == good_pathway


async def test_a_definition_is_drafted_reviewed_published_and_read(running: Running, good: dict[str, Any]) -> None:
    await running.publish(good)
    one = await running.get("/v1/definitions/mm-01")
    assert (one.json()["status"], one.json()["content"]) == ("published", good)
    digest = one.json()["content_digest"]
    assert one.json()["versions"] == [{"version": 1, "status": "published", "content_digest": digest}]
    version = await running.get(f"/v1/definitions/mm-01/versions/{digest}")
    assert version.json()["content"] == good
    again = await running.get("/v1/definitions/mm-01", **{"If-None-Match": one.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_lists_are_filtered_and_paged(running: Running, good: dict[str, Any]) -> None:
    for number in range(1, 4):
        await running.publish(good | {"id": f"mm-0{number}", "title": {"sv": f"Titel {number}", "en": "100% done"}})
    first = await running.get("/v1/definitions?limit=2&status=published")
    assert [item["definition_id"] for item in first.json()["items"]] == ["mm-01", "mm-02"]
    link = first.headers["Link"]
    assert link.endswith('; rel="next"')
    second = await running.get(link[1:].split(">")[0].removeprefix(BASE))
    assert [item["definition_id"] for item in second.json()["items"]] == ["mm-03"]
    assert "Link" not in second.headers
    for query, count in (
        ("q=TITEL 2", 1),
        ("q=100%25", 3),
        ("q=1%25d", 0),
        ("field=0231", 3),
        ("field=0999", 0),
        (f"owner={OWNER}", 3),
        ("owner=org:other", 0),
        ("status=draft", 0),
    ):
        assert len((await running.get(f"/v1/definitions?{query}")).json()["items"]) == count, query
    assert (await running.get("/v1/definitions?after=x")).status_code == 400
    assert (await running.get("/v1/definitions?limit=0")).status_code in (400, 422)


async def test_a_draft_is_seen_by_its_owner_alone(running: Running, good: dict[str, Any]) -> None:
    await running.post("/v1/definitions", {"content": good})
    assert (await running.get("/v1/definitions/mm-01")).status_code == 404
    assert (await running.get("/v1/definitions/mm-01", **running.by("org:other"))).status_code == 404
    assert (await running.get("/v1/definitions/mm-01", **running.by())).json()["status"] == "draft"
    listed = await running.get("/v1/definitions?status=draft", **running.by())
    assert [item["definition_id"] for item in listed.json()["items"]] == ["mm-01"]


async def test_commands_ask_for_role_and_ownership(running: Running, good: dict[str, Any]) -> None:
    assert (await running.http.post("/v1/definitions", json={"content": good})).status_code == 401
    assert (await running.post("/v1/definitions", {"content": good}, role="provider")).status_code == 403
    assert (await running.post("/v1/definitions", {"content": good}, org="org:other")).status_code == 403
    await running.post("/v1/definitions", {"content": good})
    other = await running.post("/v1/definitions/mm-01/submit", org="org:other")
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    unknown = await running.post("/v1/definitions", {"content": good, "colour": "red"})
    assert (unknown.status_code, unknown.headers["content-type"]) == (400, "application/problem+json")


async def test_a_refusal_names_every_reason(running: Running, good: dict[str, Any]) -> None:
    good["assessment"]["pass_rule"]["value"] = 0
    good["provider"] = "org:nobody"
    refused = await running.post("/v1/definitions", {"content": good})
    assert (refused.status_code, refused.json()["code"]) == (400, "definition_refused")
    assert [reason["path"] for reason in refused.json()["reasons"]] == ["assessment.pass_rule.value", "provider"]


async def test_a_definition_is_approved_retired_and_given_to_other_issuers(
    running: Running, good: dict[str, Any]
) -> None:
    await running.post("/v1/definitions", {"content": good})
    await running.post("/v1/definitions/mm-01/submit")
    decision = {"decision_ref": "D-1", "approved_on": "2026-09-01"}
    await running.post("/v1/definitions/mm-01/approve", decision, org="org:council", role="sector_body")
    await running.post("/v1/definitions/mm-01/publish")
    await running.post("/v1/definitions/mm-01/issuing-rights", {"issuer_org": "org:other"})
    await running.post("/v1/definitions/mm-01/issuing-rights/withdraw", {"issuer_org": "org:other"})
    retired = await running.post("/v1/definitions/mm-01/retire", {"last_issue_date": "2027-01-01"})
    assert retired.json()["status"] == "retired"
    one = (await running.get("/v1/definitions/mm-01")).json()
    assert (one["status"], one["last_issue_date"]) == ("retired", "2027-01-01")
    assert one["sector_approval"] == {"body": "org:council", "decision": "D-1", "approved_on": "2026-09-01"}
    (right,) = one["issuing_rights"]
    assert (right["issuer_org"], right["valid_to"] is None) == ("org:other", False)


async def test_a_new_version_becomes_current_and_the_old_one_stays_readable(
    running: Running, good: dict[str, Any]
) -> None:
    await running.publish(good)
    old = (await running.get("/v1/definitions/mm-01")).json()["content_digest"]
    await running.publish(good | {"version": 2, "stackable": False})
    one = (await running.get("/v1/definitions/mm-01")).json()
    assert (one["version"], len(one["versions"])) == (2, 2)
    assert (await running.get(f"/v1/definitions/mm-01/versions/{old}")).json()["version"] == 1
    assert len((await running.get("/v1/definitions")).json()["items"]) == 1


async def test_a_pathway_is_published_and_read(
    running: Running, good: dict[str, Any], good_pathway: dict[str, Any]
) -> None:
    await running.publish(good)
    for path, body in (("", {"content": good_pathway}), ("/path-01/submit", None), ("/path-01/publish", None)):
        assert (await running.post(f"/v1/pathways{path}", body)).status_code in (200, 201)
    one = (await running.get("/v1/pathways/path-01")).json()
    assert (one["status"], one["content"]) == ("published", good_pathway)
    assert len(one["rule_digest"]) == 43
    listed = (await running.get("/v1/pathways?q=pathway")).json()["items"]
    assert [item["pathway_id"] for item in listed] == ["path-01"]


async def test_a_pathway_is_explained_to_anyone_once_it_is_published(
    running: Running, good: dict[str, Any], good_pathway: dict[str, Any]
) -> None:
    await running.publish(good)
    good_pathway["rule"]["all_of"][0]["issued_by"] = [OWNER]
    await running.post("/v1/pathways", {"content": good_pathway})
    path = "/v1/pathways/path-01/explanation"
    assert (await running.get(path)).status_code == 404
    assert (await running.get(path, **running.by())).json()["status"] == "draft"
    for step in ("submit", "publish"):
        await running.post(f"/v1/pathways/path-01/{step}")
    told = await running.get(path)
    assert (told.json()["title"], told.json()["language"]) == ("Pathway på svenska", "sv")
    assert told.json()["sentences"][:2] == [
        {"depth": 0, "text": "Detta:"},
        {"depth": 1, "text": f"Mikromeriten Title på svenska, utfärdad av {OWNER}, giltig just nu"},
    ]
    version = f"/v1/pathways/path-01/versions/{told.json()['content_digest']}/explanation"
    english = (await running.get(f"{version}?lang=en")).json()
    text = f"The micro-credential Title in English, issued by {OWNER}, valid now"
    assert english["sentences"][1] == {"depth": 1, "text": text}
    assert (await running.get(path, **{"If-None-Match": told.headers["ETag"]})).status_code == 304
    assert (await running.get(f"{path}?lang=fi")).status_code in (400, 422)
    assert (await running.get(f"{version.replace('/versions/', '/versions/x')}")).status_code == 404


async def test_the_type_metadata_is_served_byte_for_byte(running: Running) -> None:
    served = await running.get("/vct/mikromerit/1")
    assert served.content == type_metadata(BASE)
    assert served.headers["content-type"] == "application/json"
    again = await running.get("/vct/mikromerit/1", **{"If-None-Match": served.headers["ETag"]})
    assert again.status_code == 304
