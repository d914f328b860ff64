from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kompetenspass.events.registry import Scope
from kompetenspass.testing.keys import TestSigner
from services.verification.domain.checks import Verdict
from services.verification.domain.trust import Grant, IssuerKey, KnownDefinition, Period
from services.verification.tests.world import ISSUED, ISSUER, ORG, START, World

BEFORE, AFTER = ISSUED - timedelta(days=1), ISSUED + timedelta(seconds=1)
HOUR = timedelta(hours=1)


def reasons(verdict: Verdict) -> dict[str, str | None]:
    return {check.code: check.reason for check in verdict.checks if check.ok is False}


async def judged(world: World) -> dict[str, str | None]:
    return reasons(await world.judge.pasted(world.credential()))


async def test_a_sound_credential_is_verified_without_its_holder(world: World) -> None:
    verdict = await world.judge.pasted(world.credential())
    assert verdict.outcome == "verified"
    assert not {"holder_binding", "query"} & {check.code for check in verdict.checks}


@pytest.mark.parametrize("role", ["issuer", "awarding_body"])
@pytest.mark.parametrize(("withdrawn", "expected"), [(BEFORE, {"issuer_role": "role_missing"}), (AFTER, {})])
async def test_a_role_withdrawn_counts_from_its_withdrawal(
    world: World, role: str, withdrawn: datetime, expected: dict[str, str]
) -> None:
    world.say(roles={**world.said.facts.roles, role: (Grant(Period(START, withdrawn)),)})
    assert await judged(world) == expected


async def test_a_role_granted_after_the_award_does_not_count(world: World) -> None:
    world.say(roles={**world.said.facts.roles, "issuer": (Grant(Period(AFTER)),)})
    assert await judged(world) == {"issuer_role": "role_missing"}


@pytest.mark.parametrize("role", ["issuer", "awarding_body"])
@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(fields=("0231", "0001"), regions=("Norr",), definitions=("mm-01",)), {}),
        (Scope(fields=("0001",)), {"issuer_role": "role_out_of_scope"}),
        (Scope(regions=("Syd",)), {"issuer_role": "role_out_of_scope"}),
        (Scope(definitions=("mm-02",)), {"issuer_role": "role_out_of_scope"}),
    ],
)
async def test_a_role_counts_for_what_its_scope_covers(
    world: World, role: str, scope: Scope, expected: dict[str, str]
) -> None:
    definition = KnownDefinition("mm-01", 1, ORG, "digest", frozenset({"0231"}), "Norr")
    world.say(definition=definition, roles={**world.said.facts.roles, role: (Grant(Period(START), scope),)})
    assert await judged(world) == expected


async def test_of_an_unknown_definition_no_scope_is_judged(world: World) -> None:
    narrow = Grant(Period(START), Scope(definitions=("mm-02",)))
    world.say(definition=None, roles={**world.said.facts.roles, "issuer": (narrow,)})
    assert "issuer_role" not in await judged(world)


@pytest.mark.parametrize(
    ("compromised", "expected"),
    [(BEFORE, {"key": "key_compromised"}), (ISSUED, {"key": "key_compromised"}), (AFTER, {})],
)
async def test_a_compromised_key_counts_from_its_compromise(
    world: World, compromised: datetime, expected: dict[str, str]
) -> None:
    key = world.said.facts.key
    assert key is not None
    world.say(key=replace(key, compromised_since=compromised))
    assert await judged(world) == expected


async def test_a_backdated_copy_that_nobody_issued_does_not_pass_with_a_compromised_key(world: World) -> None:
    key = world.said.facts.key
    assert key is not None
    world.say(key=replace(key, compromised_since=AFTER), issue=None)
    assert await judged(world) == {"key": "key_compromised"}


async def test_without_the_record_of_issue_the_credentials_own_time_counts(world: World) -> None:
    world.say(issue=None, roles={**world.said.facts.roles, "issuer": (Grant(Period(START, BEFORE)),)})
    assert await judged(world) == {"issuer_role": "role_missing"}
    world.say(roles={**world.said.facts.roles, "issuer": (Grant(Period(START, ISSUED + HOUR)),)})
    assert await judged(world) == {}


