"""Who may come by the secured listener, with which password, and what each may do."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from kompetenspass.core.ids import random_bytes

MECHANISM = "SCRAM-SHA-512"
EVERY_TOPIC = "*"
_ITERATIONS = 4096  # RFC 5802, section 5.1: at least so many
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Resource(IntEnum):
    """What a right is about. Source: org.apache.kafka.common.resource.ResourceType."""

    TOPIC = 2
    GROUP = 3


class Pattern(IntEnum):
    """How a resource is named. Source: org.apache.kafka.common.resource.PatternType."""

    LITERAL = 3
    PREFIXED = 4


class Operation(IntEnum):
    """What may be done; each of these includes describing. Source: org.apache.kafka.common.acl.AclOperation."""

    READ = 3
    WRITE = 4


@dataclass(frozen=True)
class Right:
    """One entry of an access control list that allows."""

    principal: str
    resource: Resource
    pattern: Pattern
    name: str
    operation: Operation


@dataclass(frozen=True)
class User:
    """One user. `reads` and `writes` are prefixes of topics, or `EVERY_TOPIC`; an administrator may do everything.

    Who reads may use consumer groups whose names begin with the user's own name and a dot.
    Raises ValueError for a name of other characters than letters, digits, `_` and `-`.
    """

    name: str
    password: str = field(repr=False)
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    administers: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("a user's name has letters, digits, _ and -")

    def rights(self) -> Iterator[Right]:
        """Yield what this user may do."""
        for prefix in self.reads:
            yield self._on_topics(prefix, Operation.READ)
        for prefix in self.writes:
            yield self._on_topics(prefix, Operation.WRITE)
        if self.reads:
            yield Right(self._principal, Resource.GROUP, Pattern.PREFIXED, f"{self.name}.", Operation.READ)

    def credential(self) -> str:
        """Return the salted password as Kafka's storage tool takes it; the password itself is not in it.

        Source: RFC 5802, section 2.2 (Hi) and 3 (SaltedPassword), with SHA-512.
        """
        salt = random_bytes(32)
        salted = hashlib.pbkdf2_hmac("sha512", self.password.encode(), salt, _ITERATIONS)
        values = f'iterations={_ITERATIONS},salt="{_base64(salt)}",saltedpassword="{_base64(salted)}"'
        return f"{MECHANISM}=[name={self.name},{values}]"

    @property
    def _principal(self) -> str:
        return f"User:{self.name}"

    def _on_topics(self, prefix: str, operation: Operation) -> Right:
        pattern = Pattern.LITERAL if prefix == EVERY_TOPIC else Pattern.PREFIXED
        return Right(self._principal, Resource.TOPIC, pattern, prefix, operation)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
