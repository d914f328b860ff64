"""The README shows the recorded run as it is, misses included."""

from __future__ import annotations

import json

import pytest

from bench.table import LATEST, ROOT, written


def test_the_readme_shows_the_recorded_run() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    assert written(page, json.loads(LATEST.read_text("utf-8"))) == page


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- bench"):
        written("# A page", {"machine": "", "cases": []})
