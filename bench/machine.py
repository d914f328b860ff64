"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("cryptography", "fastapi", "starlette", "uvicorn", "uvloop", "pydantic", "sqlalchemy", "asyncpg")


def machine() -> str:
    """Return the machine in one line."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({_processor()}), {_memory()}, Python {platform.python_version()}, load {load:.1f}"


def versions() -> Mapping[str, str]:
    """Return the versions of the packages that the figures depend on."""
    return {name: version(name) for name in PACKAGES}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 2**30:.0f} GiB"
