"""Token Status List: the list's bytes, the signed token, references to it, and unguessable indices, sans-I/O.

Source: draft-ietf-oauth-status-list.
"""

from kompetenspass.openid.status.bits import (
    INVALID,
    MAX_BYTES,
    SMALLEST,
    SUSPENDED,
    VALID,
    WIDTHS,
    Meaning,
    StatusList,
    decode,
    encode,
    get,
    get_value,
    meaning,
    new_values,
    set_value,
    set_values,
)
from kompetenspass.openid.status.errors import StatusCode, StatusError
from kompetenspass.openid.status.list_token import (
    MEDIA_TYPE,
    TYP,
    StatusListToken,
    token,
    verify_token,
    verify_token_by_x5c,
)
from kompetenspass.openid.status.permutation import permute
from kompetenspass.openid.status.reference import Reference, read_reference

__all__ = [
    "INVALID",
    "MAX_BYTES",
    "MEDIA_TYPE",
    "SMALLEST",
    "SUSPENDED",
    "TYP",
    "VALID",
    "WIDTHS",
    "Meaning",
    "Reference",
    "StatusCode",
    "StatusError",
    "StatusList",
    "StatusListToken",
    "decode",
    "encode",
    "get",
    "get_value",
    "meaning",
    "new_values",
    "permute",
    "read_reference",
    "set_value",
    "set_values",
    "token",
    "verify_token",
    "verify_token_by_x5c",
]
