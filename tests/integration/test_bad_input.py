"""Bad input at every command: refused with a code and a remedy, never a 500, and nothing half-written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kompetenspass.core.ids import uuid7
from services.laptop.five import FOLLOWS
from tests.integration.parties import (
    AWARDING_BODY,
    COMMANDS,
    DEFINITION,
    SCHEME_OWNER,
    Operation,
    Parties,
    check_problem,
    deeds,
)
from tests.integration.stranger import eventually

ROLES = ("scheme_owner", "creator", "sector_body", "provider", "awarding_body", "issuer", "verifier", "learner")
JSON = {"Content-Type": "application/json"}
PLACES = {
    "org_id": AWARDING_BODY, "role": "observer", "assessor_ref": "assessor:x", "kid": "k", "id_": "sko-ys-10",
    "pathway_id": "sko-path-yrkessvenska", "learner_ref": "nobody",
}  # fmt: skip
TOO_LARGE = b'{"a": "' + b"x" * 300_000 + b'"}'
DEEP = b"[" * 20_000
ISSUER = "/issuers/skelleftea-kommun"


@pytest.fixture(scope="module")
def commands(parties: Parties) -> list[Operation]:
    return [operation for operation in parties.operations() if operation.method in COMMANDS]


Tokens = Callable[[Operation], str]


@pytest.fixture(scope="module")
def token(parties: Parties) -> Tokens:
    """Who may do everything that its organisation may: the scheme owner for what is its alone."""
    account = str(uuid7())
    tokens = {org: parties.token(org, *ROLES, subject=account) for org in (AWARDING_BODY, SCHEME_OWNER)}

    def token_for(operation: Operation) -> str:
        its_alone = operation.path.startswith("/v1/organisations") and "/keys" not in operation.path
        return tokens[SCHEME_OWNER if its_alone else AWARDING_BODY]

    return token_for


@pytest.fixture
def nothing_written(parties: Parties) -> Iterator[None]:
    before = deeds(parties.platform)
    yield
    assert deeds(parties.platform) == before


def path_of(operation: Operation, **places: str) -> str:
    """Return a path: of the awarding body's things that are named, and of new ones that are not there."""
    ids = {name: str(uuid7()) for name in ("achievement_id", "offer_id", "credential_id", "request_id", "stack_id")}
    ids |= {"subscription_id": str(uuid7()), "name": "x"}
    return operation.path.format_map({**ids, **PLACES, **places})


