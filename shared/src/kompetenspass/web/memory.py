"""Memory of a process: what a large block needed for a moment goes back to the system."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3  # Source: mallopt(3)
_LARGE_BYTES = 1024 * 1024


def return_large_blocks() -> None:
    """Have the C library map each block of a MiB or more by itself from now on, so that it is gone once it is freed.

    Left alone, glibc does so only until the first such block is freed: then it takes that size for usual, cuts the next
    one from the heap of the thread that asks, and keeps it there, thread by thread. Other C libraries do not do that.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
