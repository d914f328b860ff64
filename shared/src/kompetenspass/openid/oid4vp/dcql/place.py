"""A place in a query that is being parsed: the value there, and the JSON pointer to it for refusals."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kompetenspass.openid.oid4vp.dcql.errors import InvalidQuery, QueryFault

_ID = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True)
class Place:
    """A value within a query; each method returns it as what it must be, or raises InvalidQuery."""

    value: object
    path: str = ""

    def refuse(self, fault: QueryFault) -> InvalidQuery:
        """Return the refusal of what stands here."""
        return InvalidQuery(fault, self.path)

    def object(self) -> Mapping[str, object]:
        """Return the JSON object here."""
        if not isinstance(self.value, Mapping):
            raise self.refuse(QueryFault.NOT_AN_OBJECT)
        return self.value

    def optional(self, name: str) -> Place | None:
        """Return the place of a member, or None if it is absent."""
        members = self.object()
        return Place(members[name], f"{self.path}/{name}") if name in members else None

    def member(self, name: str) -> Place:
        """Return the place of a member that must be there."""
        found = self.optional(name)
        if found is None:
            raise InvalidQuery(QueryFault.MISSING, f"{self.path}/{name}")
        return found

    def array(self) -> list[Place]:
        """Return the places of a non-empty array's elements."""
        if not isinstance(self.value, list | tuple):
            raise self.refuse(QueryFault.WRONG_TYPE)
        if not self.value:
            raise self.refuse(QueryFault.EMPTY)
        return [Place(element, f"{self.path}/{index}") for index, element in enumerate(self.value)]

    def text(self) -> str:
        """Return the non-empty text here."""
        if not isinstance(self.value, str):
            raise self.refuse(QueryFault.WRONG_TYPE)
        if not self.value:
            raise self.refuse(QueryFault.EMPTY)
        return self.value

    def texts(self) -> tuple[str, ...]:
        """Return the non-empty array of texts here."""
        return tuple(place.text() for place in self.array())

    def boolean(self) -> bool:
        """Return the boolean here."""
        if not isinstance(self.value, bool):
            raise self.refuse(QueryFault.WRONG_TYPE)
        return self.value

    def id(self) -> str:
        """Return the id here: letters, digits, underscores, hyphens."""
        text = self.text()
        if not _ID.match(text):
            raise self.refuse(QueryFault.INVALID_ID)
        return text

    def known_ids(self, known: Collection[str]) -> tuple[str, ...]:
        """Return the non-empty array of ids here, each of them in `known`."""
        for place in self.array():
            if place.id() not in known:
                raise place.refuse(QueryFault.UNKNOWN_ID)
        return self.texts()
