"""Achievements over HTTP: who may do what, what is refused and why, and that nothing is half-written."""

from __future__ import annotations

from typing import Any

import pytest

from services.issuance.tests.rig import LEARNER, MERIT, Rig, scores
from services.issuance.tests.world import ASSESSOR, KOMMUN, VUX, definition, published

FIRST_INSTRUMENT = definition(MERIT)["assessment"]["types"][0]["uri"]


async def planned(rig: Rig) -> str:
    answer = await rig.plan()
    assert answer.status_code == 201, answer.text
    return str(answer.json()["achievement_id"])


async def test_a_planned_achievement_names_a_fresh_learner_by_reference_only(rig: Rig) -> None:
    answer = await rig.plan()
    assert answer.headers["Log-Position"].startswith("issuance=")
    assert set(answer.json()) == {"achievement_id", "learner_ref"}


async def test_a_learner_is_known_again_by_reference(rig: Rig) -> None:
    first = (await rig.plan()).json()
    again = await rig.plan("sko-ys-02", {"learner_ref": first["learner_ref"]}, prerequisites_waived="test")
    assert again.json()["learner_ref"] == first["learner_ref"]


async def test_an_unknown_learner_reference_is_not_found(rig: Rig) -> None:
    assert (await rig.plan(learner={"learner_ref": "nobody"})).status_code == 404


async def test_one_achievement_is_open_per_learner_definition_and_route(rig: Rig) -> None:
    first = (await rig.plan()).json()
    again = await rig.plan(learner={"learner_ref": first["learner_ref"]})
    assert again.status_code == 409
    assert (again.json()["code"], again.json()["achievement_id"]) == ("achievement_open", first["achievement_id"])


async def test_seventy_nine_per_cent_is_recorded_and_its_confirmation_refused(rig: Rig) -> None:
    achievement_id = await planned(rig)
    recorded = await rig.record(achievement_id, scores(92, n0=79))
    assert recorded.json()["passed"] is False
    refused = await rig.confirm(achievement_id)
    assert refused.status_code == 409
    body = refused.json()
    assert body["code"] == "pass_rule_not_met"
    assert (body["instrument"], body["value"], body["threshold"]) == (FIRST_INSTRUMENT, 79, 80)


async def test_the_next_try_after_a_failure_is_a_new_achievement(rig: Rig) -> None:
    first = (await rig.plan()).json()
    await rig.record(first["achievement_id"], scores(50))
    again = await rig.plan(learner={"learner_ref": first["learner_ref"]})
    assert again.status_code == 201
    assert again.json()["achievement_id"] != first["achievement_id"]


async def test_confirming_gives_the_recognition_level_of_the_definition(rig: Rig) -> None:
    achievement_id = await planned(rig)
    await rig.record(achievement_id, scores(92))
    confirmed = await rig.confirm(achievement_id)
    assert confirmed.json() == {
        "achievement_id": achievement_id,
        "awarded_on": rig.clock().date().isoformat(),
        "recognition_level": "R4",
    }


async def test_the_overview_shows_the_phase_once_it_has_caught_up(rig: Rig) -> None:
    achievement_id = await planned(rig)
    recorded = await rig.record(achievement_id, scores(92))
    headers = rig.headers(VUX, "provider") | {"Wait-For": recorded.headers["Log-Position"]}
    found = await rig.client.get(f"/v1/achievements/{achievement_id}", headers=headers)
    assert found.json()["phase"] == "passed"


async def test_the_overview_is_for_the_parties_alone(rig: Rig) -> None:
    achievement_id = await planned(rig)
    await rig.caught_up()
    answer = await rig.client.get(f"/v1/achievements/{achievement_id}", headers=rig.headers("org:other", "provider"))
    assert answer.status_code == 404


async def test_prerequisites_must_be_achieved_or_waived(rig: Rig) -> None:
    demanding = {**definition("sko-ys-09"), "id": "demanding", "prerequisites": [MERIT]}
    await rig.world.state("def-demanding", published(demanding))
    await rig.caught_up()
    refused = await rig.plan("demanding")
    assert (refused.status_code, refused.json()["missing"]) == (409, [MERIT])
    learner = await rig.achieved(MERIT)
    await rig.caught_up()
    accepted = await rig.plan("demanding", {"learner_ref": learner["learner_ref"]})
    assert accepted.status_code == 201


