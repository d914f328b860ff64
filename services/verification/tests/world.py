"""A small world around verification: an issuer, a holder, a status list, and what the services have said of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import random_bytes
from kompetenspass.events.envelope import Actor, Context
from kompetenspass.log.memory import MemoryLog
from kompetenspass.openid import jose, mikromerit, oid4vp, sdjwt, status
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestAnchor, TestSigner
from kompetenspass.web.outbound import Fetched
from services.verification.clients import StatusLists
from services.verification.domain.judgement import Claimed
from services.verification.domain.presentation import Asked
from services.verification.domain.trust import Document, Facts, Grant, Issue, IssuerKey, KnownDefinition, Period
from services.verification.domain.trust import Kind as DocumentKind
from services.verification.service.judge import Judge
from services.verification.service.ports import SealedClaims
from services.verification.service.requests import Created, Policy, Requests

CATALOG, BASE = "https://catalog.example", "https://verification.example"
ISSUER, ORG, VERIFIER = "https://issuance.example/issuers/kommun", "org:kommun", "org:hemtjanst"
STATUS_URI, URN = "https://registry.example/status/1", "urn:mikromerit:demo:mm-01"
START = datetime(2026, 1, 1, tzinfo=UTC)
ISSUED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BY_VERIFIER = Context(Actor(VERIFIER, "verifier"), ISSUED, "test")


class SaidFacts:
    """What the services have said; a test replaces `facts`."""

    def __init__(self) -> None:
        grant = Grant(Period(START))
        self.facts = Facts(
            key=IssuerKey(ORG, ISSUER, Period(START, datetime(2030, 1, 1, tzinfo=UTC))),
            roles={"issuer": (grant,), "awarding_body": (grant,)},
            definition=KnownDefinition("mm-01", 1, ORG, "digest"),
            issue=Issue(ORG, "mm-01", 1, "digest", ISSUED),
        )
        self.stale = False
        self.heard_late: Facts | None = None
        self.published: dict[tuple[str, int], Document] = {}
        self.void: set[str] = set()

    async def about(self, claimed: Claimed) -> Facts:
        document = self.published.get((claimed.definition, claimed.definition_version))
        if document is None or self.facts.issue is None:
            return self.facts
        known = KnownDefinition(document.id, document.version, ORG, "digest", kind=document.kind)
        issue = Issue(ORG, document.id, document.version, "digest", ISSUED, claimed.digest in self.void)
        return replace(self.facts, definition=known, issue=issue)

    async def documents(self, versions: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], Document]:
        return {version: self.published[version] for version in versions if version in self.published}

    async def newest(self, kind: DocumentKind, ids: Collection[str]) -> tuple[Document, ...]:
        found = {one.id: one for one in self.published.values() if one.kind == kind and one.id in ids}
        return tuple(found[id_] for id_ in sorted(found))

    async def urn_of(self, definition_id: str) -> str:
        return URN

    async def require_fresh(self, *owners: str) -> None:
        if self.stale:
            raise Problem("facts_stale", "What this decision rests on is not up to date.", kind=Kind.UNAVAILABLE)

    async def catch_up(self, owner: str) -> None:
        if self.heard_late is not None:
            self.facts, self.heard_late = self.heard_late, None


class Registry:
    """The registry as others see it: one status list by URL."""

    def __init__(self, signer: TestSigner, clock: FixedClock) -> None:
        self.signer = signer
        self.uri = STATUS_URI
        self.ttl_seconds = 60
        self.down = False
        self.unreachable: set[str] = set()
        self.fetched = 0
        self._clock = clock
        self._values = status.new_values(64, 2)

    def set(self, index: int, value: int) -> None:
        status.set_value(self._values, 2, index, value)

    async def get(
        self, url: str, *, accept: str = "application/json", max_bytes: int = 65536, timeout_seconds: float = 5
    ) -> Fetched:
        self.fetched += 1
        if self.down or url in self.unreachable:
            raise Problem("upstream_unavailable", "The other side cannot be reached.", kind=Kind.UNAVAILABLE)
        lst = status.encode(self._values, 2)
        now = self._clock()
        later = now + timedelta(days=1)
        body = status.token(
            lst, 2, uri=self.uri, signer=self.signer, issued_at=now, expires_at=later, ttl_seconds=self.ttl_seconds
        )
        return Fetched(200, {}, body.encode())


class MemoryState:
    """The durable state of requests, for as long as a test runs."""

    def __init__(self) -> None:
        self.asked: dict[UUID, Asked] = {}
        self.fetches: dict[UUID, int] = {}
        self.verdicts: dict[UUID, dict[str, Any]] = {}
        self.claims: dict[UUID, dict[str, Any]] = {}

    async def get(self, request_id: UUID) -> Asked | None:
        return self.asked.get(request_id)

    async def put(self, asked: Asked) -> None:
        self.asked[asked.request_id] = asked

    async def fetch(self, request_id: UUID, limit: int, now: datetime) -> Asked | None:
        asked = self.asked.get(request_id)
        if asked is None or now >= asked.expires_at or self.fetches.get(request_id, 0) >= limit:
            return None
        self.fetches[request_id] = self.fetches.get(request_id, 0) + 1
        return asked

    async def put_verdict(
        self, verdict_id: UUID, request_id: UUID, verdict: dict[str, Any], at: datetime, claims: SealedClaims | None
    ) -> None:
        self.verdicts[verdict_id] = verdict
        if claims is not None:
            self.claims[verdict_id] = json.loads(claims.sealed)

    async def verdict(self, verdict_id: UUID) -> dict[str, Any] | None:
        return self.verdicts.get(verdict_id)


class MemoryVault:
    """Claims that wait to be read once."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    def sealed(self, verdict_id: UUID, claims: Mapping[str, Any], until: datetime) -> SealedClaims:
        return SealedClaims(json.dumps(claims).encode(), until)

    async def take(self, verdict_id: UUID, now: datetime) -> dict[str, Any] | None:
        return self._state.claims.pop(verdict_id, None)


