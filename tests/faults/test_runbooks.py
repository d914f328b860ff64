"""Every alarm of the code has its line in the runbooks, every line is of an alarm, and every page can be found."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
INDEX = (RUNBOOKS / "index.md").read_text()
SOURCES = [p for folder in ("shared/src", "services") for p in (ROOT / folder).rglob("*.py") if "tests" not in p.parts]
HALTING = {"Halt", "LogDiffers", "_halt"}


def calls_in(node: ast.AST) -> list[ast.Call]:
    return [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]


def name_of(call: ast.Call) -> str:
    """Return the name of what is called, without what it belongs to."""
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def first_word(call: ast.Call) -> str:
    """Return the first argument if it is a constant text."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def alarms_in(source: str) -> Iterator[str]:
    """Yield the names of the alarms that a module raises, also by a function of its own that is handed the name."""
    if "alarm=" not in source:
        return
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for call in calls_in(tree):
        if not any(keyword.arg == "alarm" for keyword in call.keywords):
            continue
        if name := first_word(call):
            yield name
            continue
        around = {function.name for function in functions if call in calls_in(function)}
        yield from (first_word(other) for other in calls_in(tree) if name_of(other) in around and first_word(other))


def reasons_in(source: str) -> set[str]:
    """Return the constant words for which a module halts a reader."""
    calls = calls_in(ast.parse(source)) if any(f"{name}(" in source for name in HALTING) else []
    return {first_word(call) for call in calls if name_of(call) in HALTING} - {""}


def test_the_alarms_of_the_table_are_those_of_the_code() -> None:
    table = INDEX.partition("| symptom | page |")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.partition(" | ")[0])}
    assert named - {"event"} == {name for path in SOURCES for name in alarms_in(path.read_text())}


def test_every_reason_to_halt_says_what_to_do() -> None:
    page = (RUNBOOKS / "reader-halted.md").read_text()
    told = {name for line in page.splitlines() for name in re.findall(r"`(\w+)`", line.split(" | ")[0])}
    assert {reason for path in SOURCES for reason in reasons_in(path.read_text())} <= told


def test_every_page_can_be_found_and_names_a_test_that_shows_it() -> None:
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"index.md"}
    assert pages == set(re.findall(r"\]\(([\w-]+\.md)\)", INDEX))
    assert [page for page in pages if "test_" not in (RUNBOOKS / page).read_text()] == []


def test_the_measure_finds_an_alarm_that_is_handed_on() -> None:
    source = "def tell(name):\n log.error(name, alarm=True)\ntell('one')\nlog.error('two', alarm=x)\n"
    assert set(alarms_in(source)) == {"one", "two"}
    assert reasons_in("raise Halt('away')") == {"away"}