async def test_a_refused_plan_leaves_nothing_behind(rig: Rig) -> None:
    before = len(await rig.logged())
    await rig.world.state("def-strict", published({**definition(MERIT), "id": "strict", "prerequisites": ["x"]}))
    await rig.caught_up()
    assert (await rig.plan("strict")).status_code == 409
    assert len(await rig.logged()) == before
    assert await rig.rows("vault_learners") == 0


async def test_an_assessor_who_is_not_authorised_that_day_is_refused(rig: Rig) -> None:
    achievement_id = await planned(rig)
    for more in ({"assessor_ref": "assessor:unknown"}, {"assessed_on": "2025-12-31"}):
        refused = await rig.record(achievement_id, scores(92), **more)
        assert (refused.status_code, refused.json()["code"]) == (409, "assessor_not_authorised")


async def test_an_assessment_of_tomorrow_is_refused(rig: Rig) -> None:
    refused = await rig.record(await planned(rig), scores(92), assessed_on="2026-11-22")
    assert refused.json()["code"] == "date_in_the_future"


async def test_results_are_recorded_once(rig: Rig) -> None:
    achievement_id = await planned(rig)
    await rig.record(achievement_id, scores(92))
    again = await rig.record(achievement_id, scores(92))
    assert (again.status_code, again.json()["code"]) == (409, "already_assessed")


async def test_a_result_for_every_instrument_is_needed(rig: Rig) -> None:
    refused = await rig.record(await planned(rig), scores(92)[:1])
    assert (refused.status_code, refused.json()["code"]) == (400, "results_incomplete")


@pytest.mark.parametrize(
    ("org", "role", "status"),
    [(VUX, "provider", 403), ("org:other", "awarding_body", 404), (KOMMUN, "issuer", 403)],
)
async def test_only_its_awarding_body_confirms(rig: Rig, org: str, role: str, status: int) -> None:
    achievement_id = await planned(rig)
    await rig.record(achievement_id, scores(92))
    answer = await rig.post(f"/v1/achievements/{achievement_id}/confirm", {}, org, role)
    assert answer.status_code == status


async def test_another_provider_does_not_find_the_achievement(rig: Rig) -> None:
    body = {"results": scores(92), "assessor_ref": ASSESSOR}
    answer = await rig.post(f"/v1/achievements/{await planned(rig)}/results", body, "org:other", "provider")
    assert answer.status_code == 404


async def test_a_stranger_may_not_assess_against_the_definition(rig: Rig) -> None:
    body = {"definition_id": MERIT, "route": "course", "learner": LEARNER}
    answer = await rig.post("/v1/achievements", body, "org:other", "provider")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_without_a_token_nothing_is_done(rig: Rig) -> None:
    answer = await rig.client.post("/v1/achievements", json={})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "wrong",
    [
        {"definition_id": MERIT, "route": "course", "learner": LEARNER, "extra": 1},
        {"definition_id": MERIT, "route": "luck", "learner": LEARNER},
        {"definition_id": MERIT, "route": "course", "learner": {"learner_ref": "x", "given_name": "y"}},
        {"definition_id": MERIT, "route": "course", "learner": {"given_name": "y"}},
        {"definition_id": MERIT, "route": "course", "learner": {**LEARNER, "family_name": " "}},
        {"definition_id": MERIT, "route": "course", "learner": {}},
    ],
)
async def test_a_malformed_command_is_refused_with_the_place_and_without_what_was_sent(
    rig: Rig, wrong: dict[str, Any]
) -> None:
    answer = await rig.post("/v1/achievements", wrong, VUX, "provider")
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert "Förstapristagare" not in answer.text


async def test_a_definition_that_is_not_published_is_not_found(rig: Rig) -> None:
    assert (await rig.plan("no-such")).status_code == 404
