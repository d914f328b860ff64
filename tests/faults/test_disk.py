"""A disk that fills under the log, for real: nothing is lost, and space is enough to go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_APART = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
"""Root may mount where nobody else sees it; anyone else may as the root of a user namespace."""
_SECONDS = 300


def apart(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a mount namespace of its own, and return how it ended."""
    return subprocess.run([*_APART, *command], capture_output=True, text=True, check=False, timeout=_SECONDS)


@pytest.mark.long
def test_a_full_disk_loses_nothing_and_space_is_enough_to_go_on(tmp_path: Path) -> None:
    if apart("mount", "-t", "tmpfs", "tmpfs", str(tmp_path)).returncode != 0:
        pytest.skip("This machine lets nobody mount in a namespace (kernel.apparmor_restrict_unprivileged_userns=1?).")
    done = apart(sys.executable, "-m", "tests.faults.full_disk", str(tmp_path / "disk"))
    assert done.returncode == 0, done.stdout + done.stderr
