"""Another tenant for tests: its definition, pathway and learner, said in the logs; and what is presented of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2

from kompetenspass.core.digest import content_digest, sha256_b64u
from kompetenspass.core.ids import credential_id_of, uuid7
from kompetenspass.events import issuance, registry, stacking
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Append, Stored
from services.issuance.domain import stack
from services.issuance.tests.pathways import BODY, all_of, command, pathway, publish, settled
from services.issuance.tests.rig import Json, Rig
from services.issuance.tests.stated import id_of
from services.issuance.tests.world import SINCE, definition, published

ABROAD = "org:abroad"
THEIRS, THEIR_PATH = "abroad-01", "abroad-path"
STRANGER = "learner-abroad"


class Abroad:
    """Says in the logs what the other tenant does."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.versions: dict[str, int] = {}
        self.content = {
            **definition("sko-ys-03"), "id": THEIRS, "urn": f"urn:mikromerit:demo:{THEIRS}", "awarding_body": ABROAD,
            "provider": ABROAD,
        }  # fmt: skip

    async def founded(self) -> Abroad:
        """Found the organisation and publish its definition."""
        await self.rig.world.found(ABROAD, "Utlandet (demo)", "awarding_body", "issuer")
        await self.rig.world.state(f"def-{THEIRS}", published(self.content))
        await settled(self.rig)
        return self

    async def say(self, stream: str, *events: Event) -> None:
        """Append to a stream of issuance's log, and wait until everything has followed."""
        drafts = [seal(uuid7(), event, Context(SYSTEM, self.rig.clock(), "abroad")) for event in events]
        answer = await self.rig.runtime.log.append(Append(stream, self.versions.get(stream, 0), drafts))
        assert isinstance(answer, Stored), answer
        self.versions[stream] = answer.version
        await settled(self.rig)

    async def earned(self, name: str = "one") -> UUID:
        """Let the other tenant's learner earn its merit; the copy is named after the credential."""
        achievement, today = id_of(name), self.rig.clock().date()
        its: Json = {"achievement_id": achievement}
        await self.say(
            f"ach-{achievement}",
            issuance.AssessmentPlanned(
                **its, learner_ref=STRANGER, definition_id=THEIRS, definition_version=self.content["version"],
                definition_digest=content_digest(self.content), awarding_body=ABROAD, provider=ABROAD, route="course",
            ),
            issuance.AchievementConfirmed(
                **its, vault_ref=uuid7(), awarded_on=today, assessor_authorisation_ref="d", recognition_level="R4"
            ),
        )  # fmt: skip
        digest = content_digest(self.content)
        return await self.issued(credential_id_of(achievement), name, its, THEIRS, digest)

    async def issued(self, credential_id: UUID, copy: str, its: Json, what: str, digest: str) -> UUID:
        """Release a copy of a credential, in the place of those before."""
        shared = {
            **its, "credential_id": credential_id, "learner_ref": STRANGER, "definition_id": what,
            "definition_version": 1, "definition_digest": digest, "issuer_org": ABROAD, "recognition_level": "R4",
        }  # fmt: skip
        offered = issuance.CredentialOffered(
            **shared, offer_id=uuid7(), formats=("dc+sd-jwt",), tx_code=False, offer_expires_at=self.rig.clock()
        )
        copies = (registry.StatusRef(digest=copy_of(copy), status_uri="https://registry.example/status/2", index=1),)
        released = issuance.CredentialIssued(
            **shared, issuer="i", format="dc+sd-jwt", vct="v", kid="k", copies=copies, valid_from=SINCE
        )
        await self.say(f"cred-{credential_id}", offered, released)
        return credential_id

    async def again(self, credential_id: UUID, copy: str) -> None:
        """Release a new copy of the merit."""
        its = {"achievement_id": id_of("one")}
        await self.issued(credential_id, copy, its, THEIRS, content_digest(self.content))

    async def superseded(self, credential_id: UUID, by: UUID, cause: str) -> None:
        """Let a credential take the place of another."""
        values: Json = {"credential_id": str(credential_id), "by_credential_id": str(by), "learner_ref": STRANGER}
        more: Json = {"definition_id": THEIRS, "issuer_org": ABROAD, "cause": cause}
        await self.say(f"cred-{credential_id}", stacking.CredentialSuperseded.read(values | more))

    async def awarded(self) -> UUID:
        """Publish the other tenant's pathway, award it to its learner and release the credential."""
        content = pathway(all_of(THEIRS), THEIR_PATH, mode="decision") | {"awarding_body": ABROAD}
        await publish(self.rig, content)
        stack_id = stack.stack_id_of(STRANGER, THEIR_PATH, 1, 1)
        stacked = stacking.CredentialStacked(
            stack_id=stack_id, credential_id=credential_id_of(stack_id), learner_ref=STRANGER, pathway_id=THEIR_PATH,
            pathway_version=1, pathway_digest=content_digest(content), rule_digest=content_digest(content["rule"]),
            awarding_body=ABROAD, ordinal=1, constituents=(), proof_digest="p", mode="decision", decision_ref="d-1",
            awarded_on=self.rig.clock().date(), recognition_level="R4",
        )  # fmt: skip
        await self.say(stack.stream_of(stack_id), stacked)
        its = {"stack_id": stack_id}
        offered_by_itself = f"cred-{stacked.credential_id}"
        history = await self.rig.runtime.log.read_stream(offered_by_itself)
        self.versions[offered_by_itself] = len(history)
        return await self.issued(stacked.credential_id, "award", its, THEIR_PATH, content_digest(content))

    async def award_ends(self, credential_id: UUID) -> None:
        """Let the other tenant revoke its award."""
        stack_id = stack.stack_id_of(STRANGER, THEIR_PATH, 1, 1)
        its: Json = {"stack_id": str(stack_id), "credential_id": str(credential_id), "learner_ref": STRANGER}
        its |= {"issuer_org": ABROAD, "pathway_id": THEIR_PATH, "pathway_version": 1, "reason_code": "issued_in_error"}
        await self.say(stack.stream_of(stack_id), stacking.StackRevoked.read(its))


def copy_of(name: str) -> str:
    """Return the digest of a copy."""
    return sha256_b64u(name.encode())


async def recognised(rig: Rig, learner_ref: str, copy: str = "one", **more: Any) -> httpx2.Response:
    """Let the awarding body record what its learner presented."""
    body = {"request_id": str(uuid7()), "digest": copy_of(copy), **more}
    return await command(rig, f"/v1/learners/{learner_ref}/evidence", BODY, **body)


async def withdrawn(rig: Rig, learner_ref: str, credential_id: UUID, **more: Any) -> httpx2.Response:
    """Let the awarding body withdraw it."""
    return await command(rig, f"/v1/learners/{learner_ref}/evidence/{credential_id}/withdraw", BODY, **more)
