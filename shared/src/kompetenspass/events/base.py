"""Event: a fact that one owner states; frozen, strict when built, tolerant when read."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Audience = Literal["public", "partner", "internal"]
"""Who may see a field: anyone; organisations that were let in; the platform itself. Each sees what those before see."""

AUDIENCES: tuple[Audience, ...] = ("public", "partner", "internal")


class Value(BaseModel):
    """A frozen part of an event."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Value):
    """The payload of one fact. Subclasses name their `type` (`owner.Name.vN`), never changed once published."""

    type: ClassVar[str]

    @classmethod
    def owner(cls) -> str:
        """Return the service that alone may state this fact."""
        return cls.type.partition(".")[0]

    @classmethod
    def read(cls, payload: dict[str, Any]) -> Self:
        """Return the event that `payload` holds, ignoring fields that a newer writer added."""
        return cls.model_validate(payload, extra="ignore")


def public(**options: Any) -> Any:
    """Declare a field that anyone may see; a field without a declaration never leaves the platform."""
    return Field(json_schema_extra={"audience": "public"}, **options)


def partner(**options: Any) -> Any:
    """Declare a field that may leave the platform for organisations that were let in, and for nobody else."""
    return Field(json_schema_extra={"audience": "partner"}, **options)
