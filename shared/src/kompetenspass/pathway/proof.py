"""What an evaluation answers: the outcome, what it rests on, what is missing, and the proof tree node by node."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from kompetenspass.core.digest import content_digest
from kompetenspass.pathway.rule import Place

Verdict = Literal["true", "false", "unknown"]
Outcome = Literal["satisfied", "not_satisfied", "indeterminate"]
MissingKind = Literal["definition", "pathway", "credits", "level", "outcomes", "issuers", "order"]


@dataclass(frozen=True, slots=True)
class Use:
    """A credential bound to a leaf. `id` is the leaf's definition or pathway."""

    place: Place
    kind: Literal["definition", "pathway"]
    id: str
    credential_id: UUID


@dataclass(frozen=True, slots=True, order=True)
class MissingPart:
    """Something that the holder still lacks: a definition or pathway, or a measure by its place (`rule.all_of[1]`)."""

    kind: MissingKind
    id: str


@dataclass(frozen=True, slots=True)
class Proof:
    """One node: its operator, its verdict, the credentials it counts, and its children. A leaf has an `id`.

    `have` and `need` are a measure's numbers (hours, credentials, outcomes, issuers); an `n_of` has its `need`.
    """

    place: Place
    node: str
    verdict: Verdict
    id: str | None = None
    used: tuple[UUID, ...] = ()
    have: float | None = None
    need: float | None = None
    reason: str | None = None
    children: tuple[Proof, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the tree as an answer and a digest have it; members that say nothing are left out."""
        found: dict[str, Any] = {"place": written(self.place), "node": self.node, "verdict": self.verdict}
        for name in ("id", "have", "need", "reason"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        if self.used:
            found["used"] = [str(credential_id) for credential_id in self.used]
        if self.children:
            found["children"] = [child.as_json() for child in self.children]
        return found


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer. `missing` is the smallest set that would satisfy the rule (`missing_exact`), or a greedy one.

    `unknown` are credentials whose standing is not known and decides the outcome, or on which the nearest way rests;
    `used` are bound to leaves or counted by measures. `next_change` is when time alone may change the answer.
    """

    outcome: Outcome
    used: tuple[Use, ...]
    missing: tuple[MissingPart, ...]
    missing_exact: bool
    unknown: tuple[UUID, ...]
    proof: Proof
    next_change: datetime | None = None

    @property
    def proof_digest(self) -> str:
        """The name of the proof tree: SHA-256 over its canonical JSON."""
        return content_digest(self.proof.as_json())


def written(place: Place) -> str:
    """Return a place as people write it: `rule.all_of[1].n_of.of[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")
