"""Check: one thing that must hold of what was presented, and whether it did; a Verdict is all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.pathway.proof import Evaluation

T = TypeVar("T")
Outcome = Literal["verified", "refused", "declined"]
Weight = Literal["needed", "optional", "told"]
"""What a check decides: `needed` refuses unless it holds, `optional` only if it does not hold, `told` never."""

TITLES: Mapping[str, str] = {
    "form": "The presentation is an SD-JWT VC that can be read.",
    "issued_at": "It is known when the credential was issued.",
    "chain": "The certificate of the signature leads to a trust anchor.",
    "signature": "The issuer's signature and every disclosure hold.",
    "validity": "The credential and the merit are within their dates.",
    "issuer": "The issuer is registered, and its certificate names it.",
    "key": "The key was the issuer's, and not compromised, when the credential was issued.",
    "issuer_role": "The issuer had the roles issuer and awarding body for the definition at the time of issue.",
    "definition": "The definition and its version are published.",
    "issuing_right": "The issuer had the right to issue under the definition when the credential was issued.",
    "type": "The credential keeps the rules of its type.",
    "holder_binding": "The holder's key signed this presentation for this request.",
    "key_binding": "The key binding that came along is the holder's and covers what was shown, whoever it was for.",
    "status": "The credential is neither revoked nor suspended.",
    "query": "What was presented is what was asked for.",
    "constituents": "What was shown as a part is a part of the award.",
    "stack_rule": "The rule of the pathway holds on what was shown.",
}
"""Every check by its code, in the order in which they are made."""

OF_STACKS = ("constituents", "stack_rule")
"""The checks of an award together with what it rests on; the others are made of each presented credential alone."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `ok` is None where it could not be made; `reason` says why it failed, or why it was not made."""

    code: str
    ok: bool | None
    reason: str | None = None
    detail: str | None = None
    weight: Weight = "needed"

    @property
    def title(self) -> str:
        """What must hold."""
        return TITLES[self.code]

    @property
    def refuses(self) -> bool:
        """Whether the presentation is refused for it."""
        if self.weight == "told":
            return False
        return self.ok is False or (self.ok is None and self.weight == "needed")

    def as_json(self) -> dict[str, Any]:
        """Return the check as an answer has it."""
        found: dict[str, Any] = {"code": self.code, "ok": self.ok, "title": self.title}
        if self.reason is not None:
            found["reason"] = self.reason
        if self.detail is not None:
            found["detail"] = self.detail
        if self.weight != "needed":
            found["weight"] = self.weight
        return found


@dataclass(frozen=True, slots=True)
class Subject:
    """What was judged: never a claim about the learner. `digest` names the copy for the organisation that saw it."""

    issuer: str
    definition: str
    definition_version: int
    digest: str

    def as_json(self) -> dict[str, Any]:
        """Return it as an answer has it."""
        return {
            "issuer": self.issuer,
            "definition": self.definition,
            "definition_version": self.definition_version,
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True)
class Stack:
    """What came of the rule of one presented award; its credentials are named by what its `has_part` says of them."""

    definition: str
    definition_version: int
    evaluation: Evaluation

    def as_json(self) -> dict[str, Any]:
        """Return it as an answer has it."""
        return {
            "definition": self.definition,
            "definition_version": self.definition_version,
            "outcome": self.evaluation.outcome,
            "missing": [asdict(part) for part in self.evaluation.missing],
            "proof": self.evaluation.proof.as_json(),
        }


@dataclass(frozen=True)
class Verdict:
    """All checks of an answer; it is verified only if every one that is needed held, and none refuses."""

    checks: tuple[Check, ...]
    subjects: tuple[Subject, ...] = ()
    stacks: tuple[Stack, ...] = ()

    @cached_property
    def outcome(self) -> Outcome:
        """Whether the presentation holds."""
        needed = any(check.weight == "needed" for check in self.checks)
        return "verified" if needed and not any(check.refuses for check in self.checks) else "refused"

    @property
    def failed(self) -> tuple[str, ...]:
        """The codes of the checks for which it is refused; those that could not be made are not among them."""
        return tuple(dict.fromkeys(check.code for check in self.checks if check.ok is False and check.refuses))

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as an answer has it."""
        return {
            "outcome": self.outcome,
            "checks": [check.as_json() for check in self.checks],
            "credentials": [subject.as_json() for subject in self.subjects],
            "stacks": [stack.as_json() for stack in self.stacks],
        }

    def raise_refusal(self) -> None:
        """Raise Problem with the reason of the first check that did not hold, unless the verdict is `verified`."""
        if self.outcome == "verified":
            return
        for check in self.checks:
            if check.ok is False and check.refuses:
                raise Problem(
                    check.reason or "presentation_refused",
                    check.detail or f"This did not hold: {check.title}",
                    kind=Kind.INVALID,
                    remedy="Ask the issuer, or present another credential.",
                )
        raise Problem("presentation_refused", "The presentation could not be judged.")


_HELD: Mapping[str, Check] = {code: Check(code, True) for code in TITLES}


class Checklist:
    """Makes checks one after another; once one that others build on has failed, the rest cannot be made."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def attempt(self, code: str, work: Callable[[], T]) -> T | None:
        """Return what `work` returns and note that the check held, or note the Problem it raises and return None."""
        try:
            value = work()
        except Problem as problem:
            self.failed(code, problem)
            return None
        self.held(code)
        return value

    def held(self, code: str) -> None:
        """Note that a check held."""
        self.checks.append(_HELD[code])

    def failed(self, code: str, problem: Problem) -> None:
        """Note why a check failed."""
        self.checks.append(Check(code, False, problem.code, problem.title))

    def not_made(self, *codes: str) -> None:
        """Note checks that could not be made."""
        self.checks.extend(Check(code, None, "not_judged", "An earlier check did not hold.") for code in codes)

    def only_tell(self, *codes: str) -> None:
        """Let checks that do not hold be told, and refuse nothing."""
        self.checks = [
            replace(check, weight="told") if check.code in codes and check.ok is not True else check
            for check in self.checks
        ]

    @property
    def all_hold(self) -> bool:
        """Whether every check so far was made and held."""
        return all(check.ok is True for check in self.checks)
