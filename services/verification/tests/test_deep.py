"""Deep verification: an award shown together with what it rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.openid import sdjwt, status
from kompetenspass.testing.keys import TestSigner
from services.verification.tests.stacked import BOTH, LIVE, OTHER_LIST, PATHWAY, StackWorld, checks_of, urn
from services.verification.tests.world import BY_VERIFIER, CATALOG, VERIFIER

NOT_SHOWN = (None, "constituents_not_shown")


async def test_a_whole_stack_holds_and_the_verdict_has_the_proof(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    verdict = await stacks.deep(stacks.award(a, b), a, b)
    assert verdict["outcome"] == "verified"
    assert (checks_of(verdict, "constituents"), checks_of(verdict, "stack_rule")) == ([(True, None)], [(True, None)])
    (stack,) = verdict["stacks"]
    assert (stack["definition"], stack["definition_version"]) == (urn(PATHWAY), 1)
    assert (stack["outcome"], stack["missing"]) == ("satisfied", [])
    assert [(leaf["id"], leaf["verdict"], len(leaf["used"])) for leaf in stack["proof"]["children"]] == [
        ("a", "true", 1),
        ("b", "true", 1),
    ]
    assert UUID(stack["proof"]["children"][0]["used"][0]).version == 5
    assert len(verdict["claims"]["mikromerit"][0]["has_part"]) == 2


async def test_what_is_not_shown_is_named_and_refuses_nothing(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    verdict = await stacks.deep(stacks.award(a, b), a)
    assert verdict["outcome"] == "verified"
    assert (checks_of(verdict, "constituents"), checks_of(verdict, "stack_rule")) == ([(True, None)], [NOT_SHOWN])
    (rule,) = [check for check in verdict["checks"] if check["code"] == "stack_rule"]
    assert (rule["detail"], rule["weight"]) == (f"Not shown: {urn('b')}.", "optional")
    assert verdict["stacks"][0]["missing"] == [{"kind": "definition", "id": "b"}]


async def test_an_award_alone_answers_a_deep_request(stacks: StackWorld) -> None:
    verdict = await stacks.deep(stacks.award(stacks.merit("a"), stacks.merit("b")))
    assert verdict["outcome"] == "verified"
    assert (checks_of(verdict, "constituents"), checks_of(verdict, "stack_rule")) == ([NOT_SHOWN], [NOT_SHOWN])


async def test_an_award_alone_is_judged_as_any_credential(stacks: StackWorld) -> None:
    award = stacks.award(stacks.merit("a"), stacks.merit("b"))
    verdict = await stacks.judge.pasted(award)
    assert (verdict.outcome, verdict.stacks) == ("verified", ())
    assert not {"constituents", "stack_rule"} & {check.code for check in verdict.checks}
    stacks.set_status(award, status.SUSPENDED)
    stacks.clock.advance(seconds=61)
    assert (await stacks.judge.pasted(award)).failed == ("status",)


async def test_a_copy_that_the_award_does_not_name_is_no_part_of_it(stacks: StackWorld) -> None:
    """It was issued again: until the award is bound to the new copy, it does not prove the award."""
    a, b = stacks.merit("a"), stacks.merit("b")
    verdict = await stacks.deep(stacks.award(a, b), a, stacks.merit("b"))
    assert (verdict["outcome"], stacks.refusal) == ("refused", "digest_mismatch")
    assert checks_of(verdict, "constituents") == [(False, "digest_mismatch")]
    assert checks_of(verdict, "stack_rule") == [NOT_SHOWN]
    (check,) = [check for check in verdict["checks"] if check["code"] == "constituents"]
    assert urn("b") in check["detail"]
    assert "issued again" in check["detail"]


async def test_a_part_of_somebody_elses_is_refused_for_its_holder(stacks: StackWorld) -> None:
    a = stacks.merit("a")
    own = stacks.holder
    stacks.holder = TestSigner(anchor=stacks.anchor)
    foreign = stacks.merit("b")
    stacks.holder = own
    verdict = await stacks.deep(stacks.award(a, foreign), a, foreign)
    assert (verdict["outcome"], stacks.refusal) == ("refused", "invalid_signature")
    assert checks_of(verdict, "holder_binding").count((False, "invalid_signature")) == 1
    assert checks_of(verdict, "stack_rule") == [NOT_SHOWN]


async def test_a_foreign_merit_is_no_part_of_the_award(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    verdict = await stacks.deep(stacks.award(a, stacks.merit("b")), a, b)
    assert checks_of(verdict, "constituents") == [(False, "digest_mismatch")]


async def test_a_suspended_live_part_refuses_while_the_award_is_still_valid(stacks: StackWorld) -> None:
    stacks.pathway(PATHWAY, BOTH, **LIVE)
    a, b = stacks.merit("a"), stacks.merit("b")
    stacks.set_status(b, status.SUSPENDED)
    verdict = await stacks.deep(stacks.award(a, b), a, b)
    assert (verdict["outcome"], stacks.refusal) == ("refused", "rule_not_satisfied")
    assert checks_of(verdict, "status") == [(True, None), (True, None), (False, "credential_suspended")]
    assert (checks_of(verdict, "constituents"), checks_of(verdict, "stack_rule")) == (
        [(True, None)],
        [(False, "rule_not_satisfied")],
    )
    (event,) = [entry.event for entry in await stacks.log.read(1, 10)]
    assert event.model_dump()["failed_checks"] == ("stack_rule",)


@pytest.mark.parametrize("value", [status.INVALID, status.SUSPENDED])
async def test_what_became_of_a_part_whose_award_is_a_snapshot_is_told_only(stacks: StackWorld, value: int) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    stacks.set_status(b, value)
    verdict = await stacks.deep(stacks.award(a, b), a, b)
    assert (verdict["outcome"], checks_of(verdict, "stack_rule")) == ("verified", [(True, None)])
    (told,) = [check for check in verdict["checks"] if check["ok"] is False]
    assert (told["code"], told["weight"]) == ("status", "told")
    assert set(verdict["claims"]) == {"mikromerit", "part-1"}


async def test_an_expired_part_whose_award_is_a_snapshot_still_counts(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b", date_of_expiry="2026-11-20")
    verdict = await stacks.deep(stacks.award(a, b), a, b)
    assert (verdict["outcome"], checks_of(verdict, "stack_rule")) == ("verified", [(True, None)])
    assert (False, "merit_expired") in checks_of(verdict, "validity")


async def test_an_expired_live_part_counts_no_more(stacks: StackWorld) -> None:
    stacks.pathway(PATHWAY, BOTH, **LIVE)
    a, b = stacks.merit("a"), stacks.merit("b", date_of_expiry="2026-11-20")
    verdict = await stacks.deep(stacks.award(a, b), a, b)
    assert checks_of(verdict, "stack_rule") == [(False, "rule_not_satisfied")]
    assert verdict["stacks"][0]["proof"]["children"][1]["reason"] == "expired"


async def test_a_part_that_never_should_have_been_does_not_count(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    stacks.set_status(b, status.INVALID)
    stacks.said.void.add(sdjwt.digest_of_copy(b))
    verdict = await stacks.deep(stacks.award(a, b), a, b)
    assert (verdict["outcome"], checks_of(verdict, "stack_rule")) == ("refused", [(False, "rule_not_satisfied")])


async def test_an_unknown_status_leaves_the_rule_undecided(stacks: StackWorld) -> None:
    stacks.registry.unreachable.add(OTHER_LIST)
    a, b = stacks.merit("a"), stacks.merit("b", status=status.Reference(OTHER_LIST, 1).claim())
    verdict = await stacks.deep(stacks.award(a, b), a, b)
    assert checks_of(verdict, "stack_rule") == [(None, "rule_indeterminate")]
    assert (verdict["outcome"], verdict["stacks"][0]["outcome"]) == ("verified", "indeterminate")


async def test_the_deep_query_asks_for_the_award_and_lets_the_rest_be_down_to_the_bottom(stacks: StackWorld) -> None:
    stacks.said.published[urn("c"), 1] = replace(stacks.said.published[urn("a"), 1], id="c", urn=urn("c"))
    stacks.pathway("inner", {"all_of": [{"credential": "a"}, {"credential": "c"}]})
    graded = {"credential": "a", "min_result_percent": 80}
    stacks.pathway(PATHWAY, {"all_of": [graded, {"credential": "b"}, {"credential": "b"}, {"pathway": "inner"}]})
    query: dict[str, Any] = dict(await stacks.requests.deep_query(PATHWAY, [["family_name"]]))
    asked = [(entry["id"], entry.get("multiple"), entry["claims"]) for entry in query["credentials"]]
    assert asked == [
        (
            "mikromerit",
            None,
            [
                {"path": ["definition"], "values": [urn(PATHWAY)]},
                {"path": ["has_part", None]},
                {"path": ["family_name"]},
            ],
        ),
        ("part-1", None, [{"path": ["definition"], "values": [urn("a")]}, {"path": ["assessment_grade"]}]),
        ("part-2", True, [{"path": ["definition"], "values": [urn("b")]}]),
        ("part-3", None, [{"path": ["definition"], "values": [urn("inner")]}, {"path": ["has_part", None]}]),
        ("part-4", None, [{"path": ["definition"], "values": [urn("c")]}]),
    ]
    assert [(each["options"], each["required"]) for each in query["credential_sets"]] == [
        ([["mikromerit"]], True),
        ([["part-1"]], False),
        ([["part-2"]], False),
        ([["part-3"]], False),
        ([["part-4"]], False),
    ]


async def test_only_a_pathway_can_be_asked_for_deeply(stacks: StackWorld) -> None:
    for other in ("a", "nowhere"):
        with pytest.raises(Problem, match="not_found"):
            await stacks.requests.deep_query(other, [])


async def test_a_deep_answer_without_the_award_is_refused(stacks: StackWorld) -> None:
    verdict = await stacks.deep(stacks.merit("a"))
    assert (verdict["outcome"], stacks.refusal) == ("refused", "dcql_query_not_met")


async def test_an_ordinary_query_for_several_judges_each_and_the_stack_besides(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    award = stacks.award(a, b)
    asked = dict(await stacks.requests.deep_query(PATHWAY, []))
    query = {"credentials": asked["credentials"]}
    created = await stacks.requests.create(VERIFIER, query, BY_VERIFIER)
    verdict = await stacks.show(created, award, a, b)
    assert (verdict["outcome"], checks_of(verdict, "stack_rule")) == ("verified", [(True, None)])
    stacks.set_status(b, status.INVALID)
    stacks.clock.advance(seconds=61)
    created = await stacks.requests.create(VERIFIER, query, BY_VERIFIER)
    verdict = await stacks.show(created, award, a, b)
    assert (verdict["outcome"], stacks.refusal) == ("refused", "credential_revoked")
    assert checks_of(verdict, "stack_rule") == [(True, None)]


async def test_an_award_whose_parts_are_not_disclosed_is_not_judged_on_them(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    vct = f"{CATALOG}/vct/mikromerit/1"
    credentials = [
        {
            "id": name,
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [vct]},
            "claims": [{"path": ["definition"], "values": [urn(name)]}],
        }
        for name in (PATHWAY, "a")
    ]
    created = await stacks.requests.create(VERIFIER, {"credentials": credentials}, BY_VERIFIER)
    verdict = await stacks.show(created, stacks.award(a, b), a, paths=())
    hidden = [(None, "has_part_not_disclosed")]
    assert (checks_of(verdict, "constituents"), checks_of(verdict, "stack_rule")) == (hidden, hidden)
    assert (verdict["outcome"], verdict["stacks"]) == ("verified", [])


async def test_a_part_that_is_disclosed_suffices_for_what_it_proves(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    award = stacks.award(a, b)
    created = await stacks.ask_deep()
    verdict = await stacks.show(created, award, a, paths=[("has_part", 0)])
    assert (checks_of(verdict, "constituents"), checks_of(verdict, "stack_rule")) == ([(True, None)], [NOT_SHOWN])
    created = await stacks.ask_deep()
    verdict = await stacks.show(created, award, a, b, paths=[("has_part", 0)])
    assert checks_of(verdict, "constituents") == [(None, "has_part_not_disclosed")]
    verdict = await stacks.show(await stacks.ask_deep(), award, a, b)
    assert checks_of(verdict, "constituents") == [(True, None)]
