"""DCQL, the Digital Credentials Query Language: parse, match, check sets (verifier), select (wallet), build."""

from kompetenspass.openid.oid4vp.dcql.authorities import authority_key_ids
from kompetenspass.openid.oid4vp.dcql.build import DEFINITION_QUERY_ID, definition_query
from kompetenspass.openid.oid4vp.dcql.errors import InvalidQuery, MismatchReason, QueryFault, QueryNotMet
from kompetenspass.openid.oid4vp.dcql.evaluate import check_credential_sets
from kompetenspass.openid.oid4vp.dcql.match import match
from kompetenspass.openid.oid4vp.dcql.model import (
    ClaimQuery,
    Credential,
    CredentialQuery,
    CredentialSet,
    Match,
    Query,
    TrustedAuthority,
)
from kompetenspass.openid.oid4vp.dcql.parse import parse
from kompetenspass.openid.oid4vp.dcql.path import NothingSelected, evaluate_path
from kompetenspass.openid.oid4vp.dcql.select import matches, not_held, option, select, taken
from kompetenspass.openid.oid4vp.dcql.sendable import parse_sendable

__all__ = [
    "DEFINITION_QUERY_ID",
    "ClaimQuery",
    "Credential",
    "CredentialQuery",
    "CredentialSet",
    "InvalidQuery",
    "Match",
    "MismatchReason",
    "NothingSelected",
    "Query",
    "QueryFault",
    "QueryNotMet",
    "TrustedAuthority",
    "authority_key_ids",
    "check_credential_sets",
    "definition_query",
    "evaluate_path",
    "match",
    "matches",
    "not_held",
    "option",
    "parse",
    "parse_sendable",
    "select",
    "taken",
]
