"""Message: the base of every wire message: frozen, strict about types, unknown members ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from kompetenspass.openid.oauth.body import Refuse


class Message(BaseModel):
    """A JSON message of a protocol; members are named as the specification names them (by alias where needed)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", populate_by_name=True)

    @classmethod
    def parse(cls, value: Mapping[str, object], refuse: Refuse) -> Self:
        """Return the message in a decoded JSON object. Raises what `refuse` makes, naming the first wrong member."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise refuse(_first_fault(error)) from None

    def to_json(self) -> dict[str, Any]:
        """Return the message as a JSON object, absent members left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def to_text(self) -> str:
        """Return the same object as JSON text."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


def _first_fault(error: ValidationError) -> str:
    """Say where the first fault is, and never what was received: that may be a secret."""
    fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"][:4]) or "the message"
    if fault["type"] == "missing":
        return f"{place} is missing."
    return f"{place} is not as the specification has it."