class World:
    """Everything a test needs, wired as the application wires it."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.anchor = TestAnchor()
        self.issuer = TestSigner(uris=[ISSUER], anchor=self.anchor)
        self.holder = TestSigner(anchor=self.anchor)
        self.verifier = TestSigner(hosts=["verification.example"], anchor=self.anchor)
        self.said = SaidFacts()
        self.registry = Registry(TestSigner(anchor=self.anchor), self.clock)
        anchors = [self.anchor.certificate]
        self.statuses = StatusLists(self.registry, lambda: anchors, self.clock, default_ttl_seconds=60)
        self.judge = Judge(
            self.said, self.said, self.statuses, self.clock, anchors=lambda: anchors, catalog_url=CATALOG
        )
        self.log, self.state = MemoryLog("verification", self.clock), MemoryState()
        self.vault = MemoryVault(self.state)
        self.requests = Requests(
            self.log,
            self.said,
            self.state,
            self.vault,
            self.judge,
            self.clock,
            signer=lambda: self.verifier,
            policy=Policy(BASE, CATALOG, 300, 2, 300),
        )

    def say(self, **changes: Any) -> None:
        """Replace some of what the services have said."""
        self.said.facts = replace(self.said.facts, **changes)

    def credential(self, change: Callable[[dict[str, Any]], Any] | None = None, signer: Any = None) -> str:
        """Return an issued credential."""
        claims = claims_of(self.clock())
        if change is not None:
            change(claims)
        issued = sdjwt.issue(
            claims,
            disclosable=mikromerit.DISCLOSABLE,
            signer=signer or self.issuer,
            random=random_bytes,
            holder_jwk=self.holder.public_jwk,
        )
        return issued.compact

    async def ask(self) -> Created:
        """Return a new request for the definition and a name."""
        query = await self.requests.definition_query("mm-01", [["family_name"]])
        return await self.requests.create(VERIFIER, query, BY_VERIFIER)

    def presentation(self, created: Created, credential: str, **binding: Any) -> str:
        """Return the credential presented for a request; `binding` replaces what the key binding says."""
        asked = self.state.asked[created.request_id]
        said: dict[str, Any] = {
            "aud": created.client_id,
            "nonce": asked.nonce,
            "issued_at": self.clock(),
            "signer": self.holder,
        }
        return sdjwt.present(credential, ["family_name"], kb=sdjwt.KeyBinding(**(said | binding)))

    async def answer(self, created: Created, presentation: str) -> dict[str, str]:
        """Return what the wallet is told that posts a presentation."""
        asked = self.state.asked[created.request_id]
        form = oid4vp.vp_token_form({"mikromerit": [presentation]}, asked.state)
        return await self.requests.answer(created.request_id, form.encode(), "test")

    async def decline(self, created: Created, error: str = "access_denied") -> dict[str, str]:
        """Return what the wallet is told that refuses."""
        form = urlencode({"error": error, "state": self.state.asked[created.request_id].state})
        return await self.requests.answer(created.request_id, form.encode(), "test")


def claims_of(now: datetime) -> dict[str, Any]:
    """Return the claims of a whole credential."""
    always: dict[str, Any] = {str(path[0]): "text" for path in mikromerit.DISCLOSABLE if path != ("has_part", None)}
    return always | {
        "vct": mikromerit.vct(CATALOG),
        "vct#integrity": mikromerit.type_integrity(CATALOG),
        "iss": ISSUER,
        "iat": int(ISSUED.timestamp()),
        "exp": int((now + timedelta(days=365)).timestamp()),
        "status": status.Reference(STATUS_URI, 7).claim(),
        "jti": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "issuing_authority": "Kommunen",
        "issuing_country": "SE",
        "achievement_title": "Titel",
        "date_of_issuance": "2026-11-20",
        "date_awarded": "2026-11-19",
        "definition": URN,
        "definition_version": 1,
        "awarding_body": {"id": ORG, "name": "Kommunen"},
        "recognition_level": "R4",
        "language_of_classes": ["sv"],
        "form_of_participation": "http://data.europa.eu/snb/learning-assessment/1",
    }


def signed_again(presentation: str, signer: Any) -> str:
    """Return an SD-JWT whose issuer-signed part another key has signed, under the same header."""
    jwt, rest = presentation.split("~", 1)
    header, payload = jose.parse_unverified(jwt)
    return f"{jose.sign_jws(header, payload, signer)}~{rest}"
