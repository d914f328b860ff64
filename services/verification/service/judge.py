"""Judge one presented credential: what it takes to know everything, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Problem
from kompetenspass.openid.oid4vp.dcql import CredentialQuery
from services.verification.domain import judgement, trust
from services.verification.domain.checks import TITLES, Checklist, Subject, Verdict
from services.verification.service.ports import Facts, Freshness, Statuses

OWNERS = ("registry", "catalog", "issuance")
_ABOUT_THE_PRESENTATION = ("holder_binding", "query")


@dataclass(frozen=True, slots=True)
class Binding:
    """What a presentation must be bound to, and the credential query that it answers."""

    client_id: str
    nonce: str
    asked: CredentialQuery


@dataclass(frozen=True, slots=True)
class Presented:
    """What came of judging one presentation; `judged` is None unless its signature held."""

    checks: Checklist
    subject: Subject | None = None
    judged: judgement.Judged | None = None


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
        self._anchors = anchors
        self._catalog_url = catalog_url

    async def pasted(self, compact: str) -> Verdict:
        """Return the verdict on a credential that anyone may have pasted: everything but who holds it.

        Raises Problem `facts_stale`.
        """
        return verdict_of([await self.presented(compact, None)])

    async def presented(self, compact: str, binding: Binding | None) -> Presented:
        """Return every check of one presentation, or of a pasted credential without `binding`.

        Raises Problem `facts_stale`.
        """
        await self._fresh.require_fresh(*OWNERS)
        checks, now = Checklist(), self._clock()
        # 1 what can be read, and what is known about it
        claimed = checks.attempt("form", lambda: judgement.read(compact))
        if claimed is None:
            checks.not_made(*_after_form(binding))
            return Presented(checks)
        facts = await self._heard(claimed)
        # 2 signature, dates, trust at award time, type
        judged = judgement.judge_credential(
            checks, claimed, facts, anchors=self._anchors(), catalog_url=self._catalog_url, now=now
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
        return Presented(checks, judgement.subject(claimed), judged)

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


def verdict_of(presented: Sequence[Presented]) -> Verdict:
    """Return the verdict over all presentations of an answer."""
    checks = tuple(check for each in presented for check in each.checks.checks)
    return Verdict(checks, tuple(each.subject for each in presented if each.subject is not None))


def _after_form(binding: Binding | None) -> list[str]:
    left_out = {"form", "key_binding", *(() if binding is not None else _ABOUT_THE_PRESENTATION)}
    return [code for code in TITLES if code not in left_out]
