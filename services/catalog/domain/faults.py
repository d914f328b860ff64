"""Fault: one reason why a document is refused, and its place in the document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from kompetenspass.core.errors import Kind, Problem

Place = tuple[str | int, ...]
"""Member names and list indices, from the root of a document to the thing that is wrong."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One broken rule: its code, its place, and a sentence that says what is wrong."""

    code: str
    place: Place
    text: str


def written(place: Place) -> str:
    """Return a place as people write it: `assessment.types[0].uri`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def faults_of_form(error: ValidationError) -> tuple[Fault, ...]:
    """Return what a wire model found wrong: unknown members, missing members, wrong types."""
    return tuple(Fault(f"form.{entry['type']}", tuple(entry["loc"]), entry["msg"] + ".") for entry in error.errors())


def refusal(code: str, what: str, faults: Sequence[Fault]) -> Problem:
    """Return the refusal of a document with every reason and its place."""
    reasons = [{"code": fault.code, "path": written(fault.place), "text": fault.text} for fault in faults]
    return Problem(
        code,
        f"The {what} breaks {len(faults)} rule(s).",
        remedy="Correct each place named in `reasons` and send it again.",
        members={"reasons": reasons},
    )


def refuse_if_any(what: str, faults: Iterable[Fault]) -> None:
    """Raise Problem `{what}_refused` with all faults, sorted by place, unless there are none."""
    found = sorted(set(faults), key=lambda fault: (written(fault.place), fault.code))
    if found:
        raise refusal(f"{what}_refused", what, found)


def wrong_state(what: str, state: str, wanted: str) -> Problem:
    """Return the refusal of a command that the present state does not allow."""
    return Problem(
        "wrong_state",
        f"The {what} is {state}.",
        kind=Kind.CONFLICT,
        remedy=f"This is possible while it is {wanted}.",
        members={"state": state},
    )


_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}[a-z0-9]\Z")


def is_identifier(text: str) -> bool:
    """Return whether `text` may name a definition or pathway: lower-case letters, digits, hyphens, 2 to 64."""
    return bool(_ID.match(text))
