"""Whose wallet a request is about."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from kompetenspass.core.errors import not_found
from kompetenspass.web.auth import Caller, require


def account_of(caller: Caller) -> UUID:
    """Return the account of a learner's token, its `sub`. Raises Problem `forbidden`, `not_found`."""
    require(caller, "learner")
    try:
        return UUID(caller.subject)
    except ValueError as error:
        raise not_found("account") from error


Account = Annotated[UUID, Depends(account_of)]
"""The type of a route's parameter that needs a learner's token."""
