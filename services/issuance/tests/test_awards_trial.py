"""The dry run: what a rule would say of a learner or of supposed credentials, and that it is what comes true."""

from __future__ import annotations

from typing import Any

from services.issuance.tests.pathways import (
    BODY,
    ONE,
    PATH,
    THREE,
    TWO,
    all_of,
    merit,
    pathway,
    publish,
    refused,
)
from services.issuance.tests.rig import Json, Rig


async def asked(rig: Rig, pathway_id: str = PATH, lang: str = "sv", **body: Any) -> Json:
    answer = await rig.client.post(
        f"/v1/pathways/{pathway_id}/evaluations", params={"lang": lang}, json=body, headers=rig.headers(*BODY)
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def supposed(*definition_ids: str, **each: Any) -> list[Json]:
    return [{"definition_id": one, **each} for one in definition_ids]


async def test_a_dry_run_says_before_what_is_true_after(rig: Rig) -> None:
    await publish(rig, pathway(all_of({"credential": ONE, "min_result_percent": 80}, TWO), mode="decision"))
    first = await merit(rig, ONE)
    short = await asked(rig, learner_ref=first.learner_ref)
    assert (short["outcome"], short["missing"]) == ("not_satisfied", [{"kind": "definition", "id": TWO}])
    assert [use["credential_id"] for use in short["used"]] == [str(first.credential_id)]
    would_be = await asked(rig, credentials=supposed(ONE, TWO))
    second = await merit(rig, TWO, first.learner_ref)
    came = await asked(rig, learner_ref=first.learner_ref)
    assert (would_be["outcome"], came["outcome"]) == ("satisfied", "satisfied")
    assert [(use["place"], use["id"]) for use in would_be["used"]] == [
        (use["place"], use["id"]) for use in came["used"]
    ]
    (proposed,) = await rig.events("EvaluationRecorded")
    assert proposed["used"] == [use["credential_id"] for use in came["used"]] == [
        str(first.credential_id), str(second.credential_id)
    ]  # fmt: skip


async def test_nothing_is_written_by_a_dry_run(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    before = await rig.logged()
    await asked(rig, credentials=supposed(ONE))
    assert await rig.logged() == before


async def test_what_is_supposed_can_be_said_in_full(rig: Rig) -> None:
    leaf = {
        "credential": ONE, "version": ">=1", "issued_by": ["org:elsewhere"], "min_recognition": "R5",
        "min_result_percent": 95, "max_age": "P1Y", "rpl": False, "validity": "live",
    }  # fmt: skip
    await publish(rig, pathway(leaf))
    good: Json = {
        "definition_id": ONE, "issuer_org": "org:elsewhere", "recognition_level": "R5", "result_percent": 95,
        "awarded_on": "2026-06-01",
    }  # fmt: skip
    assert (await asked(rig, credentials=[good]))["outcome"] == "satisfied"
    for change in (
        {"issuer_org": "org:skelleftea-kommun"}, {"recognition_level": "R4"}, {"result_percent": 94}, {"rpl": True},
        {"awarded_on": "2025-06-01"}, {"status": "expired"}, {"status": "revoked"},
    ):  # fmt: skip
        assert (await asked(rig, credentials=[good | change]))["outcome"] == "not_satisfied", change
    unclear = await asked(rig, credentials=[good | {"status": "suspended"}])
    assert (unclear["outcome"], unclear["unknown"]) == ("indeterminate", ["00000000-0000-0000-0000-000000000001"])


async def test_missing_hours_are_told_as_the_definitions_that_would_give_them(rig: Rig) -> None:
    rule = {"credits": {"unit": "hours", "min": 1, "from": [ONE, TWO, THREE]}}
    await publish(rig, pathway(rule))
    answer = await asked(rig, credentials=[])
    assert answer["missing"][0]["kind"] == "definition"
    assert (await asked(rig, credentials=supposed(answer["missing"][0]["id"])))["outcome"] == "satisfied"


async def test_an_award_of_a_nested_pathway_can_be_supposed(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE), "inner"), pathway(all_of({"pathway": "inner"}, TWO)))
    assert (await asked(rig, credentials=supposed(ONE, TWO)))["missing"] == [{"kind": "pathway", "id": "inner"}]
    assert (await asked(rig, credentials=supposed("inner", TWO)))["outcome"] == "satisfied"


async def test_only_what_is_published_can_be_supposed(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE)))
    for wrong in ({"definition_id": "no-such"}, {"definition_id": ONE, "version": 99}):
        answer = await rig.post(f"/v1/pathways/{PATH}/evaluations", {"credentials": [wrong]}, *BODY)
        assert refused(answer, 400, "definition_unknown")["definition_id"] == wrong["definition_id"]
    refused(await rig.post("/v1/pathways/no-such/evaluations", {"credentials": []}, *BODY), 404, "not_found")


async def test_the_sentences_are_in_the_language_that_is_asked_for(rig: Rig) -> None:
    await publish(rig, pathway(all_of(ONE, TWO)))
    swedish, english = [await asked(rig, lang=lang, credentials=supposed(ONE)) for lang in ("sv", "en")]
    assert swedish["proof"] == english["proof"]
    assert [one["depth"] for one in swedish["explanation"]] == [one["depth"] for one in english["explanation"]]
    assert swedish["explanation"] != english["explanation"]
