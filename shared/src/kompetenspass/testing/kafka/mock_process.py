"""The process that holds a mock cluster: `python -m kompetenspass.testing.kafka.mock_process BROKERS`.

Each line on its standard input asks for something, `[name, arguments...]` as JSON; one line answers, the result or
`{"error": why}`. It ends with its standard input, and so with its parent.
"""

from __future__ import annotations

import json
import signal
import sys

from kompetenspass.core.errors import Problem
from kompetenspass.testing.kafka.librdkafka import MockCluster

ASKED = frozenset({"bootstrap", "create_topic", "lead", "down", "up", "slow", "fail", "forgive"})


def main(brokers: int) -> None:
    """Make the cluster, and answer until there are no more lines."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    cluster = MockCluster(brokers)
    for line in sys.stdin:
        print(json.dumps(_answer(cluster, line)), flush=True)


def _answer(cluster: MockCluster, line: str) -> object:
    name, *arguments = json.loads(line)
    if name not in ASKED:
        return {"error": f"nobody knows {name}"}
    try:
        return getattr(cluster, name)(*arguments)
    except Problem as problem:
        return {"error": problem.detail}


if __name__ == "__main__":
    main(int(sys.argv[1]))
