"""The hosted wallet and awards: received like any other credential, and shown together with what they rest on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI, Request, Response

from kompetenspass.core.ids import random_token
from kompetenspass.events.wallet import CredentialPresented
from kompetenspass.openid import oid4vci
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestAnchor
from kompetenspass.web.runtime import Runtime
from services.wallet.domain.account import stream_of
from services.wallet.tests.issuer import TestIssuer
from services.wallet.tests.verifier import TestVerifier, asking

PARTS = [f"def-{number:02}" for number in range(1, 24)]


@pytest.fixture
def issuer(anchor: TestAnchor, clock: FixedClock, parties: FastAPI) -> TestIssuer:
    made = TestIssuer(anchor, clock)
    made.join(parties)
    return made


@pytest.fixture
def verifier(anchor: TestAnchor, clock: FixedClock, issuer: TestIssuer, parties: FastAPI) -> TestVerifier:
    made = TestVerifier(anchor, clock, issuer)
    made.join(parties)
    return made


class Holder:
    """A learner who takes what is offered and shows what is asked for."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str], issuer: TestIssuer) -> None:
        self._client = client
        self._headers = headers
        self._issuer = issuer

    async def earns(self, definition: str, **claims: Any) -> str:
        """Receive a credential of a definition or a pathway; return its digest."""
        self._issuer.code = random_token()
        self._issuer.claims = {"definition": definition, **claims}
        body = {"offer_uri": oid4vci.offer_uri_by_value(self._issuer.offer())}
        answer = await self._client.post("/v1/credentials", json=body, headers=self._headers)
        assert answer.status_code == 201, answer.text
        (digest,) = answer.json()["digests"]
        return str(digest)

    async def shows(self, verifier: TestVerifier, **members: Any) -> dict[str, Any]:
        """Answer the verifier's request."""
        body = {"uri": verifier.url(), **members}
        answer = await self._client.post("/v1/presentations", json=body, headers=self._headers)
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def holder(client: httpx2.AsyncClient, learner: dict[str, str], issuer: TestIssuer) -> Holder:
    return Holder(client, learner, issuer)


def has_part(digests: dict[str, str]) -> list[dict[str, Any]]:
    """Return the award's parts, one element for each."""
    return [{"definition": definition, "version": 1, "digests": [digest]} for definition, digest in digests.items()]


def deep(award: str, *parts: str, multiple: bool = False) -> dict[str, Any]:
    """Return the query for an award with its parts disclosed, and for its parts if they are shown."""
    asked = [asking(award, ("has_part", None))["credentials"][0]]
    for number, part in enumerate(parts, 1):
        asked.append(asking(part, id_=f"part-{number}")["credentials"][0] | ({"multiple": True} if multiple else {}))
    sets = [{"options": [[each["id"]]], "required": each["id"] == "mikromerit"} for each in asked]
    return {"credentials": asked, "credential_sets": sets}


async def test_an_award_is_received_and_shown_without_its_parts(holder: Holder, verifier: TestVerifier) -> None:
    await holder.earns("path-1", has_part=has_part({"def-01": "a", "def-02": "b"}))
    verifier.definition = "path-1"
    assert (await holder.shows(verifier))["outcome"] == "accepted"
    (claims,) = verifier.seen
    assert (claims["definition"], claims.get("has_part", [])) == ("path-1", [])


async def test_an_award_is_shown_with_all_its_parts_or_with_one(holder: Holder, verifier: TestVerifier) -> None:
    parts = has_part({"def-01": "a", "def-02": "b"})
    await holder.earns("path-1", has_part=parts)
    verifier.query = asking("path-1", ("has_part", None))
    assert (await holder.shows(verifier))["outcome"] == "accepted"
    verifier.query = asking("path-1", ("has_part", 1))
    assert (await holder.shows(verifier))["outcome"] == "accepted"
    assert [claims["has_part"] for claims in verifier.seen] == [parts, parts[1:]]


