"""Every story runs on one process, on five, and on five with Kafka; none is left out but those named here."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.integration.kinds import KAFKA_HERE, KINDS

ROOT = Path(__file__).parents[2]
NO_STORY = {
    "test_asyncapi.py": "the published document and its parser",
    "test_kinds.py": "this file",
    "test_half_seen.py": "read tables, filled in this process",
    "test_transports_agree.py": "read tables, filled in this process over each transport, and those of one process",
    "test_brokers_fail.py": "a platform of its own, on three nodes of Kafka that fail",
    "test_containers.py": "what the compose file starts, in divisions of its own",
    "test_transport_change.py": "platforms of its own, that go from one kind to another",
    "test_demo.py::test_a_step_that_does_not_hold_ends_the_story": "the teller of the story",
    "test_demo.py::test_what_never_comes_is_waited_for_only_so_long": "the teller of the story",
}
"""Files and tests that run on no kind, and what they are about instead."""


def collected() -> dict[str, set[str]]:
    """Return each test of this folder, as `file::name`, with the names of the kinds on which it runs."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "long or not long", "tests/integration"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    names = {kind.name for kind in (*KINDS, KAFKA_HERE)}
    found: dict[str, set[str]] = defaultdict(set)
    for line in done.stdout.splitlines():
        if "::" in line:
            test, _, said = line.removeprefix("tests/integration/").partition("[")
            kinds = [name for name in sorted(names, key=len, reverse=True) if name in said]
            found[test].update(kinds[:1])
    return found


def is_no_story(test: str) -> bool:
    return test in NO_STORY or test.partition("::")[0] in NO_STORY


def test_every_story_runs_on_every_kind() -> None:
    every = {kind.name for kind in KINDS}
    found = collected()
    assert len(found) > 150
    left_out = {test: every - kinds for test, kinds in found.items() if not is_no_story(test) and every - kinds}
    assert left_out == {}
    assert [name for name in NO_STORY if not any(name in (test, test.partition("::")[0]) for test in found)] == []
    assert {test for test, kinds in found.items() if KAFKA_HERE.name in kinds} == {
        "test_demo.py::test_the_demo_ends_well_twice_and_keeps_its_data"
    }
