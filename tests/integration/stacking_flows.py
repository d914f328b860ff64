"""A partner and wallets on a platform that goes away: each step may be repeated, or looks at what is there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx2

from kompetenspass.core.clock import system_clock
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.openid.oid4vci import proof
from kompetenspass.openid.sdjwt import digest_of_copy
from kompetenspass.testing.keys import TestSigner

JSON = dict[str, Any]
T = TypeVar("T")

PERCENT = 92.0
"""What every learner reaches in every instrument."""

_PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
_PAUSE_SECONDS, _PATIENCE_SECONDS = 0.1, 1800.0  # on a busy machine all the kills and starts fall into one wait
_LOOKS = 30  # for an offer that the platform makes by itself


class Lost(Exception):
    """No answer came, or one that says to ask again: nobody knows what was done."""


class Refused(Exception):
    """The platform answered no."""

    def __init__(self, what: str, status: int, body: JSON) -> None:
        self.body, self.code = body, str(body.get("code", body.get("error")))
        super().__init__(f"{what} answered {status} {self.code}")


async def until(attempt: Callable[[], Awaitable[T | None]], what: str, *, refusable: bool = True) -> T:
    """Return what an attempt finds in the end; after a lost answer, or none yet, it is made again a moment later.

    So too after a refusal, if `refusable`: it may be of something that was done before the answer got lost.
    """
    end, last = time.monotonic() + _PATIENCE_SECONDS, None
    while time.monotonic() < end:
        try:
            if (found := await attempt()) is not None:
                return found
        except Lost:
            pass
        except Refused as refused:
            if not refusable:
                raise
            last = refused
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError(f"{what}: never; last refusal: {last}")


@dataclass
class Line:
    """The way to the platform; who asks while it is not `up` waits. `lost` counts answers that never came."""

    urls: Mapping[str, str]
    http: httpx2.AsyncClient
    up: asyncio.Event = field(default_factory=asyncio.Event)
    lost: int = 0

    async def ask(self, method: str, url: str, **options: Any) -> JSON:
        """Return the body of an answer. Raises Lost, Refused."""
        await self.up.wait()
        try:
            response = await self.http.request(method, url, **options)
        except httpx2.HTTPError as error:
            self.lost += 1
            raise Lost from error
        if response.status_code >= 500:
            raise Lost
        if response.status_code >= 400:
            raise Refused(f"{method} {urlsplit(url).path}", response.status_code, response.json())
        answer: JSON = response.json()
        return answer


@dataclass
class Wallet:
    """A wallet outside the platform. `released`: which credential each copy is of that it was ever handed."""

    line: Line
    released: dict[str, str]
    key: TestSigner = field(default_factory=TestSigner)

    async def take(self, offer_uri: str, credential_id: str) -> None:
        """Fetch what is offered. Raises Lost when the code may be used up, Refused when the offer is over."""
        offer = json.loads(parse_qs(urlsplit(offer_uri).query)["credential_offer"][0])
        issuer, code = offer["credential_issuer"], offer["grants"][_PRE_AUTHORIZED]["pre-authorized_code"]
        form = {"grant_type": _PRE_AUTHORIZED, "pre-authorized_code": code}
        token = (await self.line.ask("POST", f"{issuer}/token", data=form))["access_token"]

        async def attempt() -> str:
            nonce = (await self.line.ask("POST", f"{issuer}/nonce"))["c_nonce"]
            jwt = proof.build(self.key, issuer=issuer, now=system_clock(), nonce=nonce)
            body = {"credential_configuration_id": offer["credential_configuration_ids"][0], "proofs": {"jwt": [jwt]}}
            headers = {"Authorization": f"Bearer {token}"}
            answer = await self.line.ask("POST", f"{issuer}/credential", json=body, headers=headers)
            return str(answer["credentials"][0]["credential"])

        copy = await until(attempt, "the credential", refusable=False)
        self.released[digest_of_copy(copy)] = credential_id


@dataclass
class Learner:
    """Somebody who learns: unknown to the platform until `ref` is set; `merits` are credentials by definition."""

    name: str
    wallet: Wallet
    ref: str = ""
    merits: dict[str, str] = field(default_factory=dict)

    @property
    def named(self) -> JSON:
        """How a command names the learner."""
        return {"learner_ref": self.ref} if self.ref else {"given_name": "Prov", "family_name": self.name}


@dataclass(frozen=True)
class Partner:
    """One organisation that assesses, awards and issues."""

    slug: str
    line: Line
    tokens: DevelopmentTokenIssuer
    definitions: Mapping[str, JSON]

    async def earn(self, learner: Learner, definition_id: str) -> str:
        """Let the learner earn a merit and fetch it; return the id of the credential."""
        achievement_id = await self._planned(learner, definition_id)
        await self._confirmed(achievement_id, definition_id)

        async def fetched() -> str:
            offer = await self.command("issuance", f"/v1/achievements/{achievement_id}/offers", {"tx_code": False})
            await learner.wallet.take(offer["offer_uri"], offer["credential_id"])
            return str(offer["credential_id"])

        learner.merits[definition_id] = await until(fetched, f"{definition_id} fetched")
        return learner.merits[definition_id]

    async def award(self, learner: Learner, pathway_id: str, *states: str) -> JSON:
        """Return the learner's award of a pathway once it is in one of these states."""

        async def attempt() -> JSON | None:
            query = f"learner_ref={learner.ref}&pathway_id={pathway_id}"
            items: list[JSON] = (await self.get("issuance", f"/v1/awards?{query}"))["items"]
            assert len(items) <= 1, items
            return items[0] if items and items[0]["state"] in states else None

        return await until(attempt, f"{pathway_id} {states}")

    async def decide(self, learner: Learner, pathway_id: str) -> None:
        """Award what was proposed; the reference of the decision makes a repeat the same decision."""
        stack_id = (await self.award(learner, pathway_id, "proposed", "awarded"))["stack_id"]
        body = {"decision": "award", "decision_ref": f"BESLUT-{stack_id}"}
        await until(lambda: self.command("issuance", f"/v1/awards/{stack_id}/decision", body), "decision")

    async def review(self, stack_id: str, **decision: Any) -> None:
        """Decide the review of an award once it is open."""
        body = {"decision_ref": f"PROVNING-{stack_id}", **decision}
        await until(lambda: self.command("issuance", f"/v1/awards/{stack_id}/review", body), "review")

    async def collect(self, learner: Learner, stack_id: str, part: str = "") -> None:
        """Let the learner fetch an award, once it rests on `part`; offer it again where the offer got lost."""
        looks = 0

        async def attempt() -> JSON | None:
            nonlocal looks
            seen = await self.get("issuance", f"/v1/awards/{stack_id}")
            parts = {one["credential_id"] for one in seen["constituents"]}
            if seen["state"] != "awarded" or (part and part not in parts):
                return None
            looks += 1
            offer = seen["offer"]
            if offer is None and looks < _LOOKS:
                return None
            offer = offer or await self.command("issuance", f"/v1/awards/{stack_id}/offers", {"tx_code": False})
            await learner.wallet.take(offer["offer_uri"], seen["credential_id"])
            return seen

        await until(attempt, f"award {stack_id} fetched")

    async def supersede(self, learner: Learner, definition_id: str) -> str:
        """Let the learner earn a merit again in place of the one before; return the new one's id."""
        old = learner.merits[definition_id]
        new = await self.earn(learner, definition_id)
        body = {"by_credential_id": new, "cause": "correction"}
        await until(lambda: self.command("issuance", f"/v1/credentials/{old}/supersede", body), "supersession")
        return new

    async def suspend(self, credential_id: str) -> None:
        """Suspend a credential as its issuer."""
        await self._change(credential_id, "suspend", "under_review", lambda seen: "issuer" in seen["causes"])

    async def reinstate(self, credential_id: str) -> None:
        """Take the issuer's suspension back."""
        await self._change(credential_id, "reinstate", "review_over", lambda seen: "issuer" not in seen["causes"])

    async def revoke(self, credential_id: str, reason: str, **more: Any) -> None:
        """Revoke a credential as its issuer."""
        await self._change(credential_id, "revoke", reason, lambda seen: seen["status"] == "revoked", **more)

    async def get(self, service: str, path: str) -> JSON:
        """Return the body of an answer. Raises Lost, Refused."""
        return await self.line.ask("GET", self.line.urls[service] + path, headers=self._headers)

    async def command(self, service: str, path: str, body: JSON) -> JSON:
        """Return the answer to a command. Raises Lost, Refused."""
        return await self.line.ask("POST", self.line.urls[service] + path, json=body, headers=self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        token = self.tokens.mint(f"org:{self.slug}", ["awarding_body", "provider", "issuer"], "integration-test", 600)
        return {"Authorization": f"Bearer {token}"}

    async def _planned(self, learner: Learner, definition_id: str) -> str:
        """Plan; where a lost answer left one open, go on with that one."""
        body = {"definition_id": definition_id, "route": "course"}

        async def attempt() -> str:
            try:
                answer = await self.command("issuance", "/v1/achievements", {**body, "learner": learner.named})
            except Refused as refused:
                if refused.code == "achievement_open":
                    return str(refused.body["achievement_id"])
                raise
            learner.ref = answer["learner_ref"]
            return str(answer["achievement_id"])

        return await until(attempt, f"{definition_id} planned")

    async def _confirmed(self, achievement_id: str, definition_id: str) -> None:
        """Record and confirm; after a lost answer or a refusal, go on from where it stands."""
        path = f"/v1/achievements/{achievement_id}"
        steps = {"planned": ("results", self._results(definition_id), "passed"), "passed": ("confirm", {}, "confirmed")}
        phase = "planned"

        async def looked() -> str:
            return str((await self.get("issuance", path))["phase"])

        while phase != "confirmed":
            command, body, then = steps[phase]
            try:
                await self.command("issuance", f"{path}/{command}", body)
                phase = then
            except (Lost, Refused):
                phase = await until(looked, f"{definition_id} looked at")

    def _results(self, definition_id: str) -> JSON:
        content = self.definitions[definition_id]
        criteria = [outcome["id"] for outcome in content["learning_outcomes"]]
        results = [
            {"instrument": kind["uri"], "score_percent": PERCENT, "criteria_met": criteria}
            for kind in content["assessment"]["types"]
        ]
        return {"results": results, "assessor_ref": f"assessor:{self.slug}-1"}

    async def _change(
        self, credential_id: str, command: str, reason: str, holds: Callable[[JSON], bool], **more: Any
    ) -> None:
        path = f"/v1/credentials/{credential_id}"

        async def attempt() -> JSON | None:
            try:
                await self.command("registry", f"{path}/{command}", {"reason_code": reason, **more})
            except Refused:
                await asyncio.sleep(0)  # it may be done already: the look tells
            seen = await self.get("registry", path)
            return seen if holds(seen) else None

        await until(attempt, f"{command} {credential_id}")