def sent(parties: Parties, operation: Operation, token: Tokens, body: object, **places: str) -> Any:
    """Return the answer to a body: bytes as they are, all else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = path_of(operation, **places)
    return parties.ask(operation.method, operation.service, path, token(operation), content=content, headers=JSON)


@pytest.mark.usefixtures("nothing_written")
def test_a_body_that_is_no_command_is_refused(parties: Parties, commands: list[Operation], token: Tokens) -> None:
    for operation in commands:
        if operation.schema is None:
            continue
        for body in (b"{", b"\xff", DEEP, b"[]", b'"text"', b"1", {"no_such_member": 1}, {"\x00": 1}, {"\ud800": 1}):
            answer = sent(parties, operation, token, body)
            check_problem(answer, 400)
            assert answer.json()["code"] == "invalid_request", (operation.key, body)


@pytest.mark.usefixtures("nothing_written")
def test_another_content_type_and_a_body_that_is_too_large_are_refused(
    parties: Parties, commands: list[Operation], token: Tokens
) -> None:
    for operation in commands:
        check_problem(sent(parties, operation, token, TOO_LARGE), 413)
        if operation.schema is None or "anyOf" in operation.schema:
            continue
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            path = path_of(operation)
            headers = {"Content-Type": kind}
            answer = parties.ask(
                operation.method, operation.service, path, token(operation), content=b'{"a": 1}', headers=headers
            )
            check_problem(answer, 400, 415)


@pytest.mark.usefixtures("nothing_written")
def test_an_unknown_member_beside_the_right_ones_is_refused(
    parties: Parties, commands: list[Operation], token: Tokens
) -> None:
    for operation in commands:
        if operation.schema is None:
            continue
        assert "additionalProperties" in json.dumps(operation.schema), f"{operation.key} takes unknown members"
        members = dict.fromkeys(operation.schema.get("properties", {}))
        answer = sent(parties, operation, token, members | {"surname_of_nobody": "x"})
        check_problem(answer, 400)
        assert "surname_of_nobody" in answer.text, operation.key


@pytest.mark.usefixtures("nothing_written")
def test_an_identifier_that_is_none_is_refused(parties: Parties, token: Tokens) -> None:
    for operation in parties.operations():
        if "{" not in operation.path:
            continue
        names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
        for text in ("no-uuid", "%00", "%ff", "..%2f..", "x" * 3000, "' OR 1=1 --", "{x}"):
            path = (
                path_of(operation, digest="x", reference="x")
                if not names
                else operation.path.format_map(dict.fromkeys(names, text))
            )
            body: dict[str, Any] = {"json": {}} if operation.method in COMMANDS else {}
            answer = parties.ask(operation.method, operation.service, path, token(operation), **body)
            assert 400 <= answer.status_code < 500, (operation.key, text, answer.text)
            check_problem(answer)


@pytest.mark.parametrize("query", ["q=%00", "owner=%00", "limit=0", "limit=x", f"limit={10**30}", "after=%00"])
@pytest.mark.parametrize("path", ["catalog/v1/definitions", "catalog/v1/pathways", "registry/v1/organisations"])
def test_a_query_that_cannot_be_is_refused(parties: Parties, path: str, query: str) -> None:
    service, _, rest = path.partition("/")
    answer = parties.ask("get", service, f"/{rest}?{query}")
    if query.startswith(("q", "owner")) or "%00" not in query or answer.status_code != 200:
        check_problem(answer, 400)


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("endpoint", ["token", "credential", "notification", "nonce"])
def test_a_protocol_endpoint_answers_with_the_protocols_error(parties: Parties, endpoint: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for headers, body in (
        (form, b""), (form, b"grant_type=%00"), (form, b"grant_type=x&grant_type=y"), (form, b"\xff=\xff"),
        (JSON, b"{"), (JSON, DEEP), (JSON, b"[]"), (JSON, b'{"a":1,"a":2}'), (JSON, b'{"notification_id": "\\u0000"}'),
    ):  # fmt: skip
        for token in (None, "x", "\u00e9"):
            answer = parties.ask(
                "post", "issuance", f"{ISSUER}/{endpoint}", None, content=body, headers=headers | bearer(token)
            )
            if endpoint == "nonce":
                assert answer.status_code == 200
                continue
            assert answer.status_code in (400, 401), answer.text
            assert set(answer.json()) == {"error", "error_description"}, answer.text
            assert answer.headers["cache-control"] == "no-store"
    unknown = parties.ask("post", "issuance", f"/issuers/nobody/{endpoint}", content=b"")
    assert "error" in unknown.json()


def bearer(token: str | None) -> dict[str, Any]:
    return {} if token is None else {"Authorization": f"Bearer {token}".encode()}


def test_a_bad_answer_of_a_wallet_gets_the_protocols_error(parties: Parties) -> None:
    verifier = parties.token(AWARDING_BODY, "verifier")
    request = parties.must("verification", "/v1/requests", verifier, {"definition_id": DEFINITION})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for request_id, headers, body in (
        (request["request_id"], form, b""), (request["request_id"], form, b"vp_token=%00&state=x"),
        (request["request_id"], form, b"vp_token={}&state=x"), (request["request_id"], JSON, b"{}"),
        (str(uuid7()), form, b"vp_token={}"), ("no-uuid", form, b"vp_token={}"),
    ):  # fmt: skip
        answer = parties.ask("post", "verification", f"/responses/{request_id}", content=body, headers=headers)
        assert answer.status_code in (400, 404), answer.text
        assert set(answer.json()) == {"error", "error_description"}


def test_the_pasted_credential_may_be_anything(parties: Parties) -> None:
    for pasted in ("x", "a.b.c~", "~~~", "..~", "å" * 100, "a." * 5000):
        answer = parties.ask("post", "verification", "/v1/verify", json={"credential": pasted})
        assert (answer.status_code, answer.json()["outcome"]) == (200, "refused")


SETTINGS = settings(
    max_examples=50,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # a smaller body would cost requests, too
    suppress_health_check=list(HealthCheck),
)
MOMENTS = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00"]
TEXTS = ["", " ", "\x00", "a\x00b", "\ud800", "å" * 5000, "x" * 20_000, AWARDING_BODY, DEFINITION, "course", "issuer"]
NUMBERS = [0, -1, 2**31, 2**63, 10**40, 0.5, float("inf"), float("nan"), 1e308]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.sampled_from(TEXTS + MOMENTS) | st.sampled_from(NUMBERS) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def bodies_of(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return bodies that are nearly right: each member as its schema says, or anything at all."""
    if "anyOf" in schema:
        return st.one_of([bodies_of(each) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | ANYTHING
    match schema.get("type"):
        case "object" if "properties" in schema:
            members = {name: bodies_of(each) for name, each in schema["properties"].items()}
            required = {name: members.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional=members)
        case "array":
            return st.lists(bodies_of(schema.get("items", {})), max_size=3) | ANYTHING
        case "string" if schema.get("format") == "date-time":
            return st.sampled_from([*MOMENTS, "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
        case "string" if schema.get("format") == "date":
            return st.sampled_from(["0001-01-01", "9999-12-31", "2026-11-01", "x"])
        case "string":
            return st.sampled_from(TEXTS) | st.text(min_size=1, max_size=30)
        case "number" | "integer":
            return st.sampled_from(NUMBERS) | st.integers(0, 100)
        case _:
            return ANYTHING


def test_nearly_right_bodies_never_break_a_service_or_a_reader(
    parties: Parties, commands: list[Operation], token: Tokens
) -> None:
    described = [operation for operation in commands if operation.schema is not None]

    @SETTINGS
    @given(data=st.data())
    def fuzz(data: st.DataObject) -> None:
        for operation in described:
            assert operation.schema is not None
            answer = sent(parties, operation, token, data.draw(bodies_of(operation.schema)))
            unreachable = answer.status_code == 503 and answer.json()["code"] == "upstream_unavailable"
            assert answer.status_code < 500 or unreachable, (operation.key, answer.text)
            if answer.status_code >= 400:
                check_problem(answer)

    fuzz()
    for service in parties.urls:
        assert eventually(partial(all_is_read, parties, service)), service


def all_is_read(parties: Parties, service: str) -> bool:
    """Return whether a service that has read every log is ready and has parked nothing."""
    for owner in FOLLOWS[service]:
        parties.reached(service, f"{owner}={len(asyncio.run(parties.platform.log_of(owner)))}")
    body = parties.ask("get", service, "/readyz").json()
    return (body["status"], body["parked"]) == ("ready", 0)