@pytest.mark.parametrize(
    ("granted", "iat", "expected"),
    [
        (AFTER, ISSUED, {}),
        (ISSUED + HOUR, ISSUED, {"issuer_role": "role_missing"}),
        (AFTER, ISSUED - timedelta(seconds=1), {"issuer_role": "role_missing"}),
    ],
)
async def test_an_iat_on_the_hour_stands_for_the_hour_where_nothing_better_is_known(
    world: World, granted: datetime, iat: datetime, expected: dict[str, str]
) -> None:
    world.clock.moment = ISSUED + timedelta(minutes=30)
    world.say(issue=None, roles={**world.said.facts.roles, "issuer": (Grant(Period(granted)),)})
    compact = world.credential(lambda c: c.update(iat=int(iat.timestamp())))
    assert reasons(await world.judge.pasted(compact)) == expected


async def test_a_copy_issued_a_moment_ago_is_waited_for(world: World) -> None:
    world.said.heard_late = world.said.facts
    early = world.credential(lambda c: c.update(iat=int((START - timedelta(days=1)).timestamp())))
    world.say(issue=None)
    assert reasons(await world.judge.pasted(early)) == {}


async def test_the_logs_time_counts_over_the_credentials_own(world: World) -> None:
    world.say(roles={**world.said.facts.roles, "issuer": (Grant(Period(START, BEFORE)),)})
    early = world.credential(lambda c: c.update(iat=int((BEFORE - timedelta(days=1)).timestamp())))
    assert reasons(await world.judge.pasted(early)) == {"issuer_role": "role_missing"}


async def test_a_key_that_was_not_in_use_at_the_time_is_refused(world: World) -> None:
    world.say(key=IssuerKey(ORG, ISSUER, Period(AFTER)))
    assert await judged(world) == {"key": "key_not_valid"}


@pytest.mark.parametrize(("withdrawn", "expected"), [(BEFORE, {"issuing_right": "issuing_right_missing"}), (AFTER, {})])
async def test_a_right_withdrawn_counts_from_its_withdrawal(
    world: World, withdrawn: datetime, expected: dict[str, str]
) -> None:
    world.say(definition=KnownDefinition("mm-01", 1, "org:owner", "digest"), rights=(Period(START, withdrawn),))
    assert await judged(world) == expected


async def test_without_ownership_or_grant_there_is_no_right(world: World) -> None:
    world.say(definition=KnownDefinition("mm-01", 1, "org:owner", "digest"))
    assert await judged(world) == {"issuing_right": "issuing_right_missing"}


async def test_an_unknown_definition_is_refused(world: World) -> None:
    world.say(definition=None)
    found = await judged(world)
    assert found["definition"] == "definition_unknown"


async def test_a_copy_issued_under_another_definition_is_refused(world: World) -> None:
    world.say(definition=KnownDefinition("mm-02", 1, ORG, "digest"))
    assert await judged(world) == {"definition": "definition_mismatch"}
    world.say(definition=KnownDefinition("mm-01", 1, ORG, "other words"))
    assert await judged(world) == {"definition": "definition_mismatch"}


async def test_an_unregistered_key_is_refused_though_its_certificate_is_good(world: World) -> None:
    world.say(key=None)
    found = await judged(world)
    assert (found["issuer"], found["key"]) == ("issuer_unknown", "key_unknown")


async def test_a_certificate_for_another_issuer_is_refused(world: World) -> None:
    other = TestSigner(uris=["https://issuance.example/issuers/other"], anchor=world.anchor)
    found = reasons(await world.judge.pasted(world.credential(signer=other)))
    assert found == {"issuer": "issuer_mismatch"}


async def test_a_chain_to_an_unknown_root_is_refused_and_nothing_below_is_judged(world: World) -> None:
    stranger = TestSigner(uris=[ISSUER])
    verdict = await world.judge.pasted(world.credential(signer=stranger))
    assert reasons(verdict) == {"chain": "untrusted_chain"}
    assert {check.ok for check in verdict.checks[3:]} == {None}
    assert world.registry.fetched == 0


async def test_another_organisations_copy_is_refused(world: World) -> None:
    issue = world.said.facts.issue
    assert issue is not None
    world.say(issue=replace(issue, issuer_org="org:other"))
    assert await judged(world) == {"issuer": "issuer_mismatch"}
