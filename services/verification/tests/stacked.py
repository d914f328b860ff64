"""A world with pathways: merits and awards, signed and bound to each other, and a holder who shows some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kompetenspass.core.errors import Problem
from kompetenspass.openid import jose, oid4vp, sdjwt, status
from services.verification.domain.checks import Check, Verdict
from services.verification.domain.trust import Document
from services.verification.service.requests import Created
from services.verification.tests.world import BY_VERIFIER, STATUS_URI, VERIFIER, World

ALL = (("has_part", None),)
PATHWAY = "path"
BOTH = {"all_of": [{"credential": "a"}, {"credential": "b"}]}
LIVE = {"default_validity": "live", "on_lapse": "suspend"}
OTHER_LIST = "https://registry.example/status/2"


def urn(id_: str) -> str:
    return f"urn:mikromerit:demo:{id_}"


class StackWorld(World):
    """Definitions a and b, and a pathway of both, whatever a test publishes besides."""

    def __init__(self) -> None:
        super().__init__()
        self._index = 10
        self.refusal: str | None = None
        for id_ in ("a", "b"):
            self.define(id_)
        self.pathway(PATHWAY, BOTH)

    def define(self, id_: str, **content: Any) -> None:
        self.said.published[urn(id_), 1] = Document("definition", id_, urn(id_), 1, content)

    def pathway(self, id_: str, rule: Mapping[str, Any], **constraints: Any) -> None:
        held = {"double_counting": "forbid", "default_validity": "snapshot"} | constraints
        award = {"mode": "automatic", "on_satisfied": "award"}
        content = {"id": id_, "version": 1, "rule": rule, "constraints": held, "award": award}
        self.said.published[urn(id_), 1] = Document("pathway", id_, urn(id_), 1, content)

    def merit(self, id_: str, **claims: Any) -> str:
        """Return a signed credential of the definition or pathway, with a place of its own in the status list."""
        self._index += 1
        own = {"definition": urn(id_), "status": status.Reference(STATUS_URI, self._index).claim()}
        return self.credential(lambda found: found.update(own | claims))

    def award(self, *parts: str, of: str = PATHWAY, **claims: Any) -> str:
        """Return a signed award that rests on these credentials."""
        bound = [{"definition": definition_of(part), "digests": [sdjwt.digest_of_copy(part)]} for part in parts]
        return self.merit(of, **({"has_part": bound} | claims))

    def set_status(self, credential: str, value: int) -> None:
        self.registry.set(_claims(credential)["status"]["status_list"]["idx"], value)

    async def ask_deep(self, pathway_id: str = PATHWAY) -> Created:
        query = await self.requests.deep_query(pathway_id, [])
        return await self.requests.create(VERIFIER, query, BY_VERIFIER, deep=True)

    async def show(self, created: Created, *credentials: str, paths: Sequence[Any] = ALL) -> Mapping[str, Any]:
        """Return the verdict once a wallet has answered with these; of awards it discloses `paths`."""
        asked = self.state.asked[created.request_id]
        ids = {entry["claims"][0]["values"][0]: entry["id"] for entry in asked.dcql_query["credentials"]}
        kb = sdjwt.KeyBinding(created.client_id, asked.nonce, self.clock(), self.holder)
        token: dict[str, list[str]] = {}
        for credential in credentials:
            disclosed = paths if "has_part" in _claims(credential) else ()
            shown = sdjwt.present(credential, disclosed, kb=kb)
            token.setdefault(ids[definition_of(credential)], []).append(shown)
        form = oid4vp.vp_token_form(token, asked.state)
        self.refusal = await self._refusal(created, form.encode())
        view = await self.requests.read(created.request_id, VERIFIER)
        assert view.verdict is not None
        return {**view.verdict, "claims": view.claims}

    async def _refusal(self, created: Created, body: bytes) -> str | None:
        try:
            await self.requests.answer(created.request_id, body, "test")
        except Problem as problem:
            return problem.code
        return None

    async def deep(self, *credentials: str, of: str = PATHWAY) -> Mapping[str, Any]:
        """Return the verdict on a deep request that was answered with these."""
        return await self.show(await self.ask_deep(of), *credentials)


def definition_of(credential: str) -> str:
    return str(_claims(credential)["definition"])


def checks_of(verdict: Mapping[str, Any], code: str) -> list[tuple[bool | None, str | None]]:
    """Return whether the checks with a code held, and why not."""
    return [(check["ok"], check.get("reason")) for check in verdict["checks"] if check["code"] == code]


def stack_checks(verdict: Verdict) -> dict[str, Check]:
    return {check.code: check for check in verdict.checks if check.code in ("constituents", "stack_rule")}


def _claims(credential: str) -> Mapping[str, Any]:
    return jose.parse_unverified(sdjwt.parse(credential).jwt).payload
