"""The process of the naive peer: `python -m bench.peers.naive_server FILE`, a JSON file of what it needs to know."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import uvicorn

from bench.peers.naive import create_app


def main(file: Path) -> None:
    """Serve until the process is stopped, as the documentation of uvicorn says it, without a line per request."""
    said = json.loads(file.read_text())
    paths = {name: Path(said[name]) for name in ("key", "chain", "anchors", "status_token")}
    app = create_app(said["dsn"], **paths)
    uvicorn.run(app, port=said["port"], loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
