"""Named steps of what runs on and on: tests are told of each, and end the process there or look at what is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

At = Callable[[str], Awaitable[None]]
"""Is told of each step that is done, by its name, and awaited before the next."""


async def nothing_at(_step: str) -> None:
    """Do nothing at any step."""
