from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kompetenspass.core.digest import sha256_b64u
from kompetenspass.core.errors import Problem
from kompetenspass.openid import jose, oid4vp, sdjwt
from kompetenspass.testing.keys import TestSigner
from services.verification.service.requests import View
from services.verification.tests.world import BY_VERIFIER, VERIFIER, World, signed_again

YEAR = timedelta(days=365)


async def refusal(world: World, presentation_of: Any) -> tuple[str, View]:
    """Return the code with which an answer was refused, and what the verifier then reads."""
    created = await world.ask()
    with pytest.raises(Problem) as refused:
        await world.answer(created, presentation_of(created))
    return refused.value.code, await world.requests.read(created.request_id, VERIFIER)


async def test_a_good_answer_is_verified_and_its_claims_are_read_once(world: World) -> None:
    created = await world.ask()
    assert await world.answer(created, world.presentation(created, world.credential())) == {}
    view = await world.requests.read(created.request_id, VERIFIER)
    assert (view.state, view.verdict and view.verdict["outcome"]) == ("verified", "verified")
    assert view.claims is not None
    (shown,) = view.claims["mikromerit"]
    assert shown["family_name"] == "text"
    assert "given_name" not in shown
    assert not {"cnf", "status"} & shown.keys()
    assert (await world.requests.read(created.request_id, VERIFIER)).claims is None


async def test_the_verdict_lists_every_check(world: World) -> None:
    created = await world.ask()
    await world.answer(created, world.presentation(created, world.credential()))
    view = await world.requests.read(created.request_id, VERIFIER)
    assert view.verdict is not None
    assert [(check["code"], check["ok"]) for check in view.verdict["checks"]] == [
        ("form", True),
        ("issued_at", True),
        ("chain", True),
        ("signature", True),
        ("validity", True),
        ("issuer", True),
        ("key", True),
        ("issuer_role", True),
        ("definition", True),
        ("issuing_right", True),
        ("type", True),
        ("holder_binding", True),
        ("status", True),
        ("query", True),
    ]


async def test_a_bad_key_binding_signature_is_refused(world: World) -> None:
    stranger = TestSigner(anchor=world.anchor)
    code, view = await refusal(world, lambda c: world.presentation(c, world.credential(), signer=stranger))
    assert code == "invalid_signature"
    assert view.state == "refused"
    assert view.claims is None


async def test_a_bad_issuer_signature_is_refused(world: World) -> None:
    """The header still names the issuer's own certificate: a foreign key under the right x5c does not pass."""
    stranger = TestSigner(anchor=world.anchor)
    code, _ = await refusal(world, lambda c: world.presentation(c, signed_again(world.credential(), stranger)))
    assert code == "invalid_signature"


async def test_a_wrong_sd_hash_is_refused(world: World) -> None:
    def without_a_disclosure(created: Any) -> str:
        presented = world.presentation(created, world.credential())
        jwt, _, key_binding = presented.split("~")
        return f"{jwt}~{key_binding}"

    assert (await refusal(world, without_a_disclosure))[0] == "kb_sd_hash_mismatch"


async def test_an_sd_hash_without_the_last_tilde_is_refused(world: World) -> None:
    def hashed_short(created: Any) -> str:
        presented, _, _ = world.presentation(created, world.credential()).rpartition("~")
        asked = world.state.asked[created.request_id]
        claims = {
            "aud": created.client_id,
            "nonce": asked.nonce,
            "iat": int(world.clock().timestamp()),
            "sd_hash": sha256_b64u(presented.encode()),
        }
        return f"{presented}~{jose.sign_jws({'typ': 'kb+jwt'}, claims, world.holder)}"

    assert (await refusal(world, hashed_short))[0] == "kb_sd_hash_mismatch"


async def test_a_wrong_nonce_is_refused(world: World) -> None:
    code, _ = await refusal(world, lambda c: world.presentation(c, world.credential(), nonce="another-nonce-000000000"))
    assert code == "kb_nonce_mismatch"


async def test_an_audience_without_its_prefix_is_refused(world: World) -> None:
    code, _ = await refusal(
        world,
        lambda c: world.presentation(c, world.credential(), aud=c.client_id.removeprefix("x509_hash:")),
    )
    assert code == "kb_aud_mismatch"


async def test_a_key_binding_a_year_old_or_ahead_is_refused(world: World) -> None:
    old = await refusal(world, lambda c: world.presentation(c, world.credential(), issued_at=world.clock() - YEAR))
    ahead = await refusal(world, lambda c: world.presentation(c, world.credential(), issued_at=world.clock() + YEAR))
    assert (old[0], ahead[0]) == ("too_old", "not_yet_valid")


