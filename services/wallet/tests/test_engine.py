"""The hosted wallet: receives what is sound and nothing else, shows what is asked for and nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text

from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events.wallet import CredentialPresented, CredentialReceived
from kompetenspass.openid import oid4vci
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.keys import TestAnchor, TestSigner
from kompetenspass.web.runtime import Runtime
from services.wallet.domain.account import stream_of
from services.wallet.tests.issuer import ISSUER, TestIssuer
from services.wallet.tests.verifier import TestVerifier
from services.wallet.vault import Vault, held_credentials


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


class Wallet:
    """The wallet as its learner's client sees it."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def accept(self, uri: str, **members: Any) -> httpx2.Response:
        body = {"offer_uri": uri, **members}
        return await self._client.post("/v1/credentials", json=body, headers=self._headers)

    async def present(self, uri: str) -> httpx2.Response:
        return await self._client.post("/v1/presentations", json={"uri": uri}, headers=self._headers)

    async def held(self) -> list[dict[str, Any]]:
        answer = await self._client.get("/v1/credentials", headers=self._headers)
        found: list[dict[str, Any]] = answer.json()["credentials"]
        return found


@pytest.fixture
def wallet(client: httpx2.AsyncClient, learner: dict[str, str]) -> Wallet:
    return Wallet(client, learner)


async def test_an_offer_is_received_kept_recorded_and_notified(
    wallet: Wallet, issuer: TestIssuer, runtime: Runtime, account_id: UUID
) -> None:
    answer = await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    assert answer.status_code == 201, answer.text
    (digest,) = answer.json()["digests"]
    assert answer.headers["log-position"] == "wallet=1"
    assert issuer.notified == ["credential_accepted"]
    (recorded,) = await runtime.log.read_stream(stream_of(account_id))
    assert recorded.event == CredentialReceived(account_id=account_id, digest=digest, issuer=ISSUER)
    (held,) = await wallet.held()
    assert (held["digest"], held["title"], held["definition"]) == (digest, "Ord och begrepp", "def-1")


async def test_an_offer_by_reference_with_a_transaction_code_is_received(wallet: Wallet, issuer: TestIssuer) -> None:
    issuer.tx_code = "4711"
    uri = oid4vci.offer_uri_by_reference("https://issuance.example/offers/1")
    without = await wallet.accept(uri)
    assert (without.status_code, without.json()["code"]) == (409, "tx_code_required")
    wrong = await wallet.accept(uri, tx_code="4712")
    assert (wrong.status_code, wrong.json()["issuer_error"]) == (409, "invalid_grant")
    assert (await wallet.accept(uri, tx_code="4711")).status_code == 201


async def test_a_used_offer_brings_nothing_more(wallet: Wallet, issuer: TestIssuer) -> None:
    uri = oid4vci.offer_uri_by_value(issuer.offer())
    assert (await wallet.accept(uri)).status_code == 201
    assert (await wallet.accept(uri)).json()["code"] == "issuer_refused"
    assert len(await wallet.held()) == 1


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://issuance.example/issuers/beta"}, "credential_refused"),
        ({"vct": "https://catalog.example/vct/else/1"}, "credential_refused"),
        ({"vct#integrity": "sha256-AAAA"}, "type_metadata_mismatch"),
        ({"exp": 1}, "expired"),
        ({"status": {"status_list": {"idx": 100000, "uri": "https://registry.example/status/1"}}}, None),
    ],
)
async def test_an_unsound_credential_is_refused_and_not_kept(
    wallet: Wallet, issuer: TestIssuer, claims: dict[str, Any], code: str | None
) -> None:
    issuer.claims = claims
    answer = await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    assert answer.status_code == 400
    assert code in (None, answer.json()["code"])
    assert issuer.notified == ["credential_failure"]
    assert await wallet.held() == []


async def test_a_credential_for_another_key_is_refused(wallet: Wallet, issuer: TestIssuer) -> None:
    issuer.holder_jwk = dict(TestSigner().public_jwk)
    answer = await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    assert answer.json()["code"] == "credential_refused"


@pytest.mark.parametrize("uris", [[ISSUER], ["https://issuance.example/issuers/beta"]])
async def test_a_credential_of_an_unknown_root_or_another_issuers_key_is_refused(
    wallet: Wallet, issuer: TestIssuer, anchor: TestAnchor, uris: list[str]
) -> None:
    issuer.signer = TestSigner(uris=uris, anchor=None if uris == [ISSUER] else anchor)
    answer = await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    assert answer.json()["code"] in ("untrusted_chain", "wrong_subject")


