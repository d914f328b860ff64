"""StatusError: why a status list, its token or a reference to it is refused."""

from __future__ import annotations

from typing import Literal

from kompetenspass.core.errors import Kind, Problem

StatusCode = Literal[
    "status_list_malformed",  # not base64url of zlib, or `bits` is not 1, 2, 4 or 8
    "status_list_too_large",
    "status_index_out_of_range",
    "status_value_out_of_range",
    "status_reference_malformed",
    "status_token_malformed",  # a required claim is missing or of the wrong kind
    "status_token_subject_mismatch",
]


class StatusError(Problem):
    """A refusal in one of the codes of `StatusCode`: nothing can be said of the status, so the token is refused."""

    def __init__(self, code: StatusCode, title: str, *, remedy: str = "", detail: str = "") -> None:
        super().__init__(code, title, kind=Kind.INVALID, remedy=remedy, detail=detail)
