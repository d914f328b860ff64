"""A credential's status from valid to revoked, as others see it: TSL-4 of the checklist. Source: Token Status List."""

from __future__ import annotations

import pytest

from kompetenspass.core.clock import system_clock
from kompetenspass.testing.keys import TestSigner
from tests.integration.parties import Parties, check_problem, deeds
from tests.integration.statuses import INVALID, SUSPENDED, VALID, becomes, stays_valid, token_of
from tests.integration.stranger import HANDEL, KOMMUN, KRAFT, SOBONA, Held, Office, Stranger, eventually
from tests.integration.verifier import asked


@pytest.fixture
def mine(kommun: Stranger) -> Held:
    return kommun.received()


def test_tsl_4_another_issuer_and_another_role_change_nothing(kommun: Stranger, mine: Held) -> None:
    before = deeds(kommun.parties.platform)
    for token, status in (
        (kommun.parties.token(SOBONA.org, "issuer"), 404),
        (kommun.parties.token(KOMMUN.org, "awarding_body"), 403),
        (None, 401),
    ):
        check_problem(kommun.ordered(mine, "revoke", {"reason_code": "issued_in_error"}, token), status)
    assert deeds(kommun.parties.platform) == before
    assert stays_valid(kommun, mine)


def test_tsl_4_a_reason_is_needed(kommun: Stranger, mine: Held) -> None:
    token, before = kommun.parties.token(KOMMUN.org, "issuer"), deeds(kommun.parties.platform)
    bodies: list[object] = [{}, {"reason_code": "because"}, {"reason_code": "issued_in_error", "more": 1}, []]
    for body in bodies:
        check_problem(kommun.ordered(mine, "revoke", body, token), 400)
    assert deeds(kommun.parties.platform) == before
    assert stays_valid(kommun, mine)


def test_tsl_4_suspended_is_2_and_reinstated_0_and_revoked_1(kommun: Stranger, mine: Held) -> None:
    assert kommun.change(mine, "suspend", "under_review").status_code == 200
    assert becomes(kommun.parties, mine, SUSPENDED)
    assert kommun.change(mine, "reinstate", "cleared").status_code == 200
    assert becomes(kommun.parties, mine, VALID)
    assert kommun.change(mine, "revoke", "issued_in_error").status_code == 200
    assert becomes(kommun.parties, mine, INVALID)


def test_tsl_4_a_revocation_is_final(kommun: Stranger, mine: Held) -> None:
    assert kommun.change(mine, "suspend", "under_review").status_code == 200
    assert kommun.change(mine, "revoke", "holder_request").status_code == 200
    for command in ("reinstate", "suspend"):
        check_problem(kommun.change(mine, command, "cleared"), 409)
    assert becomes(kommun.parties, mine, INVALID)


def test_tsl_4_a_revoked_credential_can_be_neither_fetched_nor_offered_again(kommun: Stranger) -> None:
    achievement_id = kommun.achieved()
    held = kommun.received(kommun.offered(achievement_id))
    revoked = kommun.change(held, "revoke", "fraud")
    assert revoked.status_code == 200
    kommun.parties.reached("issuance", revoked.headers["log-position"])
    again = kommun.credential(held.access_token, kommun.request(kommun.proof(TestSigner())))
    assert again.json().get("error") == "credential_request_denied", again.text
    token = kommun.parties.token(KOMMUN.org, "awarding_body")
    path = f"/v1/achievements/{achievement_id}/offers"
    check_problem(kommun.parties.ask("post", "issuance", path, token, json={"tx_code": False}), 409)


def test_tsl_2_a_changed_list_is_a_newer_token_of_the_same_address(kommun: Stranger, mine: Held) -> None:
    before = token_of(kommun.parties, mine)
    assert eventually(lambda: system_clock().timestamp() > before["iat"] + 2)  # it is of when the making began
    assert kommun.change(mine, "suspend", "under_review").status_code == 200
    assert becomes(kommun.parties, mine, SUSPENDED)
    after = token_of(kommun.parties, mine)
    assert after["sub"] == before["sub"]
    assert after["iat"] > before["iat"]
    assert after["status_list"]["lst"] != before["status_list"]["lst"]


@pytest.mark.parametrize(
    ("office", "command", "reason", "value", "said"),
    [
        (HANDEL, "suspend", "under_review", SUSPENDED, "credential_suspended"),
        (KRAFT, "revoke", "issued_in_error", INVALID, "credential_revoked"),
    ],
)
def test_tsl_7_vp_16_whoever_verifies_refuses_what_is_not_valid(
    parties: Parties, office: Office, command: str, reason: str, value: int, said: str
) -> None:
    stranger = Stranger(parties, office)
    held = stranger.received()
    assert stranger.change(held, command, reason).status_code == 200
    assert becomes(parties, held, value)
    verdict = parties.ask("post", "verification", "/v1/verify", json={"credential": held.credential}).json()
    failed = [(check["code"], check["reason"]) for check in verdict["checks"] if check["ok"] is False]
    assert (verdict["outcome"], failed) == ("refused", [("status", said)])
    ask = asked(parties, office.definition)
    assert ask.answered(ask.presented(held)).status_code == 400
    assert ask.failed() == ["status"]
