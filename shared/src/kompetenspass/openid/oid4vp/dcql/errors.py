"""Why a DCQL query is not valid, and why a credential or an answer does not meet one."""

from __future__ import annotations

from enum import StrEnum

from kompetenspass.openid.oauth import OAuthError


class QueryFault(StrEnum):
    """What is wrong with a query; goes with the JSON pointer of its place."""

    NOT_AN_OBJECT = "not_an_object"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    EMPTY = "empty"
    INVALID_ID = "invalid_id"
    DUPLICATE_ID = "duplicate_id"
    UNKNOWN_ID = "unknown_id"
    CLAIM_ID_MISSING = "claim_id_missing"
    CLAIM_SETS_WITHOUT_CLAIMS = "claim_sets_without_claims"
    INVALID_PATH = "invalid_path"
    INVALID_VALUE = "invalid_value"
    DUPLICATE_CLAIM = "duplicate_claim"
    UNKNOWN_MEMBER = "unknown_member"
    NEVER_DISCLOSABLE = "never_disclosable"
    UNUSED_CLAIM = "unused_claim"
    UNKNOWN_FORMAT = "unknown_format"
    UNKNOWN_AUTHORITY_TYPE = "unknown_authority_type"


_SAID = {
    QueryFault.NOT_AN_OBJECT: "is not an object",
    QueryFault.MISSING: "is missing",
    QueryFault.WRONG_TYPE: "has the wrong type",
    QueryFault.EMPTY: "is empty",
    QueryFault.INVALID_ID: "is not an id of letters, digits, underscores and hyphens",
    QueryFault.DUPLICATE_ID: "repeats an id",
    QueryFault.UNKNOWN_ID: "names an id that is not there",
    QueryFault.CLAIM_ID_MISSING: "is needed where there are claim_sets",
    QueryFault.CLAIM_SETS_WITHOUT_CLAIMS: "stands without claims",
    QueryFault.INVALID_PATH: "is not a text, null or a non-negative integer",
    QueryFault.INVALID_VALUE: "is not a text, an integer or a boolean",
    QueryFault.DUPLICATE_CLAIM: "points to a claim that the query already has",
    QueryFault.UNKNOWN_MEMBER: "is not a member that DCQL knows",
    QueryFault.NEVER_DISCLOSABLE: "asks for a claim that is always shown",
    QueryFault.UNUSED_CLAIM: "is in no claim set",
    QueryFault.UNKNOWN_FORMAT: "is not a format that this verifier reads",
    QueryFault.UNKNOWN_AUTHORITY_TYPE: "is not a type that this verifier knows",
}


class InvalidQuery(OAuthError):
    """A DCQL query that breaks a rule: `fault` at `path`, a JSON pointer into the query."""

    def __init__(self, fault: QueryFault, path: str) -> None:
        super().__init__(
            "invalid_dcql_query",
            f"The DCQL query is not valid: {path or '/'} {_SAID[fault]}.",
            remedy="Correct the query.",
            members={"reason": fault.value, "path": path},
        )
        self.fault = fault
        self.path = path


class MismatchReason(StrEnum):
    """In which respect a credential or an answer does not meet the query."""

    FORMAT = "format"
    TYPE = "type"
    AUTHORITY = "authority"
    HOLDER_BINDING = "holder_binding"
    CLAIM = "claim"
    VALUE = "value"
    CREDENTIAL_SET = "credential_set"
    MISSING_CREDENTIAL = "missing_credential"


class QueryNotMet(OAuthError):
    """A credential, or an answer as a whole, that does not meet the query; `path` points into the query."""

    def __init__(self, reason: MismatchReason, path: str) -> None:
        super().__init__(
            "dcql_query_not_met",
            f"What was presented does not meet the query in {path}: {reason.value.replace('_', ' ')}.",
            remedy="Present what the query asks for.",
            members={"reason": reason.value, "path": path},
        )
        self.reason = reason
        self.path = path
