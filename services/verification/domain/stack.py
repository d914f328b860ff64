"""Deep verification: whether what was shown beside an award is its parts, and whether its rule holds on them.

Source: domain, sections 4.2 and 4.3, rule 2. The award is judged by its own status as any credential; this adds to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from kompetenspass.core.errors import Problem
from kompetenspass.openid import sdjwt
from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound, Held, HeldAward, Standing
from kompetenspass.pathway.named import named
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import Pathway
from services.verification.domain.checks import Check, Stack
from services.verification.domain.shown import Shown, as_held, as_held_award, awarded_on, worst
from services.verification.domain.trust import Document

_PARTS = UUID("5b1f6f0e-6a0c-5c0e-9a64-0d7f0f3f8f11")
_BOUND_TO_ANOTHER = "a copy that was issued again is a part once the award was bound to it again"
_HIDDEN = ("has_part_not_disclosed", "The award does not disclose all its parts.")
Documents = Mapping[tuple[str, int], Document]


@dataclass(frozen=True, slots=True)
class Part:
    """One disclosed constituent: its definition, and the digests of all copies of its credential."""

    definition: str
    digests: frozenset[str]

    @property
    def credential_id(self) -> UUID:
        """The name under which the proof tells it: one for all copies of the credential, and it says nothing else."""
        return uuid5(_PARTS, "\n".join(sorted(self.digests)))

    def is_shown_by(self, one: Shown) -> bool:
        """Return whether a presented credential is a copy of this part."""
        return one.digest in self.digests and one.urn == self.definition


@dataclass(frozen=True, slots=True)
class Contents:
    """The constituents that an award discloses; `complete`: that is all of them."""

    parts: tuple[Part, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one award: its two checks, and the evaluation unless its rule or its parts could not be read."""

    award: Shown
    constituents: Check
    rule: Check
    evaluation: Evaluation | None = None

    @property
    def stack(self) -> Stack | None:
        """What a verdict says of it."""
        if self.evaluation is None:
            return None
        return Stack(self.award.urn, self.award.definition.version, self.evaluation)

    def as_part(self) -> Judgement:
        """Return it as that of a part of another award: its rule decides there, and here it is only told."""
        return replace(self, rule=replace(self.rule, weight="told"))


