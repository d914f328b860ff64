"""Refusals of documents: every fault with its place, as a caller sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.pathway.proof import written
from kompetenspass.pathway.rule import Place
from kompetenspass.pathway.wellformed import Fault

__all__ = ["Fault", "Place", "faults_of_form", "is_identifier", "refusal", "refuse_if_any", "written", "wrong_state"]


def faults_of_form(error: ValidationError) -> tuple[Fault, ...]:
    """Return what a wire model found wrong: unknown members, missing members, wrong types."""
    return tuple(Fault(f"form.{entry['type']}", tuple(entry["loc"]), entry["msg"] + ".") for entry in error.errors())


def refusal(code: str, what: str, faults: Sequence[Fault]) -> Problem:
    """Return the refusal of a document with every reason and its place."""
    return Problem(
        code,
        f"The {what} breaks {len(faults)} rule(s).",
        remedy="Correct each place named in `reasons` and send it again.",
        members={"reasons": [fault.as_reason() for fault in faults]},
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
