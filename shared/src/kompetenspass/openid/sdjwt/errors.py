"""SDJWTError: why an SD-JWT, a disclosure or a key binding is refused."""

from __future__ import annotations

from typing import Literal

from kompetenspass.core.errors import Kind, Problem

SDJWTCode = Literal[
    "sd_jwt_malformed",  # not `<JWT>~<Disclosure>~…~[<KB-JWT>]`, too long, nested too deep, a malformed `_sd` or `...`
    "disclosure_malformed",  # not base64url of a JSON array, or the wrong number of elements for its place
    "duplicate_disclosure",
    "duplicate_digest",
    "disclosure_unreferenced",
    "claim_name_reserved",
    "claim_name_collision",
    "sd_alg_unsupported",
    "sd_alg_misplaced",
    "claim_not_disclosable",  # SD-JWT VC: iss, nbf, exp, cnf, vct, vct#integrity, aka_vcts, status
    "vct_missing",
    "claim_not_found",  # a path that selects nothing
    "holder_key_missing",
    "kb_jwt_missing",
    "kb_jwt_unexpected",
    "kb_aud_mismatch",
    "kb_nonce_mismatch",
    "kb_sd_hash_mismatch",
    "type_metadata_malformed",
    "type_metadata_mismatch",  # another `vct`, or other bytes than `vct#integrity` names
    "type_rule_broken",  # a `mandatory` or `sd` rule of the type
]


class SDJWTError(Problem):
    """A refusal in one of the codes of `SDJWTCode`. The title never repeats a claim's value."""

    def __init__(self, code: SDJWTCode, title: str, *, remedy: str = "", detail: str = "") -> None:
        super().__init__(code, title, kind=Kind.INVALID, remedy=remedy, detail=detail)
