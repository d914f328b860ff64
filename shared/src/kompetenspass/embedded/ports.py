"""Ports that are chosen once and kept: issuer, vct and status URLs depend on them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from pathlib import Path

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import random_bytes

_HOST = "127.0.0.1"
_FIRST, _HOW_MANY = 20_000, 10_000


def kept_ports(path: Path, names: Iterable[str]) -> dict[str, int]:
    """Return a loopback port for each name: those in the file at `path`, or free ones that are then written there.

    Raises Problem `port_taken` when another program listens on a kept port.
    """
    if path.exists():
        ports: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
        for name, port in ports.items():
            _check_free(name, port, path)
        return ports
    ports = _free_ports(list(names))
    path.write_text(json.dumps(ports, indent=2) + "\n", encoding="utf-8")
    return ports


def _free_ports(names: list[str]) -> dict[str, int]:
    """Return free ports, all different, below the range from which a system draws ports for outgoing connections."""
    ports: dict[str, int] = {}
    while len(ports) < len(names):
        port = _FIRST + int.from_bytes(random_bytes(2), "big") % _HOW_MANY
        if port not in ports.values() and _is_free(port):
            ports[names[len(ports)]] = port
    return ports


def _is_free(port: int) -> bool:
    try:
        socket.create_server((_HOST, port)).close()
    except OSError:
        return False
    return True


def _check_free(name: str, port: int, path: Path) -> None:
    if not _is_free(port):
        raise Problem(
            "port_taken",
            f"Another program listens on port {port}, which belongs to {name}.",
            kind=Kind.UNAVAILABLE,
            remedy=f"Stop that program. The port stands in {path}, and in every credential that was issued here.",
        )
