"""Evidence: the awarding body records what a learner presented to it, and withdraws it. Source: domain.md 3.5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kompetenspass.core.errors import not_found
from kompetenspass.core.ids import uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.stacking import CredentialRecognised, EvidenceEnd
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute, fold
from services.issuance.domain import credential, evidence
from services.issuance.domain.credential import Credential, Status
from services.issuance.domain.evidence import Evidence
from services.issuance.service.awards_commands import require_awarding_body
from services.issuance.service.ports import Caller


@dataclass(frozen=True, slots=True)
class RecogniseCredential:
    """The command: a copy that was presented, by its digest, in answer to which request.

    `result_percent` is the result that the awarding body saw disclosed then.
    """

    request_id: UUID
    digest: str
    result_percent: float | None = field(default=None, repr=False)


class EvidenceFacts(Protocol):
    """What the logs say of credentials."""

    async def require_fresh(self) -> None:
        """Raise Problem `facts_stale` when the facts were checked too long ago."""

    async def credential_of_copy(self, digest: str) -> UUID | None:
        """Return the credential that a copy belongs to, whatever became of it; None when none was issued here."""

    async def status(self, credential_id: UUID) -> Status | None:
        """Return what the registry says of a credential, None before it said anything."""


class EvidenceVault(Protocol):
    """The learners of the awarding body, and what was disclosed of their results."""

    async def knows(self, tenant: str, learner_ref: str) -> bool:
        """Return whether the tenant has this learner."""

    async def keep(self, learner_ref: str, entry_id: UUID, kind: str, value: Mapping[str, Any]) -> None:
        """Keep an entry."""

    async def forget(self, learner_ref: str, entry_id: UUID) -> None:
        """Take an entry away; one that is not there changes nothing."""


class EvidenceRecords:
    """What counts for a learner though another issued it. The other's vault is never read."""

    def __init__(self, log: Log, facts: EvidenceFacts, vault: EvidenceVault) -> None:
        self._log = log
        self._facts = facts
        self._vault = vault

    async def recognise(
        self, caller: Caller, learner_ref: str, command: RecogniseCredential
    ) -> tuple[CredentialRecognised, int]:
        """Return what counts for the learner now, and the log position (0: it was said already).

        Raises `evidence_unknown`, `evidence_not_valid`, `evidence_needless`, `forbidden`, `not_found`, `facts_stale`.
        """
        await self._require_own(caller, learner_ref)
        presented = await self._presented(caller, learner_ref, command)
        known, _ = await fold(self._log, evidence.stream_of(learner_ref), evidence.INITIAL, evidence.evolve)
        if presented.vault_ref is not None and evidence.recognise(known, presented):
            result = {"percent": command.result_percent}
            await self._vault.keep(learner_ref, presented.vault_ref, "evidence", result)

        def decide(state: Evidence) -> Sequence[Event]:
            return evidence.recognise(state, presented)

        done = await execute(
            self._log, evidence.stream_of(learner_ref),
            initial=evidence.INITIAL, evolve=evidence.evolve, decide=decide, context=caller.context,
        )  # fmt: skip
        return done.state.recognised[presented.credential_id], done.position

    async def withdraw(self, caller: Caller, learner_ref: str, credential_id: UUID, reason_code: EvidenceEnd) -> int:
        """Let a credential count no more, and forget what was disclosed of it.

        Return the log position (0: it was withdrawn already). Raises `forbidden`, `not_found`, `facts_stale`.
        """
        await self._require_own(caller, learner_ref)

        def decide(state: Evidence) -> Sequence[Event]:
            return evidence.withdraw(state, credential_id, reason_code)

        done: Done[Evidence] = await execute(
            self._log, evidence.stream_of(learner_ref),
            initial=evidence.INITIAL, evolve=evidence.evolve, decide=decide, context=caller.context,
        )  # fmt: skip
        disclosed = done.state.recognised[credential_id].vault_ref
        if disclosed is not None:
            await self._vault.forget(learner_ref, disclosed)
        return done.position

    async def _require_own(self, caller: Caller, learner_ref: str) -> None:
        require_awarding_body(caller)
        await self._facts.require_fresh()
        if not await self._vault.knows(caller.org, learner_ref):
            raise not_found("learner")

    async def _presented(self, caller: Caller, learner_ref: str, command: RecogniseCredential) -> CredentialRecognised:
        """Return what is to be said, once the copy is one of a credential that may count."""
        credential_id = await self._facts.credential_of_copy(command.digest)
        if credential_id is None:
            raise evidence.unknown()
        folded, _ = await fold(self._log, credential.stream_of(credential_id), Credential(), credential.evolve)
        status = await self._facts.status(credential_id)
        issued = evidence.require_presentable(folded, command.digest, status, caller.org)
        return CredentialRecognised(
            learner_ref=learner_ref,
            awarding_body=caller.org,
            credential_id=credential_id,
            digest=command.digest,
            issuer_org=issued.issuer_org,
            definition_id=issued.definition_id,
            definition_version=issued.definition_version,
            request_id=command.request_id,
            vault_ref=None if command.result_percent is None else uuid7(),
        )
