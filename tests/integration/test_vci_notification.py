"""The notification endpoint over HTTP: VCI-42 of the checklist. Source: OpenID4VCI 1.0, section 11."""

from __future__ import annotations

import pytest

from kompetenspass.testing.keys import TestSigner
from tests.integration.stranger import JSON, Held, Stranger, check_error


@pytest.fixture(scope="module")
def mine(kommun: Stranger) -> Held:
    return kommun.received()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"notification_id": "unknown"}, "invalid_notification_id"),
        ({"notification_id": ""}, "invalid_notification_request"),
        ({"notification_id": 7}, "invalid_notification_request"),
        ({"event": "credential_lost"}, "invalid_notification_request"),
        ({"event": None}, "invalid_notification_request"),
        ({"event": ["credential_accepted"]}, "invalid_notification_request"),
        ({"event_description": 'a "quote"'}, "invalid_notification_request"),
        ({"event_description": 1}, "invalid_notification_request"),
    ],
)
def test_vci_42_a_wrong_notification_is_refused(kommun: Stranger, mine: Held, change: JSON, code: str) -> None:
    said = {"notification_id": mine.answer["notification_id"], "event": "credential_accepted"} | change
    check_error(kommun.post("notification", mine.access_token, json=said), code)


@pytest.mark.parametrize("content", [b"", b"[]", b"x", b"\xff", b'{"event":"credential_accepted"}'])
def test_vci_42_a_body_that_is_no_notification_is_refused(kommun: Stranger, mine: Held, content: bytes) -> None:
    answer = kommun.post("notification", mine.access_token, content=content)
    check_error(answer, "invalid_notification_request")


def test_vci_42_the_notification_id_of_another_credential_is_refused(kommun: Stranger, mine: Held, held: Held) -> None:
    said = {"notification_id": held.answer["notification_id"], "event": "credential_deleted"}
    check_error(kommun.post("notification", mine.access_token, json=said), "invalid_notification_id")


def test_vci_42_each_event_is_taken_and_identical_repeats_succeed(kommun: Stranger) -> None:
    for event in ("credential_accepted", "credential_failure", "credential_deleted"):
        held = kommun.received()
        said = {
            "notification_id": held.answer["notification_id"],
            "event": event,
            "event_description": "As expected.",
            "unknown_member": {},
        }
        for _ in range(3):
            answer = kommun.post("notification", held.access_token, json=said)
            assert (answer.status_code, answer.content) == (204, b"")
            assert answer.headers["cache-control"] == "no-store"


def test_vci_42_a_copy_that_was_replaced_has_no_notification_any_more(kommun: Stranger) -> None:
    older = kommun.received()
    newer = kommun.received_again(older.access_token, older.credential_id, TestSigner())
    said = {"notification_id": older.answer["notification_id"], "event": "credential_accepted"}
    check_error(kommun.post("notification", older.access_token, json=said), "invalid_notification_id")
    said["notification_id"] = newer.answer["notification_id"]
    assert kommun.post("notification", newer.access_token, json=said).status_code == 204
