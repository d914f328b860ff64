from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kompetenspass.core.ids import random_bytes
from kompetenspass.openid import jose, mikromerit, sdjwt, status
from kompetenspass.testing.keys import TestSigner
from kompetenspass.web.outbound import Fetched
from services.verification.domain.checks import Verdict
from services.verification.tests.world import BY_VERIFIER, STATUS_URI, VERIFIER, World, claims_of


def reasons(verdict: Verdict) -> dict[str, str | None]:
    return {check.code: check.reason for check in verdict.checks if check.ok is False}


@pytest.mark.parametrize(
    ("value", "reason"), [(1, "credential_revoked"), (2, "credential_suspended"), (3, "status_not_valid")]
)
async def test_a_status_other_than_valid_is_refused(world: World, value: int, reason: str) -> None:
    world.registry.set(7, value)
    assert reasons(await world.judge.pasted(world.credential())) == {"status": reason}


async def test_an_unreachable_list_is_refused(world: World) -> None:
    world.registry.down = True
    assert reasons(await world.judge.pasted(world.credential())) == {"status": "status_unavailable"}


async def test_a_list_that_is_not_there_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(*_args: Any, **_options: Any) -> Fetched:
        return Fetched(404, {}, b"")

    monkeypatch.setattr(world.registry, "get", missing)
    assert reasons(await world.judge.pasted(world.credential())) == {"status": "status_unavailable"}


async def test_a_list_is_fetched_again_when_its_ttl_is_over(world: World) -> None:
    credential = world.credential()
    for _ in range(3):
        await world.judge.pasted(credential)
    assert world.registry.fetched == 1
    world.registry.set(7, 1)
    assert reasons(await world.judge.pasted(credential)) == {}
    world.clock.advance(seconds=61)
    assert reasons(await world.judge.pasted(credential)) == {"status": "credential_revoked"}
    assert world.registry.fetched == 2


async def test_many_who_ask_at_once_fetch_once(world: World) -> None:
    credential = world.credential()
    await asyncio.gather(*(world.judge.pasted(credential) for _ in range(10)))
    assert world.registry.fetched == 1


async def test_a_failed_fetch_is_tried_again(world: World) -> None:
    credential = world.credential()
    world.registry.down = True
    await world.judge.pasted(credential)
    world.registry.down = False
    assert (await world.judge.pasted(credential)).outcome == "verified"


async def test_a_list_for_another_uri_is_refused(world: World) -> None:
    world.registry.uri = STATUS_URI + "0"
    assert reasons(await world.judge.pasted(world.credential())) == {"status": "status_token_subject_mismatch"}


async def test_a_list_signed_under_an_unknown_root_is_refused(world: World) -> None:
    world.registry.signer = TestSigner()
    assert reasons(await world.judge.pasted(world.credential())) == {"status": "untrusted_chain"}


async def test_a_list_signed_by_a_foreign_key_under_the_right_x5c_is_refused(world: World) -> None:
    class Impostor(TestSigner):
        """Signs with its own key, shows the registry's certificate."""

    impostor = Impostor(anchor=world.anchor)
    impostor.x5c = world.registry.signer.x5c
    world.registry.signer = impostor
    assert reasons(await world.judge.pasted(world.credential())) == {"status": "invalid_signature"}


