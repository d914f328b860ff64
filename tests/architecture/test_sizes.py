"""Files, functions, docstrings and annotations of every Python file of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from kompetenspass.testing.architecture import annotation_faults, docstring_faults, size_faults

ROOT = Path(__file__).parents[2]
FOLDERS = ("services", "shared", "demo", "bench", "contract", "tests")
FILES = sorted([ROOT / "conftest.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))])
MODULES = [path for path in FILES if "tests" not in path.parts]


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_a_file_is_short_and_annotated(path: Path) -> None:
    source = path.read_text()
    assert size_faults(source) + annotation_faults(source) == []


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_a_module_says_what_its_one_job_is(path: Path) -> None:
    assert docstring_faults(path.read_text()) == []


def test_the_measure_finds_a_long_file_and_a_long_function() -> None:
    long_function = "def f() -> None:\n" + "    pass\n" * 40
    assert size_faults("x = 1\n" * 301) == ["301 lines, at most 300"]
    assert size_faults(long_function) == ["f has 41 lines, at most 40"]
    assert size_faults("def f() -> None:\n" + "    pass\n" * 39) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(x) -> None: ...",
        "def f(x: int): ...",
        "async def f(*x) -> None: ...",
        "class A:\n def f(self, *, x): ...",
    ],
)
def test_the_measure_finds_a_missing_annotation(source: str) -> None:
    assert annotation_faults(source) == ["f lacks an annotation"]


def test_the_measure_finds_a_module_that_does_not_say_what_it_is() -> None:
    assert docstring_faults("import ast\n") == ["the module has no docstring"]
    assert docstring_faults('"""One job."""\n') == []
