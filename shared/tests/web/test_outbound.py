"""The outbound client: where it goes, where it does not, and when it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import httpx2
import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.testing.waiting import PATIENCE_SECONDS
from kompetenspass.web.outbound import Outbound

PUBLIC = "93.184.215.14"
Handler = Callable[[httpx2.Request], httpx2.Response]


async def client(handler: Handler, address: str = PUBLIC, **options: bool | tuple[str, ...]) -> AsyncIterator[Outbound]:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return [address]

    outbound = Outbound(transport=httpx2.MockTransport(handler), resolver=resolver, **options)  # type: ignore[arg-type]  # either option
    async with outbound:
        yield outbound


async def code_of(
    url: str,
    handler: Handler,
    address: str = PUBLIC,
    *,
    seconds: float = PATIENCE_SECONDS,
    **options: bool | tuple[str, ...],
) -> str:
    async for outbound in client(handler, address, **options):
        try:
            await outbound.get(url, max_bytes=10, timeout_seconds=seconds)
        except Problem as problem:
            return problem.code
    return "ok"


def fine(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, content=b"{}")


async def test_it_asks_under_the_name_it_was_given() -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(201, content=b'{"a":1}', headers={"X-A": "b"})

    async for outbound in client(handler):
        answer = await outbound.post_form("https://issuer.example:8443/token?x=1", {"code": "å b"})
    assert (answer.status, answer.json(), answer.headers["x-a"]) == (201, {"a": 1}, "b")
    assert str(seen[0].url) == "https://issuer.example:8443/token?x=1"
    assert seen[0].headers["host"] == "issuer.example:8443"
    assert seen[0].content == b"code=%C3%A5+b"


INNER = "10.0.0.1 127.0.0.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 ::1 fd00::1 fec0::1 fe80::1%eth0 ff0e::1"
IN_DISGUISE = "::ffff:10.0.0.1 64:ff9b::a00:1 64:ff9b:1::a00:1 2002:a00:1:: ::a00:1"


@pytest.mark.parametrize("address", f"{INNER} {IN_DISGUISE}".split())
async def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert await code_of("https://sneaky.example/", fine, address) == "address_refused"


@pytest.mark.parametrize(
    "url", ["http://issuer.example/", "ftp://x.example/", "https://a:b@x.example/", "file:///etc/passwd", "https://"]
)
async def test_anything_but_a_plain_https_address_is_refused(url: str) -> None:
    assert await code_of(url, fine) == "address_refused"


async def test_plain_http_to_this_machine_needs_the_setting() -> None:
    assert await code_of("http://localhost:8000/", fine, "127.0.0.1") == "address_refused"
    assert await code_of("http://localhost:8000/", fine, "127.0.0.1", allow_loopback=True) == "ok"
    assert await code_of("https://sneaky.example/", fine, "127.0.0.1", allow_loopback=True) == "address_refused"


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e"])
async def test_a_public_address_is_called_also_through_a_gateway_to_the_older_protocol(address: str) -> None:
    assert await code_of("https://issuer.example/", fine, address) == "ok"


async def test_a_name_that_no_host_can_have_reaches_nobody() -> None:
    async with Outbound() as outbound:
        with pytest.raises(Problem, match="upstream_unavailable"):
            await outbound.check(f"https://{'a' * 64}.example/")


async def test_an_answer_is_taken_as_it_is_where_only_its_status_counts() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 8
        yield b"y" * 8

    def handler(_request: httpx2.Request) -> httpx2.Response:
        packed = {"Content-Encoding": "gzip", "Location": "https://else.example/"}
        return httpx2.Response(302, content=chunks(), headers=packed)

    async for outbound in client(handler):
        answer = await outbound.post("https://x.example/", b"{}", content_type="a/b", max_bytes=10, as_it_is=True)
        assert (answer.status, answer.body) == (302, b"xxxxxxxxyy")


async def test_a_named_private_host_is_allowed() -> None:
    assert await code_of("https://registry.internal/", fine, "10.0.0.1", private_hosts=("registry.internal",)) == "ok"


async def test_a_stranger_who_names_a_private_host_is_refused() -> None:
    url = "https://Registry.internal/audit"
    async for outbound in client(fine, "10.0.0.1", private_hosts=("registry.internal",)):
        assert (await outbound.post(url, b"", content_type="a/b")).status == 200
        with pytest.raises(Problem, match="address_refused"):
            await outbound.check(url)
        with pytest.raises(Problem, match="address_refused"):
            await outbound.post(url, b"", content_type="a/b", as_it_is=True)


async def test_only_the_whole_call_has_a_limit_but_for_an_address_that_is_silent() -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200)

    async for outbound in client(handler):
        await outbound.post("https://slow.example/", b"", content_type="a/b", timeout_seconds=20)
    assert seen[0].extensions["timeout"] == {"connect": 5, "read": None, "write": None, "pool": None}


async def test_a_redirect_is_not_followed() -> None:
    def handler(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(302, headers={"Location": "https://else.example/"})

    assert await code_of("https://issuer.example/", handler) == "upstream_answer_invalid"


async def test_an_answer_over_the_limit_is_refused() -> None:
    def handler(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=b"x" * 11)

    assert await code_of("https://issuer.example/", handler) == "upstream_answer_invalid"


async def test_silence_ends_with_the_time_limit() -> None:
    async def handler(_request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    code = await code_of("https://issuer.example/", handler, seconds=0.05)  # type: ignore[arg-type]  # MockTransport takes both
    assert code == "upstream_unavailable"
