"""A published status list over HTTP: TSL-1 to TSL-7 of the checklist. Source: Token Status List, sections 4 to 8."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import httpx2
import pytest
from cryptography import x509

from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import uuid7
from tests.integration.parties import Parties, check_problem
from tests.integration.statuses import MEDIA_TYPE, fetched, token_of, values_of
from tests.integration.stranger import TEXTIL, Held, Stranger, chain_of, check_chain, json_of


@pytest.fixture(scope="module")
def held(parties: Parties) -> Held:
    """Return a credential on a list in which nothing else happens."""
    return Stranger(parties, TEXTIL).received()


@pytest.fixture(scope="module")
def uri(held: Held) -> str:
    return str(held.status["uri"])


def raw(kommun: Stranger, method: str, uri: str, **headers: str) -> tuple[httpx2.Response, bytes]:
    """Return the answer and its bytes as they were sent, still encoded."""
    with kommun.parties.http.stream(method, uri, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


def of_one_token(
    get: Callable[[], httpx2.Response], then: Callable[[str], httpx2.Response]
) -> tuple[httpx2.Response, httpx2.Response]:
    """Return two answers, the second to who knows the first one's entity tag.

    Both are asked for once more if it changed between them: a list that rests is signed anew, in fewer bytes, once.
    """
    for _ in range(2):
        first = get()
        second = then(first.headers["etag"])
        if second.headers["etag"] == first.headers["etag"]:
            break
    return first, second


@pytest.mark.parametrize("name", ["x", "0", "../status", "01a1fdd3", "%20"])
def test_tsl_5_a_list_that_does_not_exist_is_not_found(kommun: Stranger, name: str) -> None:
    check_problem(kommun.parties.ask("get", "registry", f"/status/list/{name}"), 404)
    check_problem(kommun.parties.ask("get", "registry", f"/status/{name}-"), 404)
    check_problem(kommun.parties.ask("get", "registry", f"/status/{uuid7()}"), 404)


@pytest.mark.parametrize(
    "accept",
    [
        "application/statuslist+cwt",
        "application/json",
        "text/html",
        "application/statuslist+jwt;q=0",
        "*/*;q=0",
        "application/statuslist+jwt;q=0, */*",
    ],
)
def test_tsl_5_a_form_that_does_not_exist_is_406(kommun: Stranger, uri: str, accept: str) -> None:
    answer = kommun.parties.http.get(uri, headers={"Accept": accept})
    check_problem(answer, 406)
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("time", ["0", "1686925000", "x", ""])
def test_tsl_5_a_historical_list_is_501(kommun: Stranger, uri: str, time: str) -> None:
    check_problem(kommun.parties.http.get(f"{uri}?time={time}"), 501)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_tsl_5_a_list_is_only_read(kommun: Stranger, uri: str, method: str) -> None:
    answer = kommun.parties.http.request(method, uri)
    check_problem(answer, 405)
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "accept",
    [
        MEDIA_TYPE,
        MEDIA_TYPE.upper(),
        "*/*",
        "application/*",
        "application/statuslist+cwt, application/statuslist+jwt;q=0.1",
        "text/html,*/*;q=0.8",
    ],
)
def test_tsl_5_the_token_is_raw_and_has_its_media_type(kommun: Stranger, uri: str, accept: str) -> None:
    answer = kommun.parties.http.get(uri, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    assert answer.text.count(".") == 2
    assert answer.text == answer.text.strip()


def test_tsl_2_tsl_9_trap_6_the_header_has_type_and_chain(kommun: Stranger, uri: str, root: x509.Certificate) -> None:
    header = json_of(fetched(kommun.parties, uri).text.split(".")[0])
    assert set(header) <= {"alg", "typ", "kid", "x5c"}
    assert (header["typ"], header["alg"]) == ("statuslist+jwt", "ES256")
    check_chain(chain_of(header), root)


def test_tsl_2_the_payload_names_its_own_address_and_its_times(kommun: Stranger, held: Held) -> None:
    payload, now = token_of(kommun.parties, held), system_clock().timestamp()
    assert set(payload) == {"sub", "iat", "exp", "ttl", "status_list"}
    assert payload["sub"] == held.status["uri"]
    assert all(type(payload[name]) is int for name in ("iat", "exp", "ttl"))
    assert payload["iat"] <= now + 1
    assert payload["exp"] > now + payload["ttl"] > now


def test_tsl_1_the_list_is_zlib_without_padding_and_big_enough(kommun: Stranger, held: Held) -> None:
    status_list = token_of(kommun.parties, held)["status_list"]
    assert set(status_list) == {"bits", "lst", "aggregation_uri"}
    assert status_list["bits"] == 2
    assert not set("=+/") & set(status_list["lst"])
    size = len(values_of(status_list)) * 8 // status_list["bits"]
    assert held.status["idx"] < size
    assert size >= 2**17


def test_tsl_5_the_same_token_comes_plain_and_zipped(kommun: Stranger, uri: str) -> None:
    plain, plain_bytes = raw(kommun, "GET", uri, **{"Accept-Encoding": "identity"})
    zipped, zipped_bytes = raw(kommun, "GET", uri, **{"Accept-Encoding": "gzip"})
    refused, _ = raw(kommun, "GET", uri, **{"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped_bytes).split(b".")[0] == plain_bytes.split(b".")[0]
    assert "Accept-Encoding" in plain.headers["vary"]
    assert plain.headers["etag"] != zipped.headers["etag"]


def test_tsl_5_head_says_what_get_says_without_a_body(kommun: Stranger, uri: str) -> None:
    headers = {"Accept-Encoding": "identity", "Accept": MEDIA_TYPE}
    http = kommun.parties.http
    got, head = of_one_token(lambda: http.get(uri, headers=headers), lambda _: http.head(uri, headers=headers))
    assert head.content == b""
    for name in ("content-type", "content-length", "cache-control", "vary", "access-control-allow-origin"):
        assert head.headers[name] == got.headers[name], name
    check = http.head(f"{uri}?time=1")
    assert check.status_code == 501


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_tsl_5_who_has_the_bytes_gets_304(kommun: Stranger, uri: str, form: str) -> None:
    got, answer = of_one_token(
        lambda: fetched(kommun.parties, uri),
        lambda etag: fetched(kommun.parties, uri, **{"If-None-Match": form.format(etag)}),
    )
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == got.headers["etag"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert fetched(kommun.parties, uri, **{"If-None-Match": '"another"'}).status_code == 200


def test_tsl_5_tsl_7_browsers_may_read_and_keep_it_for_its_ttl(kommun: Stranger, held: Held) -> None:
    answer = fetched(kommun.parties, held.status["uri"], Origin="https://verifier.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    ttl = token_of(kommun.parties, held)["ttl"]
    directives = dict(part.strip().partition("=")[::2] for part in answer.headers["cache-control"].split(","))
    assert int(directives["max-age"]) <= ttl


def test_tsl_6_the_aggregation_has_every_list(kommun: Stranger, held: Held) -> None:
    address = token_of(kommun.parties, held)["status_list"]["aggregation_uri"]
    answer = kommun.parties.http.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert set(answer.json()) == {"status_lists"}
    assert held.status["uri"] in answer.json()["status_lists"]
    assert len(set(answer.json()["status_lists"])) == len(answer.json()["status_lists"])
