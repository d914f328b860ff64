"""`python -m kompetenspass.web.ready PORT…`: leaves with 0 if what listens there on this machine says it is ready."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

_ANSWER_SECONDS = 8


def is_ready(port: str) -> bool:
    """Return whether `/readyz` at a port of this machine answers 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{int(port)}/readyz", timeout=_ANSWER_SECONDS):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def main(ports: Sequence[str]) -> int:
    """Return the exit code: 0 if all are ready, 1 if one is not, 2 without any port."""
    if not ports:
        return 2
    return 0 if all(map(is_ready, ports)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