class Stacks:
    """The awards of one answer, each judged once; a nested award before the one that it is a part of.

    `constituents` are the digests of what was shown as a part of some shown award, and is one.
    """

    def __init__(self, shown: Sequence[Shown], documents: Documents, now: datetime) -> None:
        self._shown = shown
        self._documents = documents
        self._now = now
        self._contents = {one.digest: contents_of(one.claims) for one in shown if one.is_award}
        parts = [part for contents in self._contents.values() for part in contents.parts]
        self.constituents = frozenset(one.digest for one in shown if any(part.is_shown_by(one) for part in parts))
        self._judged: dict[str, Judgement] = {}

    def judge(self) -> tuple[Judgement, ...]:
        """Return the judgement of every award, in the order in which they were presented."""
        return tuple(self._judge(one) for one in self._shown if one.is_award)

    def _judge(self, award: Shown) -> Judgement:
        if award.digest not in self._judged:
            self._judged[award.digest] = self._judged_now(award)
        return self._judged[award.digest]

    def _judged_now(self, award: Shown) -> Judgement:
        contents, pathway = self._contents[award.digest], self._pathway(award)
        found = {part: self._copies(part, award) for part in contents.parts}
        shown = {part: copies for part, copies in found.items() if copies}
        strangers = self._strangers(pathway) if pathway is not None else []
        constituents = _constituents(contents, bool(shown), strangers)
        if pathway is None:
            return Judgement(award, constituents, _not_judged("pathway_unreadable", "The rule cannot be read."))
        if not contents.parts:
            return Judgement(award, constituents, _not_judged(*_HIDDEN))
        evaluation = self._evaluated(award, pathway, shown)
        absent = [part.definition for part in contents.parts if part not in shown]
        return Judgement(award, constituents, _rule(evaluation, absent, complete=contents.complete), evaluation)

    def _evaluated(self, award: Shown, pathway: Pathway, shown: Mapping[Part, Sequence[Shown]]) -> Evaluation:
        """Return the answer of the award's own rule to what was shown, as to an award that was made."""
        held: list[Held] = []
        awards: list[HeldAward] = []
        for part, copies in shown.items():
            one = copies[0]
            standing = worst(self._standing(copy) for copy in copies)
            if one.is_award:
                awards.append(as_held_award(one, part.credential_id, standing))
            else:
                held.append(as_held(one, part.credential_id, standing, self._documents.get(one.version)))
        bound = Bound(awarded_on(award), frozenset(part.credential_id for part in shown))
        return evaluate(pathway, held, awards, self._now, bound=bound)

    def _standing(self, one: Shown) -> Standing:
        """Return what has become of it: an award whose own rule does not hold on what was shown is not current."""
        if one.is_award and one.standing == "valid" and self._judge(one).rule.ok is False:
            return "suspended"
        return one.standing

    def _copies(self, part: Part, award: Shown) -> tuple[Shown, ...]:
        return tuple(one for one in self._shown if part.is_shown_by(one) and one.digest != award.digest)

    def _strangers(self, pathway: Pathway) -> list[str]:
        """Return what was shown under a name of the rule, and is a part of no award here."""
        rule = named(pathway.rule)
        return [
            one.urn
            for one in self._shown
            if one.digest not in self.constituents
            and one.definition.id in (rule.pathways if one.is_award else rule.definitions)
        ]

    def _pathway(self, award: Shown) -> Pathway | None:
        """Return exactly the version under which the award was made, None if it is not known or cannot be read."""
        document = self._documents.get(award.version)
        try:
            return None if document is None else parse(document.content)
        except Problem:
            return None


def contents_of(claims: Mapping[str, Any]) -> Contents:
    """Return the constituents that an award's claims, as issued, disclose; what is no constituent is none of them."""
    elements = claims.get("has_part")
    if not isinstance(elements, list):
        return Contents((), False)
    parts = [_part(element) for element in elements]
    known = tuple(dict.fromkeys(part for part in parts if part is not None))
    return Contents(known, all(part is not None for part in parts))


def _part(element: object) -> Part | None:
    if element is sdjwt.UNDISCLOSED or not isinstance(element, Mapping):
        return None
    definition, digests = element.get("definition"), element.get("digests")
    if not isinstance(definition, str) or not isinstance(digests, list):
        return None
    return Part(definition, frozenset(digest for digest in digests if isinstance(digest, str)))


def _constituents(contents: Contents, any_shown: bool, strangers: Sequence[str]) -> Check:
    if strangers and not contents.complete:
        return Check("constituents", None, *_HIDDEN, weight="optional")
    if strangers:
        detail = f"Not among the parts of the award: {_listed(strangers)}; {_BOUND_TO_ANOTHER}."
        return Check("constituents", False, "digest_mismatch", detail, weight="optional")
    if not any_shown:
        detail = "Nothing that the award rests on was shown."
        return Check("constituents", None, "constituents_not_shown", detail, weight="optional")
    return Check("constituents", True, weight="optional")


def _rule(evaluation: Evaluation, absent: Sequence[str], *, complete: bool) -> Check:
    if evaluation.outcome == "satisfied":
        return Check("stack_rule", True, weight="optional")
    if absent:
        return _not_judged("constituents_not_shown", f"Not shown: {_listed(absent)}.")
    if not complete:
        return _not_judged("constituents_not_shown", _HIDDEN[1])
    if evaluation.outcome == "indeterminate":
        return _not_judged("rule_indeterminate", "What decides it is not known of all that was shown.")
    lacking = _listed([part.id for part in evaluation.missing])
    return Check("stack_rule", False, "rule_not_satisfied", f"The rule lacks: {lacking}.", weight="optional")


def _not_judged(reason: str, detail: str) -> Check:
    return Check("stack_rule", None, reason, detail, weight="optional")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))