async def test_a_presentation_without_key_binding_is_refused(world: World) -> None:
    code, _ = await refusal(world, lambda _created: sdjwt.present(world.credential(), ["family_name"]))
    assert code == "kb_jwt_missing"


async def test_a_credential_that_was_not_asked_for_is_refused(world: World) -> None:
    def undisclosed(created: Any) -> str:
        asked = world.state.asked[created.request_id]
        kb = sdjwt.KeyBinding(created.client_id, asked.nonce, world.clock(), world.holder)
        return sdjwt.present(world.credential(), [], kb=kb)

    assert (await refusal(world, undisclosed))[0] == "dcql_query_not_met"


async def test_one_bad_presentation_of_several_refuses_the_whole_answer(world: World) -> None:
    query = await world.requests.definition_query("mm-01", [["family_name"]])
    (asked,) = query["credentials"]
    created = await world.requests.create(VERIFIER, {"credentials": [asked | {"multiple": True}]}, BY_VERIFIER)
    good = world.presentation(created, world.credential())
    bad = world.presentation(created, world.credential(), nonce="other")
    form = oid4vp.vp_token_form({"mikromerit": [good, bad]}, world.state.asked[created.request_id].state)
    with pytest.raises(Problem, match="kb_nonce_mismatch"):
        await world.requests.answer(created.request_id, form.encode(), "test")
    assert (await world.requests.read(created.request_id, VERIFIER)).claims is None


async def test_something_that_is_no_credential_is_refused_and_the_rest_not_judged(world: World) -> None:
    code, view = await refusal(world, lambda _created: "not-a-credential")
    assert code == "sd_jwt_malformed"
    assert view.verdict is not None
    assert {check["ok"] for check in view.verdict["checks"][1:]} == {None}


async def test_an_answered_request_is_closed(world: World) -> None:
    created = await world.ask()
    presented = world.presentation(created, world.credential())
    await world.answer(created, presented)
    with pytest.raises(Problem) as refused:
        await world.answer(created, presented)
    assert refused.value.code == "request_answered"


async def test_of_two_good_answers_at_once_one_is_too_late(world: World) -> None:
    created = await world.ask()
    presented = world.presentation(created, world.credential())
    answers = await asyncio.gather(*(world.answer(created, presented) for _ in range(2)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(dict) == 1


async def test_a_refused_answer_leaves_the_request_open_five_times(world: World) -> None:
    created = await world.ask()
    for _ in range(5):
        with pytest.raises(Problem):
            await world.answer(created, "not-a-credential")
    with pytest.raises(Problem) as refused:
        await world.answer(created, world.presentation(created, world.credential()))
    assert refused.value.code == "request_answered"


async def test_a_good_answer_after_a_refused_one_is_verified(world: World) -> None:
    created = await world.ask()
    with pytest.raises(Problem):
        await world.answer(created, "not-a-credential")
    await world.answer(created, world.presentation(created, world.credential()))
    assert (await world.requests.read(created.request_id, VERIFIER)).state == "verified"


async def test_a_wrong_state_is_refused_and_leaves_no_trace(world: World) -> None:
    created = await world.ask()
    form = oid4vp.vp_token_form({"mikromerit": ["x"]}, "another-state")
    with pytest.raises(Problem):
        await world.requests.answer(created.request_id, form.encode(), "test")
    assert await world.log.head() == 1


async def test_an_expired_request_is_refused(world: World) -> None:
    created = await world.ask()
    presented = world.presentation(created, world.credential())
    world.clock.advance(seconds=300)
    with pytest.raises(Problem) as refused:
        await world.answer(created, presented)
    assert refused.value.code == "request_expired"
    assert (await world.requests.read(created.request_id, VERIFIER)).state == "expired"


async def test_a_learner_may_decline(world: World) -> None:
    created = await world.ask()
    assert await world.decline(created) == {}
    view = await world.requests.read(created.request_id, VERIFIER)
    assert (view.state, view.verdict and view.verdict["error"]) == ("declined", "access_denied")


async def test_stale_facts_judge_nothing(world: World) -> None:
    created = await world.ask()
    world.said.stale = True
    with pytest.raises(Problem) as refused:
        await world.answer(created, world.presentation(created, world.credential()))
    assert refused.value.code == "facts_stale"
    assert await world.log.head() == 1


async def test_another_organisations_request_is_not_there(world: World) -> None:
    created = await world.ask()
    with pytest.raises(Problem) as refused:
        await world.requests.read(created.request_id, "org:other")
    assert refused.value.code == "not_found"


async def test_no_event_says_what_was_shown(world: World) -> None:
    created = await world.ask()
    await world.answer(created, world.presentation(created, world.credential()))
    stored = "".join(entry.data for entry in await world.log.read(0, 10))
    assert not any(secret in stored for secret in ("family_name", world.state.asked[created.request_id].nonce))
