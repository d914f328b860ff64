"""Connections to others: names become addresses, which are looked at before one goes there."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpcore2
import httpx2

_UNICAST = ipaddress.IPv6Network("2000::/3")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_TUNNELLED = ipaddress.IPv6Network("2002::/16")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) to its addresses; raises OSError."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of `host` as the system resolves it. Raises OSError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("no name of a host") from error
    return [str(entry[4][0]) for entry in found]


class Checked(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses of a host that it may connect to, one after the other."""

    def __init__(self, addresses: Resolve) -> None:
        self._addresses = addresses
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *further: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        """Connect to the first that answers. Raises Problem `address_refused`, ConnectError, OSError."""
        for address in await self._addresses(host, port):
            with contextlib.suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return await self._backend.connect_tcp(address, port, *further, **options)
        raise httpcore2.ConnectError("no address answers")

    async def sleep(self, seconds: float) -> None:
        """Pause between two attempts."""
        await self._backend.sleep(seconds)


class Connecting(httpx2.AsyncHTTPTransport):
    """The usual transport and its usual limits, but for how it connects, for which it has no argument."""

    def __init__(self, trust: ssl.SSLContext, backend: httpcore2.AsyncNetworkBackend) -> None:
        super().__init__(verify=trust, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trust, max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0,
            network_backend=backend,
        )  # fmt: skip


def is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address is on the public network, and leads to no IPv4 address that is not.

    Source: the special-purpose address registries (RFC 6890), RFC 6052 (addresses that a gateway translates).
    """
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _TRANSLATED:
            return is_public(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip not in _UNICAST or ip in _TUNNELLED:
            return False
    return ip.is_global and not ip.is_multicast
