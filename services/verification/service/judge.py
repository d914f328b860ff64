"""Judge one presented credential: what it takes to know everything, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Problem
from kompetenspass.openid.oid4vp.dcql import CredentialQuery
from services.verification.domain import judgement, trust
from services.verification.domain.checks import OF_STACKS, TITLES, Checklist, Subject, Verdict
from services.verification.domain.shown import ABOUT_STANDING, Shown, shown
from services.verification.domain.stack import Judgement, Stacks
from services.verification.service.chains import Chains
from services.verification.service.ports import Facts, Freshness, Statuses

OWNERS = ("registry", "catalog", "issuance")
_NOTHING = trust.Facts()
_ABOUT_THE_PRESENTATION = ("holder_binding", "query")


@dataclass(frozen=True, slots=True)
class Binding:
    """What a presentation must be bound to, and the credential query that it answers."""

    client_id: str
    nonce: str
    asked: CredentialQuery


@dataclass(frozen=True, slots=True)
class Presented:
    """What came of judging one presentation; `judged` is None unless its signature held.

    `facts` are what it was judged by.
    """

    checks: Checklist
    claimed: judgement.Claimed | None = None
    facts: trust.Facts = _NOTHING
    judged: judgement.Judged | None = None

    @property
    def subject(self) -> Subject | None:
        """What was judged, None where it cannot be read."""
        return None if self.claimed is None else judgement.subject(self.claimed)

    def shown(self) -> Shown | None:
        """Return what it is to a stack, None unless it is genuine and the holder's."""
        if self.claimed is None or self.judged is None:
            return None
        return shown(self.checks.checks, self.claimed, self.facts, self.judged)


class Judge:
    """Judges credentials by what the services have said, by their status, and by their signatures."""

    def __init__(
        self,
        facts: Facts,
        fresh: Freshness,
        statuses: Statuses,
        clock: Clock,
        *,
        anchors: Callable[[], Sequence[x509.Certificate]],
        catalog_url: str,
    ) -> None:
        self._facts = facts
        self._fresh = fresh
        self._statuses = statuses
        self._clock = clock
        self._chains = Chains(anchors)
        self._catalog_url = catalog_url

    async def pasted(self, compact: str) -> Verdict:
        """Return the verdict on a credential that anyone may have pasted: everything but who holds it.

        Raises Problem `facts_stale`, `not_caught_up`.
        """
        return await self.together([await self.presented(compact, None)])

    async def pasted_together(self, compacts: Sequence[str]) -> Verdict:
        """Return the verdict on credentials that were pasted at once: each as by `pasted`, and awards on their parts.

        Raises Problem `facts_stale`, `not_caught_up`.
        """
        return await self.together([await self.presented(compact, None) for compact in compacts], deep=True)

    async def together(self, presented: Sequence[Presented], *, deep: bool = False) -> Verdict:
        """Return the verdict over all presentations of an answer; an award is judged on what was shown beside it.

        `deep`: what has become of a constituent is told, and decides only as the rule of its award says.
        """
        stacks: tuple[Judgement, ...] = ()
        if deep or len(presented) > 1:
            stacks = await self._stacks(presented, deep=deep)
        checks = [check for each in presented for check in each.checks.checks]
        checks += [check for stack in stacks for check in (stack.constituents, stack.rule)]
        subjects = tuple(each.subject for each in presented if each.subject is not None)
        return Verdict(tuple(checks), subjects, tuple(stack.stack for stack in stacks if stack.stack is not None))

    async def _stacks(self, presented: Sequence[Presented], *, deep: bool) -> tuple[Judgement, ...]:
        found = [(each, each.shown()) for each in presented]
        genuine = [one for _, one in found if one is not None]
        if not any(one.is_award for one in genuine):
            return ()
        documents = await self._facts.documents({one.version for one in genuine})
        stacks = Stacks(genuine, documents, self._clock())
        judged = stacks.judge()
        if not deep:
            return judged
        for each, one in found:
            if one is not None and one.digest in stacks.constituents:
                each.checks.only_tell(*ABOUT_STANDING)
        return tuple(stack.as_part() if stack.award.digest in stacks.constituents else stack for stack in judged)

    async def presented(self, compact: str, binding: Binding | None) -> Presented:
        """Return every check of one presentation, or of a pasted credential without `binding`.

        Raises Problem `facts_stale`, `not_caught_up`.
        """
        await self._fresh.require_fresh(*OWNERS)
        checks, now = Checklist(), self._clock()
        # 1 what can be read, and what is known about it
        claimed = checks.attempt("form", lambda: judgement.read(compact, self._chains.read))
        if claimed is None:
            checks.not_made(*_after_form(binding))
            return Presented(checks)
        facts = await self._heard(claimed)
        # 2 signature, dates, trust at award time, type
        judged = judgement.judge_credential(
            checks, claimed, facts, trusted=self._chains.trusted, catalog_url=self._catalog_url, now=now
        )
        # 3 the holder
        if binding is not None and judged is not None and _is_bound(judged, binding):
            judgement.judge_binding(checks, judged, client_id=binding.client_id, nonce=binding.nonce, now=now)
        if binding is None and judged is not None and judged.verified.parts.kb_jwt is not None:
            judgement.judge_binding_of_another(checks, judged, now)
        # 4 the status, asked only about what holds so far
        await self._judge_status(checks, judged)
        # 5 the query
        if binding is not None and judged is not None:
            judgement.judge_query(checks, judged, binding.asked)
        return Presented(checks, claimed, facts, judged)

    async def _heard(self, claimed: judgement.Claimed) -> trust.Facts:
        """Return the facts; a copy that is not known yet may have been issued a moment ago."""
        facts = await self._facts.about(claimed)
        if facts.issue is not None:
            return facts
        await self._fresh.catch_up("issuance")
        return await self._facts.about(claimed)

    async def _judge_status(self, checks: Checklist, judged: judgement.Judged | None) -> None:
        if judged is None or not checks.all_hold:
            checks.not_made("status")
            return
        reference = judgement.reference_of(checks, judged)
        if reference is None:
            return
        try:
            judgement.judge_status(checks, await self._statuses.value(reference))
        except Problem as problem:
            checks.failed("status", problem)


def _is_bound(judged: judgement.Judged, binding: Binding) -> bool:
    """Return whether the holder's key must be, or claims to be, behind the presentation."""
    return binding.asked.require_cryptographic_holder_binding or judged.verified.parts.kb_jwt is not None


def _after_form(binding: Binding | None) -> list[str]:
    left_out = {"form", "key_binding", *OF_STACKS, *(() if binding is not None else _ABOUT_THE_PRESENTATION)}
    return [code for code in TITLES if code not in left_out]
