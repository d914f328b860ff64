"""Rows of the tables as values of the domain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from kompetenspass.pathway.named import named
from kompetenspass.pathway.parse import PathwayMalformed, parse
from kompetenspass.pathway.rule import CredentialLeaf, Pathway, leaves
from services.wallet.domain.facts import (
    Award,
    Issue,
    Lapse,
    Merit,
    Part,
    PartKind,
    StackChange,
    Supersession,
    Texts,
)
from services.wallet.domain.pathways import PathwayInfo, Progress, Proposal


@dataclass(frozen=True, slots=True)
class Titles:
    """Titles of definitions and pathways by id and version, oldest first, and which of the two each id names."""

    by_version: Mapping[tuple[str, int], Texts]
    kinds: Mapping[str, PartKind]

    def title(self, id_: str, version: int | None = None) -> Texts:
        """Return the title of a version, of the newest without one; empty if it has not been seen."""
        if version is not None:
            return self.by_version.get((id_, version), ())
        return next((text for (known, _), text in reversed([*self.by_version.items()]) if known == id_), ())


def mentioned(awarded: Sequence[Row[Any]], changed: Sequence[Row[Any]]) -> set[str]:
    """Return the definitions and pathways that the parts of awards, and what became of them, name."""
    named = [part for row in awarded for part in row.constituents]
    named += [part for row in changed for part in row.lapsed]
    named += [row.taken_by for row in changed if row.taken_by]
    return {part["definition_id"] for part in named}


def issue(row: Row[Any]) -> Issue:
    """Return an issue with its merit."""
    merit = Merit(
        credential_id=row.credential_id,
        definition_id=row.definition_id,
        definition_version=row.definition_version,
        issuer_org=row.issuer_org,
        issuer=row.issuer,
        recognition_level=row.recognition_level,
        valid_to=row.valid_to,
        title=texts(row.title),
        issuer_name=texts(row.legal_name),
    )
    return Issue(row.at, row.position, row.event_id, merit, row.replaces)


def award(row: Row[Any], titles: Titles) -> Award:
    """Return an award with its merit and its parts."""
    merit = Merit(
        credential_id=row.credential_id,
        definition_id=row.pathway_id,
        definition_version=row.pathway_version,
        issuer_org=row.awarding_body,
        issuer=None,
        recognition_level=row.recognition_level,
        valid_to=None,
        title=texts(row.title),
        issuer_name=texts(row.legal_name),
    )
    parts = tuple(_part(part, titles) for part in row.constituents)
    return Award(row.stack_id, row.at, row.position, row.event_id, merit, row.mode, parts)


def parts_of(awards: Sequence[Award], changed: Sequence[Row[Any]], titles: Titles) -> Mapping[UUID, Part]:
    """Return every credential that was ever a part of one of the awards."""
    found = {part.credential_id: part for award in awards for part in award.parts}
    return found | {UUID(row.taken_by["credential_id"]): _part(row.taken_by, titles) for row in changed if row.taken_by}


def stack_change(row: Row[Any], titles: Titles, parts: Mapping[UUID, Part]) -> StackChange:
    """Return what became of an award; a part that ceased to hold is named as a lapse of one."""
    lapsed = tuple(_lapse(one, titles) for one in row.lapsed)
    if row.kind == "invalidated" and row.part_id in parts:
        part = parts[row.part_id]
        lapsed = (Lapse(part.credential_id, part.kind, part.definition_id, row.part_change, part.title),)
    return StackChange(
        at=row.at,
        position=row.position,
        event_id=row.event_id,
        stack_id=row.stack_id,
        kind=row.kind,
        cause=row.cause,
        reason_code=row.reason_code,
        ground=row.ground,
        decided=row.decided,
        deadline=row.deadline,
        part_id=row.part_id,
        lapsed=lapsed,
        taken_by=_part(row.taken_by, titles) if row.taken_by else None,
    )


def supersession(row: Row[Any]) -> Supersession:
    """Return which credential took another's place."""
    return Supersession(row.at, row.position, row.event_id, row.credential_id, row.by_credential_id, row.cause)


def progress(row: Row[Any]) -> Progress:
    """Return how far a learner has come."""
    return Progress(
        learner_ref=row.learner_ref,
        pathway_id=row.pathway_id,
        version=row.pathway_version,
        outcome=row.outcome,
        done=row.done,
        total=row.total,
        missing=tuple((part["kind"], part["id"]) for part in row.missing),
    )


def proposal(row: Row[Any], declined: Collection[UUID]) -> Proposal:
    """Return an award that waits, or waited, for a decision."""
    return Proposal(row.stack_id, row.pathway_id, row.pathway_version, row.position, row.stack_id in declined)


def info(row: Row[Any]) -> PathwayInfo:
    """Return a published version of a pathway."""
    content: Mapping[str, Any] = row.content
    return PathwayInfo(
        pathway_id=row.pathway_id,
        version=row.version,
        title=texts(content.get("title")),
        result=content.get("result") or {},
        mode=(content.get("award") or {}).get("mode", "decision"),
        awarding_body=row.awarding_body,
        awarding_name=texts(row.legal_name),
        rule=_rule(content),
    )


def required(infos: Iterable[PathwayInfo]) -> set[str]:
    """Return what the rules of these pathways name: definitions, pathways, issuers."""
    rules = [info.rule.rule for info in infos if info.rule is not None]
    found = {id_ for rule in rules for id_ in (*named(rule).definitions, *named(rule).pathways)}
    leaves_ = (leaf for rule in rules for leaf in leaves(rule))
    return found | {org for leaf in leaves_ if isinstance(leaf, CredentialLeaf) for org in leaf.issued_by}


def texts(found: object) -> Texts:
    """Return a text by language, sorted; empty where there is none."""
    if not isinstance(found, Mapping):
        return ()
    return tuple(sorted((str(language), str(text)) for language, text in found.items()))


def _rule(content: Mapping[str, Any]) -> Pathway | None:
    """Return the rule, None for a document that was published before rules were judged."""
    try:
        return parse(content)
    except PathwayMalformed:
        return None


def _part(written: Mapping[str, Any], titles: Titles) -> Part:
    version = int(written["definition_version"])
    return Part(
        credential_id=UUID(written["credential_id"]),
        kind=written["kind"],
        definition_id=written["definition_id"],
        definition_version=version,
        title=titles.title(written["definition_id"], version),
    )


def _lapse(written: Mapping[str, Any], titles: Titles) -> Lapse:
    id_ = written["definition_id"]
    return Lapse(
        credential_id=UUID(written["credential_id"]),
        kind=titles.kinds.get(id_, "definition"),
        definition_id=id_,
        change=written["change"],
        title=titles.title(id_, written["definition_version"]),
    )