async def test_a_deep_verification_is_answered_with_every_part(
    holder: Holder, verifier: TestVerifier, runtime: Runtime, account_id: UUID
) -> None:
    digests = {definition: await holder.earns(definition) for definition in PARTS}
    award = await holder.earns("path-1", has_part=has_part(digests))
    queries = [asking("path-1", ("has_part", None), id_="award")]
    queries += [asking(definition, id_=definition) for definition in PARTS]
    verifier.query = {"credentials": [query["credentials"][0] for query in queries]}
    answer = await holder.shows(verifier)
    assert (answer["outcome"], set(answer["digests"])) == ("accepted", {award, *digests.values()})
    assert list(verifier.answered) == ["award", *PARTS]
    assert verifier.answered["award"][0]["has_part"] == has_part(digests)
    assert [verifier.answered[one][0]["definition"] for one in PARTS] == PARTS
    recorded = [one.event for one in await runtime.log.read_stream(stream_of(account_id))]
    assert sum(isinstance(event, CredentialPresented) for event in recorded) == len(PARTS) + 1


async def test_the_newest_copy_of_a_part_is_shown(holder: Holder, verifier: TestVerifier, clock: FixedClock) -> None:
    await holder.earns("def-01", achievement_title="old")
    clock.advance(timedelta(seconds=1))
    newest = await holder.earns("def-01", achievement_title="new")
    verifier.query = asking("def-01")
    assert (await holder.shows(verifier))["digests"] == [newest]


async def test_an_answer_that_lacks_a_part_is_none(holder: Holder, verifier: TestVerifier) -> None:
    await holder.earns("path-1", has_part=has_part({"def-01": "a"}))
    queries = [asking("path-1", id_="award"), asking("def-01", id_="part")]
    verifier.query = {"credentials": [query["credentials"][0] for query in queries]}
    assert (await holder.shows(verifier))["error"] == "access_denied"
    assert verifier.seen == []


async def test_of_a_deep_request_only_the_award_is_shown_unless_the_learner_shares_its_parts(
    holder: Holder, verifier: TestVerifier
) -> None:
    part = await holder.earns("def-01")
    award = await holder.earns("path-1", has_part=has_part({"def-01": part}))
    verifier.query = deep("path-1", "def-01", "def-02")
    answer = await holder.shows(verifier)
    title = "Ord och begrepp"
    assert answer["shown"] == [{"digest": award, "definition": "path-1", "title": title}]
    answer = await holder.shows(verifier, share_parts=True)
    assert (answer["outcome"], list(verifier.answered)) == ("accepted", ["mikromerit", "part-1"])
    assert answer["digests"] == [award, part]
    assert [each["definition"] for each in answer["shown"]] == ["path-1", "def-01"]
    assert "family_name" not in verifier.answered["part-1"][0]


@pytest.mark.parametrize("multiple", [False, True])
async def test_the_copy_that_the_award_rests_on_is_shown_though_a_newer_one_is_held(
    holder: Holder, verifier: TestVerifier, clock: FixedClock, multiple: bool
) -> None:
    part = await holder.earns("def-01")
    award = await holder.earns("path-1", has_part=has_part({"def-01": part}))
    clock.advance(timedelta(seconds=1))
    await holder.earns("def-01", achievement_title="renewed")
    verifier.query = deep("path-1", "def-01", multiple=multiple)
    assert (await holder.shows(verifier, share_parts=True))["digests"] == [award, part]


async def test_a_choice_that_is_none_is_refused(holder: Holder, verifier: TestVerifier) -> None:
    assert (await holder.shows(verifier, share_parts="all"))["errors"][0]["place"] == "body.share_parts"


async def test_twenty_five_credentials_fit_into_one_answer(
    holder: Holder, verifier: TestVerifier, parties: FastAPI
) -> None:
    """Each is larger than a real one, which is about 5.5 kB; a verifier of the platform reads 256 KiB."""
    sizes: list[int] = []

    @parties.middleware("http")
    async def measured(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path == "/responses/1":
            sizes.append(len(await request.body()))
        return await call_next(request)

    names = [f"def-{number:02}" for number in range(1, 25)]
    digests = {name: await holder.earns(name, issuing_authority="x" * 3000) for name in names}
    await holder.earns("path-1", has_part=has_part(digests), issuing_authority="x" * 3000)
    verifier.query = deep("path-1", *names)
    answer = await holder.shows(verifier, share_parts=True)
    assert (answer["outcome"], len(answer["shown"])) == ("accepted", 25)
    assert 25 * 7000 < sizes[0] < 256 * 1024
