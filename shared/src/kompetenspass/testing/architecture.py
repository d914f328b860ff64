"""What the architecture tests measure in one source file: sizes, docstrings, annotations, hidden clocks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

LONGEST_FILE = 300
LONGEST_FUNCTION = 40

_HIDDEN_INPUTS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("uuid", "uuid4"),
    ("os", "environ"),
    ("os", "getenv"),
}
_IN_READ_TABLES = re.compile(r"\bnow\(|current_timestamp|Identity\(|\bSERIAL\b|uuid7|random_")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def size_faults(source: str) -> list[str]:
    """Return a line for the file that is too long, and one for each function that is."""
    length = len(source.splitlines())
    faults = [f"{length} lines, at most {LONGEST_FILE}"] if length > LONGEST_FILE else []
    for function in _functions(source):
        size = (function.end_lineno or function.lineno) - function.lineno + 1
        if size > LONGEST_FUNCTION:
            faults.append(f"{function.name} has {size} lines, at most {LONGEST_FUNCTION}")
    return faults


def docstring_faults(source: str) -> list[str]:
    """Return a line for a module that does not say what its one job is."""
    return [] if ast.get_docstring(ast.parse(source)) else ["the module has no docstring"]


def annotation_faults(source: str) -> list[str]:
    """Return a line for each function that lacks an annotation, of its answer or of a parameter."""
    return [f"{function.name} lacks an annotation" for function in _functions(source) if not _annotated(function)]


def hidden_input_faults(source: str) -> list[str]:
    """Return a line for each reading of the clock, the environment or a random id that is not handed in."""
    tree = ast.parse(source)
    found = [
        f"line {node.lineno} reads {node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if (node.value.id, node.attr) in _HIDDEN_INPUTS
    ]
    return found + [
        f"line {node.lineno} imports {name.name} from {node.module}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if (node.module, name.name) in _HIDDEN_INPUTS
    ]


def read_table_faults(source: str) -> list[str]:
    """Return a line for each thing in a read table or projection that a rebuild would not make again."""
    return [
        f"line {number} holds {match.group()}"
        for number, line in enumerate(source.splitlines(), 1)
        if (match := _IN_READ_TABLES.search(line))
    ]


def _functions(source: str) -> Iterator[_Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, _Function))


def _annotated(function: _Function) -> bool:
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named = [parameter for parameter in parameters if parameter.arg not in {"self", "cls"}]
    extra = [parameter for parameter in (arguments.vararg, arguments.kwarg) if parameter]
    return function.returns is not None and all(parameter.annotation for parameter in [*named, *extra])
