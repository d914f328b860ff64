"""The documents say nothing that is not there: names in the code, links, and the README's commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
LINKED = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
NAMED = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.py):([A-Za-z_][\w.]*)`")
PATH = re.compile(
    r"`((?:services|shared|demo|tests|bench|docs|requirements)/[\w./-]+\.(?:py|sql|md|yaml|toml|lock))[`:]"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
WALKED = ROOT / "docs" / "architecture.md"


def names(source: str) -> set[str]:
    """Return what a module defines: functions, classes, their methods and attributes, and its constants."""
    found: set[str] = set()
    for node in ast.parse(source).body:
        found.update(_defined(node))
        if isinstance(node, ast.ClassDef):
            found.update(f"{node.name}.{inner}" for part in node.body for inner in _defined(part))
    return found


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    yield from (target.id for target in targets if isinstance(target, ast.Name))


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return what a file defines, nothing for one that is not there."""
    return frozenset(names(path.read_text()) if path.is_file() else ())


def missing_names(text: str) -> list[str]:
    """Return the references `path.py:Name` in a text that lead nowhere."""
    return [f"{path}:{name}" for path, name in NAMED.findall(text) if name not in names_in(ROOT / path)]


def missing_links(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    relative = (link.partition("#")[0] for link in LINK.findall(text) if "://" not in link)
    return [link for link in relative if link and not (page.parent / link).exists()]


@pytest.mark.parametrize("page", LINKED, ids=[str(page.relative_to(ROOT)) for page in LINKED])
def test_every_name_path_and_link_of_a_page_is_there(page: Path) -> None:
    text = page.read_text()
    assert missing_names(text) == []
    assert [path for path in PATH.findall(text) if not (ROOT / path).exists()] == []
    assert missing_links(page, text) == []


def test_the_straight_line_is_walked_through_all_five_services() -> None:
    walked = [path for path, _ in NAMED.findall(WALKED.read_text())]
    for service in ("catalog", "issuance", "registry", "verification", "wallet"):
        assert any(path.startswith(f"services/{service}/") for path in walked), service


def test_the_two_commands_of_the_readme_are_targets() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"`?\bmake ([a-z]+)", "\n".join(re.findall(r"```\n(.*?)```", readme, re.DOTALL))))
    assert {"demo", "test"} <= named
    assert named - targets == set()


@pytest.mark.parametrize("page", LINKED, ids=[str(page.relative_to(ROOT)) for page in LINKED])
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", page.read_text())) - targets == set()


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_measure_finds_a_name_and_a_link_that_are_not_there() -> None:
    assert missing_names("`tests/architecture/test_docs.py:names` `nowhere.py:f`") == ["nowhere.py:f"]
    assert missing_links(ROOT / "README.md", "[a](docs/nowhere.md) [b](LICENSE) [c](https://a.example)") == [
        "docs/nowhere.md"
    ]
    assert names("class A:\n x: int\n def f(self) -> None: ...\nB = 1") == {"A", "A.x", "A.f", "B"}
