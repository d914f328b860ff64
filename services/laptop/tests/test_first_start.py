"""The first start: what it needs for a moment only is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.laptop.first_start import _token_file
from services.laptop.five import Names


def broken_off(names: Names) -> None:
    with _token_file(names, ["rise"]) as path:
        assert path.stat().st_size > 0
        raise KeyboardInterrupt


def test_no_token_stays_on_the_disk_when_the_start_is_broken_off(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        broken_off(Names.of(tmp_path))
    assert not (tmp_path / "issuer-tokens").exists()
