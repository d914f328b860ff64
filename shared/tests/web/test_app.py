"""The web edge: errors, headers, limits, traces, health."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.web.errors import Refusals

GOOD = {"colour": "blue", "coats": 2}
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_problem_becomes_problem_json_with_its_code_and_members(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/gone", headers={"traceparent": TRACEPARENT})
    assert answer.status_code == 410
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:kompetenspass:problem:over",
        "title": "It is over.",
        "status": 410,
        "code": "over",
        "remedy": "Ask again.",
        "since": "noon",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }


async def test_a_bug_answers_500_and_says_nothing_about_itself(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/broken")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["trace_id"]
    assert "4711" not in answer.text


async def test_a_command_answers_with_position_and_hands_trace_and_actor_on(
    client: httpx2.AsyncClient, mint: Any
) -> None:
    headers = {"Authorization": f"Bearer {mint()}", "traceparent": TRACEPARENT}
    answer = await client.post("/v1/paint", json=GOOD, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["log-position"] == "trial=17"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["org"] == "org:a"
    assert answer.json()["traceparent"].split("-")[1] == TRACEPARENT.split("-")[1]


async def test_a_wrong_body_names_each_place_and_never_what_was_sent(client: httpx2.AsyncClient, mint: Any) -> None:
    body = {"colour": "blue", "coats": "19790102-1234", "gloss": True}
    answer = await client.post("/v1/paint", json=body, headers={"Authorization": f"Bearer {mint()}"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert {wrong["place"] for wrong in answer.json()["errors"]} == {"body.coats", "body.gloss"}
    assert "19790102" not in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/v1/paint", 405)])
async def test_an_unknown_path_or_method_is_problem_json_too(
    client: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_over_the_limit_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/paint", content=b"x" * 1001)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


async def test_a_body_over_the_limit_without_a_length_is_refused(client: httpx2.AsyncClient) -> None:
    async def endless() -> Any:
        for _ in range(20):
            yield b"x" * 100

    answer = await client.post("/v1/paint", content=endless())
    assert answer.status_code == 413


async def test_a_protocol_error_is_the_oauth_object_in_plain_ascii(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/token")
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "The 'code' is ?verspelad/. Ask anew."}
    assert answer.headers["cache-control"] == "no-store"


async def test_every_answer_carries_the_security_headers_and_a_request_id(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"X-Request-ID": "abc-1"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["strict-transport-security"]
    assert answer.headers["x-request-id"] == "abc-1"


async def test_an_unsafe_request_id_is_replaced(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"X-Request-ID": 'a"b'})
    assert answer.headers["x-request-id"] != 'a"b'


async def test_wait_for_what_is_known_answers_and_for_what_is_not_refuses(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/livez", headers={"Wait-For": "trial=5"})).status_code == 200
    late = await client.get("/livez", headers={"Wait-For": "trial=6"})
    assert (late.status_code, late.json()["code"]) == (503, "not_caught_up")
    assert (await client.get("/livez", headers={"Wait-For": "trial"})).status_code == 400


async def test_a_command_waits_as_well(client: httpx2.AsyncClient, mint: Any) -> None:
    headers = {"Authorization": f"Bearer {mint()}"}
    late = await client.post("/v1/paint", json=GOOD, headers=headers | {"Wait-For": "trial=6"})
    assert (late.status_code, late.json()["code"]) == (503, "not_caught_up")
    done = await client.post("/v1/paint", json=GOOD, headers=headers | {"Wait-For": "trial=5"})
    assert (done.status_code, done.json()["colour"]) == (200, "blue")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/gone/"), ("POST", "/v1/paint/"), ("POST", "/token/")])
async def test_vci_7_a_trailing_slash_is_another_path(client: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_process_that_only_projects_serves_nothing_but_its_health(projecting: httpx2.AsyncClient) -> None:
    statuses = [(await projecting.get(path)).status_code for path in ("/livez", "/readyz", "/v1/gone")]
    assert statuses == [200, 200, 404]
    assert (await projecting.post("/token")).status_code == 404


async def test_readyz_shows_the_lag_of_each_cursor_and_why_it_is_not_ready(
    client: httpx2.AsyncClient, runtime: Any
) -> None:
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["cursors"][0]["lag"]) == (200, 2)
    runtime.reasons = ("catching_up",)
    late = await client.get("/readyz")
    assert (late.status_code, late.json()["reasons"]) == (503, ["catching_up"])


def test_below_protocol_paths_every_refusal_is_the_protocols_error_object() -> None:
    refusals = Refusals(("/issuers/",))
    bug, conflict = refusals.of_a_bug("/issuers/a/token"), Problem("over", "It is over.", kind=Kind.CONFLICT)
    assert (bug.status_code, json.loads(bytes(bug.body))["error"]) == (500, "internal_error")
    assert refusals.of("/issuers/a/token", conflict).status_code == 409
    assert refusals.of("/v1/a", conflict).media_type == "application/problem+json"
