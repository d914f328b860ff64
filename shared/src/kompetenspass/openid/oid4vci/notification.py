"""Notifications of a wallet about what became of a credential."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from kompetenspass.openid.oauth import Message, json_object
from kompetenspass.openid.oid4vci.errors import invalid_notification_request


class NotificationEvent(StrEnum):
    """What happened in the wallet. Source: OpenID4VCI, section 11.1."""

    ACCEPTED = "credential_accepted"
    FAILURE = "credential_failure"
    DELETED = "credential_deleted"


class Notification(Message):
    """A notification request. Source: OpenID4VCI, section 11.1."""

    notification_id: str = Field(min_length=1)
    event: Annotated[NotificationEvent, Field(strict=False)]
    event_description: Annotated[str, Field(pattern=r"^[\x20-\x21\x23-\x5B\x5D-\x7E]*$")] | None = None


def parse_notification(body: bytes) -> Notification:
    """Return the notification in a JSON body; unknown members are ignored.

    Raises OAuthError `invalid_notification_request`. Source: OpenID4VCI, sections 11.1 and 11.3.
    """
    return Notification.parse(json_object(body, invalid_notification_request), invalid_notification_request)
