"""Calls to others, kept on a short leash: https, public addresses, no redirects, a time limit, a size limit."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.web.settings import is_loopback
from kompetenspass.web.telemetry import current_traceparent

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) to its addresses; raises OSError."""

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back, whatever its status: `body` is at most the caller's limit. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON. Raises Problem `upstream_answer_invalid`."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise _invalid_answer("The other side did not answer with JSON.") from error


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of `host` as the system resolves it. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Outbound:
    """The one HTTP client of a service. It connects to the very address it checked, so that a second lookup of the
    name cannot lead elsewhere. It keeps no cookie: one set for one learner would be sent along for the next."""

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        private_hosts: Sequence[str] = (),
        transport: httpx2.AsyncBaseTransport | None = None,
        resolver: Resolve = resolve,
        ca_file: Path | None = None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._ca_file = ca_file
        self._private_hosts = frozenset(private_hosts)
        self._transport = transport
        self._resolve = resolver
        self._client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool. Raises OSError for a `ca_file` that cannot be read."""
        trust = ssl.create_default_context()
        if self._ca_file:
            trust.load_verify_locations(self._ca_file)
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        self._client = httpx2.AsyncClient(
            transport=self._transport, verify=trust, follow_redirects=False, trust_env=False, cookies=no_cookies
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close the connection pool."""
        if self._client:
            await self._client.aclose()
            self._client = None

    async def check(self, url: str) -> None:
        """Return if the address may be called now. Raises Problem `address_refused`, `upstream_unavailable`."""
        host, port = self._checked(url)
        try:
            await self._addresses(host, port)
        except OSError as error:
            raise _unreachable(type(error).__name__) from error

    async def get(
        self, url: str, *, accept: str = "application/json", max_bytes: int = 65536, timeout_seconds: float = 5
    ) -> Fetched:
        """Return the answer of a GET. Raises Problem `upstream_unavailable`, `upstream_answer_invalid`,
        `address_refused`."""
        return await self._send("GET", url, {"Accept": accept}, None, max_bytes, timeout_seconds)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 262144,
        timeout_seconds: float = 10,
    ) -> Fetched:
        """Return the answer of a POST of bytes. Raises as `get` does."""
        sent = {"Accept": "application/json", **(headers or {}), "Content-Type": content_type}
        return await self._send("POST", url, sent, body, max_bytes, timeout_seconds)

    async def post_form(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 262144,
        timeout_seconds: float = 10,
    ) -> Fetched:
        """Return the answer of a POST of form fields. Raises as `get` does."""
        body = str(httpx2.QueryParams(dict(fields))).encode()
        return await self.post(
            url, body, content_type=_FORM, headers=headers, max_bytes=max_bytes, timeout_seconds=timeout_seconds
        )

    async def post_json(
        self,
        url: str,
        value: object,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 262144,
        timeout_seconds: float = 10,
    ) -> Fetched:
        """Return the answer of a POST of `value` as JSON. Raises as `get` does."""
        body = json.dumps(value).encode()
        return await self.post(
            url, body, content_type=_JSON, headers=headers, max_bytes=max_bytes, timeout_seconds=timeout_seconds
        )

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_bytes: int,
        timeout_seconds: float,
    ) -> Fetched:
        host, port = self._checked(url)
        try:
            async with asyncio.timeout(timeout_seconds):
                for address in await self._addresses(host, port):
                    with contextlib.suppress(httpx2.ConnectError):
                        return await self._send_to(address, host, method, url, headers, body, max_bytes)
                raise OSError("no address answers")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            raise _unreachable(type(error).__name__) from error

    async def _send_to(
        self,
        address: str,
        host: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_bytes: int,
    ) -> Fetched:
        assert self._client, "entered first"
        named = httpx2.URL(url)
        sent = {**headers, "Host": named.netloc.decode("ascii"), "Accept-Encoding": "gzip"}
        if traceparent := current_traceparent():
            sent["traceparent"] = traceparent
        request = self._client.build_request(
            method, named.copy_with(host=address), headers=sent, content=body, extensions={"sni_hostname": host}
        )
        answer = await self._client.send(request, stream=True)
        try:
            return await _read(answer, max_bytes)
        finally:
            await answer.aclose()

    def _checked(self, url: str) -> tuple[str, int]:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise _refused("The address is not a URL.") from error
        plain = parts.scheme == "http" and self._allow_loopback and is_loopback(host)
        if not host or parts.username is not None or (parts.scheme != "https" and not plain):
            raise _refused("Only https addresses without user information are called.")
        return host, port or (443 if parts.scheme == "https" else 80)

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._resolve(host, port)
        if host not in self._private_hosts:
            for address in addresses:
                self._check_address(host, address)
        return addresses

    def _check_address(self, host: str, address: str) -> None:
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_loopback and self._allow_loopback and is_loopback(host):
            return
        if not ip.is_global or ip.is_multicast:
            raise _refused("The address is not on the public network.")


async def _read(answer: httpx2.Response, max_bytes: int) -> Fetched:
    if 300 <= answer.status_code < 400 and answer.status_code != 304:
        raise _invalid_answer("The other side redirects, which is not followed.")
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise _invalid_answer("The answer is larger than is accepted.")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Fetched(answer.status_code, headers, bytes(body))


def _refused(title: str) -> Problem:
    return Problem("address_refused", title, remedy="Use a public https address.")


def _unreachable(detail: str) -> Problem:
    return Problem(
        "upstream_unavailable",
        "The other side cannot be reached.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again later.",
        detail=detail,
    )


def _invalid_answer(title: str) -> Problem:
    return Problem("upstream_answer_invalid", title, kind=Kind.UNAVAILABLE, remedy="Try again, or ask its operator.")