async def test_a_credential_that_is_already_revoked_is_refused(wallet: Wallet, issuer: TestIssuer) -> None:
    issuer.revoked = True
    answer = await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    assert answer.json()["code"] == "credential_refused"


async def test_unknown_members_and_bad_offers_are_refused(wallet: Wallet, issuer: TestIssuer) -> None:
    uri = oid4vci.offer_uri_by_value(issuer.offer())
    assert (await wallet.accept(uri, pin="1")).json()["errors"] == [
        {"place": "body.pin", "reason": "Extra inputs are not permitted"}
    ]
    assert (await wallet.accept("openid-credential-offer://?x=1")).json()["code"] == "invalid_credential_offer"


async def test_nothing_readable_of_a_credential_lies_in_the_database(
    wallet: Wallet, issuer: TestIssuer, runtime: Runtime, account_id: UUID
) -> None:
    await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    async with runtime.engine.connect() as connection:
        sealed = await connection.scalar(select(held_credentials.c.sealed))
        assert await connection.scalar(select(func.count()).select_from(held_credentials)) == 1
        logged = await connection.scalars(text("select data from wallet_log.log"))
        assert all("Holm" not in data for data in logged)
    assert sealed is not None
    assert b"eyJ" not in sealed


async def test_a_forgotten_account_can_never_be_read_again(
    wallet: Wallet, issuer: TestIssuer, runtime: Runtime, account_id: UUID, clock: FixedClock
) -> None:
    await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    await Vault(runtime.engine, runtime.settings.state_dir / "wallet.kek", clock).forget(account_id)
    answer = await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    assert answer.status_code == 404


async def test_a_request_is_answered_with_what_it_asks_for_and_no_more(
    wallet: Wallet, issuer: TestIssuer, verifier: TestVerifier, runtime: Runtime, account_id: UUID
) -> None:
    await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    answer = await wallet.present(verifier.url())
    assert answer.json()["outcome"] == "accepted", answer.text
    (claims,) = verifier.seen
    assert (claims["definition"], claims["family_name"]) == ("def-1", "Holm")
    assert "birth_date" not in claims
    *_, recorded = await runtime.log.read_stream(stream_of(account_id))
    (digest,) = answer.json()["digests"]
    assert recorded.event == CredentialPresented(account_id=account_id, digest=digest, verifier="Test leaf")


async def test_a_request_by_post_gets_the_wallets_nonce(
    wallet: Wallet, issuer: TestIssuer, verifier: TestVerifier
) -> None:
    await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    assert (await wallet.present(verifier.url(post=True))).json()["outcome"] == "accepted"


async def test_the_verifiers_refusal_is_reported(wallet: Wallet, issuer: TestIssuer, verifier: TestVerifier) -> None:
    await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    verifier.refuses = True
    answer = (await wallet.present(verifier.url())).json()
    assert (answer["outcome"], answer["error"]) == ("refused", "invalid_request")


async def test_what_is_not_held_is_declined_and_the_verifier_is_told(wallet: Wallet, verifier: TestVerifier) -> None:
    answer = (await wallet.present(verifier.url())).json()
    assert (answer["outcome"], answer["error"], answer["digests"]) == ("declined", "access_denied", [])
    assert verifier.errors == ["access_denied"]


async def test_a_request_of_somebody_else_is_refused_and_nobody_is_told(
    wallet: Wallet, issuer: TestIssuer, verifier: TestVerifier
) -> None:
    await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    answer = await wallet.present(verifier.url("x509_hash:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert (verifier.seen, verifier.errors) == ([], [])


async def test_another_account_holds_and_shows_nothing_of_mine(
    wallet: Wallet,
    client: httpx2.AsyncClient,
    issuer: TestIssuer,
    verifier: TestVerifier,
    tokens: DevelopmentTokenIssuer,
) -> None:
    await wallet.accept(oid4vci.offer_uri_by_value(issuer.offer()))
    stranger = Wallet(client, {"Authorization": f"Bearer {tokens.mint('learner', ['learner'], str(uuid7()))}"})
    assert await stranger.held() == []
    assert (await stranger.present(verifier.url())).json()["outcome"] == "declined"
