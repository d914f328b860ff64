"""What is kept and told of an answer: the claims that were asked for, the set as a whole, a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kompetenspass.core.errors import Problem
from kompetenspass.openid.oid4vp import dcql
from services.verification.domain.checks import Check, Verdict
from services.verification.domain.judgement import Judged
from services.verification.service.judge import Presented

_NOT_FOR_VERIFIERS = frozenset({"cnf", "status"})


def definitions_of(query: dcql.Query) -> tuple[str, ...]:
    """Return the definitions that a query names."""
    values = [
        value
        for credential in query.credentials
        for claim in credential.claims
        if claim.path == ("definition",)
        for value in claim.values or ()
    ]
    return tuple(dict.fromkeys(str(value) for value in values))


def claims_of(presented: Sequence[tuple[dcql.CredentialQuery, Presented]]) -> dict[str, list[dict[str, Any]]]:
    """Return what the verifier gets of what holds; of a constituent that does not, its checks say all."""
    claims: dict[str, list[dict[str, Any]]] = {}
    for asked, one in presented:
        if one.judged is not None and one.checks.all_hold:
            claims.setdefault(asked.id, []).append(_shown(one.judged, asked))
    return claims


def _shown(judged: Judged, asked: dcql.CredentialQuery) -> dict[str, Any]:
    """Return what the verifier gets: the open claims, and of what a wallet disclosed only what was asked for."""
    asked_for = {claim.path[0] for claim in asked.claims}
    unasked = {place[0] for place in judged.verified.processed.disclosed} - asked_for
    return {name: value for name, value in judged.claims.items() if name not in _NOT_FOR_VERIFIERS | unasked}


def with_set(verdict: Verdict, query: dcql.Query, found: Mapping[str, object]) -> Verdict:
    """Return the verdict with what is wrong with the answer as a whole, if anything is."""
    try:
        dcql.check_credential_sets(query, found.keys())
    except Problem as problem:
        return replace(verdict, checks=(*verdict.checks, Check("query", False, problem.code, problem.title)))
    return verdict


def declined(code: str) -> dict[str, Any]:
    """Return the verdict on a refusal by the learner."""
    return {"outcome": "declined", "checks": [], "credentials": [], "stacks": [], "error": code}
