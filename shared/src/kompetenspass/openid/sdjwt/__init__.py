"""SD-JWT and SD-JWT VC: issue, present, verify, key binding and type metadata, sans-I/O.

Sources: RFC 9901 and draft-ietf-oauth-sd-jwt-vc.
"""

from kompetenspass.openid.sdjwt.errors import SDJWTCode, SDJWTError
from kompetenspass.openid.sdjwt.issue import SDJWT, issue
from kompetenspass.openid.sdjwt.parse import OpenSDJWT, Parts, digest_of_copy, open_sd_jwt, parse, parse_header
from kompetenspass.openid.sdjwt.paths import NEVER_DISCLOSABLE, Path, select_places
from kompetenspass.openid.sdjwt.present import KeyBinding, present
from kompetenspass.openid.sdjwt.process import UNDISCLOSED, Processed
from kompetenspass.openid.sdjwt.type_extension import join_types
from kompetenspass.openid.sdjwt.type_metadata import (
    ClaimDisplay,
    ClaimMetadata,
    TypeDisplay,
    TypeMetadata,
    check_type,
    read_type_metadata,
    verify_integrity,
)
from kompetenspass.openid.sdjwt.verify import (
    VC_TYPES,
    VerifiedSDJWT,
    holder_key,
    refuse_kb,
    verify,
    verify_kb,
    verify_presentation,
    verify_sd_jwt,
)

__all__ = [
    "NEVER_DISCLOSABLE",
    "SDJWT",
    "UNDISCLOSED",
    "VC_TYPES",
    "ClaimDisplay",
    "ClaimMetadata",
    "KeyBinding",
    "OpenSDJWT",
    "Parts",
    "Path",
    "Processed",
    "SDJWTCode",
    "SDJWTError",
    "TypeDisplay",
    "TypeMetadata",
    "VerifiedSDJWT",
    "check_type",
    "digest_of_copy",
    "holder_key",
    "issue",
    "join_types",
    "open_sd_jwt",
    "parse",
    "parse_header",
    "present",
    "read_type_metadata",
    "refuse_kb",
    "select_places",
    "verify",
    "verify_integrity",
    "verify_kb",
    "verify_presentation",
    "verify_sd_jwt",
]
