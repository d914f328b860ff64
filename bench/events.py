"""Events to append: sealed CredentialIssued envelopes of distinct credentials, as issuance seals them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kompetenspass.core.ids import random_token, uuid7
from kompetenspass.events.envelope import Actor, Context, Draft, seal
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import StatusRef
from kompetenspass.log.api import Append

RIVAL_OF = 100
"""One append in so many expects a version that another's append has taken."""
_NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass
class Work:
    """Requests that are handed out once each, whoever asks; `size` of them store something."""

    size: int
    requests: Iterator[Append] = field(init=False)
    rivals: int = 0

    def __post_init__(self) -> None:
        self.requests = iter([*self._mixed()])

    def _mixed(self) -> Iterator[Append]:
        for number in range(1, self.size + 1):
            request = issued()
            yield request
            if number % RIVAL_OF == 0:
                self.rivals += 1
                yield Append(request.stream, 0, issued().drafts)


def issued() -> Append:
    """Return a request of one event that is the first of its stream."""
    event = event_issued()
    return Append(f"cred-{event.credential_id}", 0, [sealed(event)])


def event_issued() -> CredentialIssued:
    """Return the fact that some learner's credential was issued."""
    return CredentialIssued(
        credential_id=uuid7(),
        achievement_id=uuid7(),
        learner_ref=str(uuid7()),
        definition_id="def:skelleftea:sko-ys-01",
        definition_version=1,
        definition_digest=random_token(32),
        issuer_org="org:skelleftea-kommun",
        issuer="https://issuance.test/issuers/skelleftea-kommun",
        format="dc+sd-jwt",
        vct="https://catalog.test/vct/mikromerit/1",
        kid=random_token(32),
        copies=(StatusRef(digest=random_token(32), status_uri="https://registry.test/status/1", index=524_287),),
        recognition_level="R2",
        valid_from=_NOON,
        valid_to=_NOON + timedelta(days=1095),
    )


def sealed(event: CredentialIssued) -> Draft:
    """Return the event's draft in a context such as a command has."""
    traceparent = f"00-{uuid7().hex}-{uuid7().hex[:16]}-01"
    return seal(uuid7(), event, Context(Actor("learner", "learner"), _NOON, random_token(), None, traceparent))


def drafts(size: int) -> list[Draft]:
    """Return drafts of distinct events, for what knows no stream and no version."""
    return [sealed(event_issued()) for _ in range(size)]
