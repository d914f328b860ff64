"""Connections that stay open are few: so many of this process, and so many of them for one caller.

Those without a token are counted together, and leave room for those with one: behind a proxy, which limits addresses,
all of them seem to call from the same one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.subscriptions.audience import is_organisation
from kompetenspass.web.auth import Principal

ANONYMOUS = "anonymous"


class Places:
    """Counts the connections that wait, by caller."""

    def __init__(self, total: int = 512, each: int = 32, anonymous: int = 256) -> None:
        self._total = total
        self._each = each
        self._anonymous = anonymous
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many connections wait."""
        return self._held.total()

    @contextmanager
    def hold(self, caller: str) -> Iterator[None]:
        """Hold one place for `caller`. Raises Problem `too_many_connections` (429)."""
        each = self._anonymous if caller == ANONYMOUS else self._each
        if self._held.total() >= self._total or self._held[caller] >= each:
            raise Problem(
                "too_many_connections",
                "Too many connections are open for you.",
                kind=Kind.THROTTLED,
                remedy="Close one, or come back in a while.",
                members={"each": each},
                headers={"Retry-After": "10"},
            )
        self._held[caller] += 1
        try:
            yield
        finally:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]


def place_name(caller: Principal | None) -> str:
    """Return what a caller's connections are counted under: its organisation, or that it has none."""
    return f"org {caller.org}" if caller and is_organisation(caller) else ANONYMOUS
