"""Ports of the laptop: chosen once, kept, and missed when another program took one."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.ports import kept_ports


def test_ports_are_different_and_stay_the_same(tmp_path: Path) -> None:
    first = kept_ports(tmp_path / "ports.json", ("catalog", "wallet"))
    assert len(set(first.values())) == 2
    assert kept_ports(tmp_path / "ports.json", ("catalog", "wallet")) == first


def test_a_kept_port_that_another_program_took_is_named(tmp_path: Path) -> None:
    ports = kept_ports(tmp_path / "ports.json", ("catalog",))
    with socket.create_server(("127.0.0.1", ports["catalog"])), pytest.raises(Problem) as refused:
        kept_ports(tmp_path / "ports.json", ("catalog",))
    assert refused.value.code == "port_taken"
    assert str(ports["catalog"]) in refused.value.title