async def test_an_index_outside_of_the_list_is_refused(world: World) -> None:
    far = world.credential(lambda c: c.update(status=status.Reference(STATUS_URI, 10**6).claim()))
    assert reasons(await world.judge.pasted(far)) == {"status": "status_index_out_of_range"}


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        (lambda c: c.pop("status"), "type", "type_rule_broken"),
        (lambda c: c.update(status={"other": 1}), "status", "status_reference_malformed"),
        (lambda c: c.update(vct="https://catalog.example/vct/other"), "type", "type_unknown"),
        (lambda c: c.pop("vct#integrity"), "type", "type_metadata_mismatch"),
        (lambda c: c.update({"vct#integrity": "sha256-AAAA"}), "type", "type_metadata_mismatch"),
        (lambda c: c.update(exp=1), "validity", "expired"),
        (lambda c: c.update(nbf=4102444800), "validity", "not_yet_valid"),
        (lambda c: c.update(date_of_expiry="2026-11-20"), "validity", "merit_expired"),
        (lambda c: c.pop("definition"), "form", "claim_malformed"),
        (lambda c: c.update(definition_version="1"), "form", "claim_malformed"),
        (lambda c: c.update(iat=10**17), "form", "claim_malformed"),
    ],
)
async def test_a_credential_that_breaks_a_rule_is_refused(
    world: World, change: Callable[[dict[str, Any]], Any], code: str, reason: str
) -> None:
    assert reasons(await world.judge.pasted(world.credential(change)))[code] == reason


async def test_a_credential_with_hidden_claims_and_no_status_is_refused(world: World) -> None:
    without = sdjwt.present(world.credential(lambda c: c.pop("status")), [])
    assert reasons(await world.judge.pasted(without)) == {"status": "status_missing"}


async def test_a_merit_is_good_on_its_last_day(world: World) -> None:
    last = world.credential(lambda c: c.update(date_of_expiry="2026-11-21"))
    assert (await world.judge.pasted(last)).outcome == "verified"


async def test_a_claim_that_must_be_disclosable_is_not_taken_in_the_open(world: World) -> None:
    issued = sdjwt.issue(
        claims_of(world.clock()),
        disclosable=mikromerit.DISCLOSABLE - {("family_name",)},
        signer=world.issuer,
        random=random_bytes,
        holder_jwk=world.holder.public_jwk,
    )
    assert reasons(await world.judge.pasted(issued.compact)) == {"type": "type_rule_broken"}


async def test_a_presentation_with_key_binding_can_be_pasted(world: World) -> None:
    kb = sdjwt.KeyBinding("x509_hash:someone", "nonce-of-somebody-else", world.clock(), world.holder)
    pasted = sdjwt.present(world.credential(), ["family_name"], kb=kb)
    assert (await world.judge.pasted(pasted)).outcome == "verified"
    jwt, _disclosure, binding = pasted.split("~")
    assert reasons(await world.judge.pasted(f"{jwt}~{binding}")) == {"key_binding": "kb_sd_hash_mismatch"}


async def test_a_credential_that_was_cut_off_is_refused(world: World) -> None:
    assert reasons(await world.judge.pasted(world.credential()[:-3])) == {"key_binding": "malformed_jws"}


async def test_the_request_object_is_signed_by_its_certificate_and_fetched_twice(world: World) -> None:
    created = await world.ask()
    token = await world.requests.request_object(created.request_id, "wallet-nonce")
    header, payload = jose.parse_unverified(token)
    leaf = jose.read_x5c(header["x5c"])[0]
    jose.verify_jws(token, jose.leaf_key(leaf), typ="oauth-authz-req+jwt")
    assert created.client_id == f"x509_hash:{jose.x509_hash(leaf)}" == payload["client_id"]
    assert (payload["wallet_nonce"], payload["aud"]) == ("wallet-nonce", "https://self-issued.me/v2")
    assert payload["exp"] - payload["iat"] == 300
    await world.requests.request_object(created.request_id, None)
    with pytest.raises(Exception, match="request_fetched"):
        await world.requests.request_object(created.request_id, None)


async def test_an_expired_request_object_is_gone(world: World) -> None:
    created = await world.ask()
    world.clock.advance(timedelta(seconds=300))
    with pytest.raises(Exception, match="request_expired"):
        await world.requests.request_object(created.request_id, None)


async def test_a_query_that_cannot_be_sent_is_refused(world: World) -> None:
    with pytest.raises(Exception, match="invalid_dcql_query"):
        await world.requests.create(VERIFIER, {"credentials": []}, BY_VERIFIER)
    assert await world.log.head() == 0
