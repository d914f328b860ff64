"""Nonce and credential responses, and notifications."""

import json

import pytest

from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vci import (
    NonceResponse,
    NotificationEvent,
    credential_request_denied,
    credential_response,
    invalid_nonce,
    invalid_notification_id,
    parse_notification,
)


def test_vci_26_the_nonce_response_has_one_member() -> None:
    assert NonceResponse(c_nonce="wKI4LT17ac15ES9bw8ac4").to_json() == {"c_nonce": "wKI4LT17ac15ES9bw8ac4"}


def test_vci_31_the_response_has_an_object_per_credential_and_a_notification_id() -> None:
    assert credential_response(["a~", "b~"], keys=2, notification_id="3fwe98js").to_json() == {
        "credentials": [{"credential": "a~"}, {"credential": "b~"}],
        "notification_id": "3fwe98js",
    }
    assert credential_response(["a~"], keys=2).to_json() == {"credentials": [{"credential": "a~"}]}


@pytest.mark.parametrize("count", [0, 2])
def test_vci_32_there_are_no_more_credentials_than_keys(count: int) -> None:
    with pytest.raises(ValueError, match="key"):
        credential_response(["a~"] * count, keys=1)


def test_vci_42_the_specifications_example_notifications_are_read() -> None:
    accepted = parse_notification(b'{"notification_id":"3fwe98js","event":"credential_accepted"}')
    assert (accepted.notification_id, accepted.event) == ("3fwe98js", NotificationEvent.ACCEPTED)
    failure = parse_notification(
        b'{"notification_id":"3fwe98js","event":"credential_failure",'
        b'"event_description":"Could not store the Credential. Out of storage."}'
    )
    assert failure.event is NotificationEvent.FAILURE
    assert failure.event_description == "Could not store the Credential. Out of storage."


def test_vci_42_extra_members_are_ignored() -> None:
    raw = b'{"notification_id":"a","event":"credential_deleted","x":1}'
    assert parse_notification(raw).event is NotificationEvent.DELETED


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"notification_id": "a"},
        {"event": "credential_accepted"},
        {"notification_id": "", "event": "credential_accepted"},
        {"notification_id": 7, "event": "credential_accepted"},
        {"notification_id": "a", "event": "Credential_accepted"},
        {"notification_id": "a", "event": 1},
        {"notification_id": "a", "event": "credential_accepted", "event_description": 'a "quote"'},
        {"notification_id": "a", "event": "credential_accepted", "event_description": "å"},
        {"notification_id": "a", "event": "credential_accepted", "event_description": "line\n"},
    ],
)
def test_vci_42_a_malformed_notification_is_an_invalid_notification_request(value: object) -> None:
    with pytest.raises(OAuthError) as refused:
        parse_notification(json.dumps(value).encode())
    assert refused.value.code == "invalid_notification_request"


def test_vci_33_and_42_refusals_that_need_state_have_the_specifications_codes() -> None:
    assert invalid_nonce().code == "invalid_nonce"
    assert invalid_notification_id().code == "invalid_notification_id"
    assert credential_request_denied("It is revoked.").code == "credential_request_denied"
