"""Calls to others, kept on a short leash: https, public addresses, no redirects, a time limit, a size limit."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.web.connections import Checked, Connecting, Resolve, is_public, resolve
from kompetenspass.web.settings import is_loopback
from kompetenspass.web.telemetry import current_traceparent

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_TIMEOUT = httpx2.Timeout(None, connect=5)  # of an address; a whole call has the limit of its own


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


class Outbound:
    """The one HTTP client of a service. It keeps no cookie: one set for one learner would be sent along for the next.

    A connection goes to the very address that was checked for it, so that a second lookup of the name cannot lead
    elsewhere, and serves only the name whose certificate it has seen. `transport` takes the place of connections.
    """

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
        transport = self._transport or Connecting(trust, Checked(self._addresses))
        self._client = httpx2.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False, cookies=no_cookies, timeout=_TIMEOUT
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close the connection pool."""
        if self._client:
            await self._client.aclose()
            self._client = None

    async def check(self, url: str) -> None:
        """Return if an address that a stranger gave may be called now.

        Raises Problem `address_refused`, `upstream_unavailable`.
        """
        host, port = self._strangers(url)
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
        as_it_is: bool = False,
    ) -> Fetched:
        """Return the answer of a POST of bytes. Raises as `get` does.

        `as_it_is`, for an address that a stranger gave: a redirect is an answer like any other, the body is not
        unpacked, of one that is too large the beginning is returned, and no host is private by setting.
        """
        sent = {"Accept": "application/json", **(headers or {}), "Content-Type": content_type}
        return await self._send("POST", url, sent, body, max_bytes, timeout_seconds, as_it_is=as_it_is)

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
        *,
        as_it_is: bool = False,
    ) -> Fetched:
        read = _read_some if as_it_is else _read
        host, port = self._strangers(url) if as_it_is else self._checked(url)
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._addresses(host, port)
                answer = await self._answered(method, url, headers, body)
                try:
                    return await read(answer, max_bytes)
                finally:
                    await answer.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            raise _unreachable(type(error).__name__) from error

    async def _answered(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> httpx2.Response:
        assert self._client, "entered first"
        sent = {**headers, "Accept-Encoding": "gzip"}
        if traceparent := current_traceparent():
            sent["traceparent"] = traceparent
        return await self._client.send(self._client.build_request(method, url, headers=sent, content=body), stream=True)

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

    def _strangers(self, url: str) -> tuple[str, int]:
        host, port = self._checked(url)
        if host in self._private_hosts:  # the service's own calls go there, nobody else's
            raise _refused("The address is not on the public network.")
        return host, port

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
        if not is_public(ip):
            raise _refused("The address is not on the public network.")


async def _read(answer: httpx2.Response, max_bytes: int) -> Fetched:
    if 300 <= answer.status_code < 400 and answer.status_code != 304:
        raise _invalid_answer("The other side redirects, which is not followed.")
    body = await _taken(answer.aiter_bytes(), max_bytes + 1)
    if len(body) > max_bytes:
        raise _invalid_answer("The answer is larger than is accepted.")
    return _fetched(answer, body)


async def _read_some(answer: httpx2.Response, max_bytes: int) -> Fetched:
    return _fetched(answer, await _taken(answer.aiter_raw(), max_bytes))  # not unpacked: what is small may be huge then


async def _taken(chunks: AsyncIterator[bytes], max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) >= max_bytes:
            break
    return bytes(body[:max_bytes])


def _fetched(answer: httpx2.Response, body: bytes) -> Fetched:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Fetched(answer.status_code, headers, body)


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
