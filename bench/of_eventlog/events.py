"""Events to append: sealed CredentialIssued envelopes of distinct credentials, as issuance seals them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.issued import NOON, credential_issued
from kompetenspass.core.ids import random_token, uuid7
from kompetenspass.events.envelope import Actor, Context, Draft, seal
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.log.api import Append

RIVAL_OF = 100
"""One append in so many expects a version that another's append has taken."""


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
    event = credential_issued()
    return Append(f"cred-{event.credential_id}", 0, [sealed(event)])


def sealed(event: CredentialIssued) -> Draft:
    """Return the event's draft in a context such as a command has."""
    traceparent = f"00-{uuid7().hex}-{uuid7().hex[:16]}-01"
    return seal(uuid7(), event, Context(Actor("learner", "learner"), NOON, random_token(), None, traceparent))


def drafts(size: int) -> list[Draft]:
    """Return drafts of distinct events, for what knows no stream and no version."""
    return [sealed(credential_issued()) for _ in range(size)]
