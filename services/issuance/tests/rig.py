"""What the tests drive issuance with: organisations that command, and a wallet that speaks the protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from sqlalchemy import text

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.keys.api import Signer
from kompetenspass.openid.oid4vci import proof
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestSigner
from kompetenspass.testing.waiting import until
from kompetenspass.web.runtime import Runtime
from services.issuance.app import profile_of
from services.issuance.queries import Queries
from services.issuance.service.achievements import Achievements
from services.issuance.service.offers import Offers
from services.issuance.settings import Settings
from services.issuance.state import State
from services.issuance.tests.world import ASSESSOR, KOMMUN, VUX, World, definition
from services.issuance.vault import MasterKey, Vault

BASE, CATALOG, TOKENS = "https://issuance.example", "https://catalog.example", "https://tokens.example"
SLUG = "skelleftea-kommun"
ISSUER = f"{BASE}/issuers/{SLUG}"
GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
LEARNER = {"given_name": "Ingeborg", "family_name": "Förstapristagare", "birth_date": "1990-02-03"}
MERIT = "sko-ys-01"

Json = dict[str, Any]


@dataclass(frozen=True)
class OneSigner:
    """The same signer for every issuer."""

    signer: Signer

    def of(self, slug: str) -> Signer:
        return self.signer


def scores(percent: float, definition_id: str = MERIT, **changed: float) -> list[Json]:
    """Return a result for each instrument, all with the same percentage but those changed by number."""
    uris = [each["uri"] for each in definition(definition_id)["assessment"]["types"]]
    return [{"instrument": uri, "score_percent": changed.get(f"n{number}", percent)} for number, uri in enumerate(uris)]


@dataclass
class Rig:
    client: httpx2.AsyncClient
    clock: FixedClock
    runtime: Runtime
    world: World
    signer: TestSigner
    tokens: DevelopmentTokenIssuer

    @property
    def settings(self) -> Settings:
        assert isinstance(self.runtime.settings, Settings)
        return self.runtime.settings

    @property
    def offers(self) -> Offers:
        """What the timer calls."""
        master, queries = MasterKey(self.settings.state_dir / "vault.key"), self.queries
        return Offers(self.runtime.log, queries, self.state, master, profile_of(self.settings), self.clock)

    @property
    def achievements(self) -> Achievements:
        """What the timer calls."""
        return Achievements(self.runtime.log, self.queries, self.state, self.vault, self.clock)

    @property
    def vault(self) -> Vault:
        return Vault(self.runtime.statements, MasterKey(self.settings.state_dir / "vault.key"))

    @property
    def queries(self) -> Queries:
        return Queries(self.runtime.engine, self.runtime.require_fresh, self.runtime.statements.shared)

    @property
    def state(self) -> State:
        return State(self.runtime.engine, self.runtime.statements)

    def headers(self, org: str, *roles: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.mint(org, roles, 'client-1')}"}

    async def post(self, path: str, body: object, org: str, *roles: str) -> httpx2.Response:
        return await self.client.post(path, json=body, headers=self.headers(org, *roles))

    async def caught_up(self) -> None:
        """Wait until every reader of issuance has seen all that is in the logs, and says so."""
        await until(self._is_caught_up)

    async def _is_caught_up(self) -> bool:
        if any(cursor.lag for cursor in (await self.runtime.ready()).cursors):
            return False
        try:
            await self.runtime.require_fresh("registry", "catalog")
        except Problem:
            return False
        return True

    async def plan(self, definition_id: str = MERIT, learner: Json | None = None, **more: Any) -> httpx2.Response:
        body = {"definition_id": definition_id, "route": "course", "learner": learner or LEARNER, **more}
        return await self.post("/v1/achievements", body, VUX, "provider")

    async def record(self, achievement_id: str, results: list[Json], **more: Any) -> httpx2.Response:
        body = {"results": results, "assessor_ref": ASSESSOR, **more}
        return await self.post(f"/v1/achievements/{achievement_id}/results", body, VUX, "provider")

    async def confirm(self, achievement_id: str, **body: Any) -> httpx2.Response:
        return await self.post(f"/v1/achievements/{achievement_id}/confirm", body, KOMMUN, "awarding_body")

    async def offer(self, achievement_id: str, *, tx_code: bool = False) -> Json:
        path = f"/v1/achievements/{achievement_id}/offers"
        answer = await self.post(path, {"tx_code": tx_code}, KOMMUN, "awarding_body")
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def achieved(self, definition_id: str = MERIT, percent: float = 92, learner: Json | None = None) -> Json:
        """Plan, record and confirm; return what planning answered."""
        planned = await self.plan(definition_id, learner, prerequisites_waived="test")
        assert planned.status_code == 201, planned.text
        achievement = dict(planned.json())
        recorded = await self.record(achievement["achievement_id"], scores(percent, definition_id))
        assert recorded.json() == {"passed": True, "shortfalls": []}, recorded.text
        confirmed = await self.confirm(achievement["achievement_id"])
        assert confirmed.status_code == 200, confirmed.text
        return achievement

    async def wallet(self, *, tx_code: bool = False, definition_id: str = MERIT) -> Wallet:
        """Return a wallet that was handed an offer for a fresh achievement."""
        achievement = await self.achieved(definition_id)
        offered = await self.offer(achievement["achievement_id"], tx_code=tx_code)
        return Wallet(self, offered, achievement)

    async def logged(self) -> list[str]:
        """Return the data of every event in issuance's log."""
        return [recorded.data for recorded in await self.runtime.log.read(0, 10_000)]

    async def scalar(self, statement: str) -> Any:
        """Return one value from issuance's own schema."""
        async with self.runtime.engine.connect() as connection:
            return await connection.scalar(text(statement))

    async def execute(self, statement: str) -> None:
        """Change issuance's own schema."""
        async with self.runtime.engine.begin() as connection:
            await connection.execute(text(statement))

    async def rows(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(await self.scalar(f"select count(*) from {table}"))

    async def dump(self, *tables: str) -> str:
        """Return all that tables hold, as text."""
        return "\n".join([str(await self.scalar(f"select json_agg(t)::text from {name} t")) for name in tables])

    async def events(self, kind: str) -> list[Json]:
        """Return the payloads of one type of event, in order."""
        found = [json.loads(data) for data in await self.logged()]
        return [one["payload"] for one in found if one["type"] == f"issuance.{kind}.v1"]


@dataclass
class Wallet:
    rig: Rig
    offered: Json
    achievement: Json
    key: TestSigner = field(default_factory=TestSigner)
    access_token: str = ""

    @property
    def document(self) -> Json:
        """The credential offer that the link carries."""
        query = parse_qs(urlsplit(self.offered["offer_uri"]).query)
        return dict(json.loads(query["credential_offer"][0]))

    @property
    def code(self) -> str:
        return str(self.document["grants"][GRANT]["pre-authorized_code"])

    async def redeem(self, **changes: str | None) -> httpx2.Response:
        form = {"grant_type": GRANT, "pre-authorized_code": self.code, "tx_code": self.offered["tx_code"]} | changes
        sent = {name: value for name, value in form.items() if value is not None}
        return await self.rig.client.post(f"/issuers/{SLUG}/token", data=sent)

    async def token(self, **changes: str | None) -> str:
        answer = await self.redeem(**changes)
        assert answer.status_code == 200, answer.text
        self.access_token = str(answer.json()["access_token"])
        return self.access_token

    async def nonce(self, slug: str = SLUG) -> str:
        return str((await self.rig.client.post(f"/issuers/{slug}/nonce")).json()["c_nonce"])

    def proof(self, nonce: str | None, key: TestSigner | None = None, issuer: str = ISSUER, **times: int) -> str:
        return proof.build(key or self.key, issuer=issuer, now=self.rig.clock(), nonce=nonce)

    async def request(self, body: object, token: str | None = None, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token or self.access_token}"}
        return await self.rig.client.post(f"/issuers/{SLUG}/credential", json=body, headers=headers, **options)

    async def credential(self, *proofs: str, configuration: str = MERIT, **more: Any) -> httpx2.Response:
        jwts = list(proofs) or [self.proof(await self.nonce())]
        body = {"credential_configuration_id": configuration, "proofs": {"jwt": jwts}, **more}
        return await self.request(body)

    async def fetched(self) -> Json:
        """Redeem and fetch; return the credential response."""
        await self.token()
        answer = await self.credential()
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def notify(self, notification_id: str, event: str = "credential_accepted") -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.access_token}"}
        body = {"notification_id": notification_id, "event": event}
        return await self.rig.client.post(f"/issuers/{SLUG}/notification", json=body, headers=headers)
