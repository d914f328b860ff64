"""A pathway and a proof in plain sentences, Swedish and English: one for each node and each constraint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from kompetenspass.pathway.notation import LAST_VERSION, versions_of
from kompetenspass.pathway.proof import Proof
from kompetenspass.pathway.rule import (
    Age,
    AllOf,
    AnyOf,
    Constraints,
    CredentialLeaf,
    Credits,
    Level,
    NOf,
    Outcomes,
    Pathway,
    PathwayLeaf,
    Rule,
    Source,
    Validity,
)
from kompetenspass.pathway.words import Language, Speech, Titles

_GATES = ("all_of", "any_of", "n_of")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and how far down the tree it stands."""

    depth: int
    text: str


def explain(pathway: Pathway, titles: Titles, language: Language) -> tuple[Sentence, ...]:
    """Return what the pathway asks for, a sentence a node in their order, then a sentence for each constraint."""
    speech = Speech(titles, language)
    constraints = (Sentence(0, text) for text in _constraints(pathway.constraints, speech))
    mode = Sentence(0, speech.say(f"mode.{pathway.mode}"))
    return (*_node(pathway.rule, 0, speech), *constraints, mode)


def why(proof: Proof, titles: Titles, language: Language) -> tuple[Sentence, ...]:
    """Return what is satisfied, missing or unclear, a sentence a node; below what holds, only what it rests on."""
    return tuple(_why(proof, 0, Speech(titles, language)))


def _node(rule: Rule, depth: int, speech: Speech) -> Iterator[Sentence]:
    match rule:
        case CredentialLeaf():
            yield Sentence(depth, _credential(rule, speech))
        case PathwayLeaf():
            start = speech.say("pathway", title=speech.title(rule.pathway_id))
            yield Sentence(depth, f"{start}, {_validity('pathway', rule.validity, speech)}")
        case Credits():
            yield Sentence(depth, _credits(rule, speech))
        case Level():
            yield Sentence(depth, _level(rule, speech))
        case Outcomes():
            yield Sentence(depth, _outcomes(rule, speech))
        case AllOf() | AnyOf() | NOf():
            yield Sentence(depth, _gate(rule, speech) + ":")
            for child in rule.of:
                yield from _node(child, depth + 1, speech)


def _gate(rule: AllOf | AnyOf | NOf, speech: Speech) -> str:
    if len(rule.of) == 1:
        return speech.say("this")
    if isinstance(rule, NOf):
        return speech.say("n_of", min=rule.min, total=len(rule.of))
    return speech.say("all_of" if isinstance(rule, AllOf) else "any_of", total=len(rule.of))


def _credential(leaf: CredentialLeaf, speech: Speech) -> str:
    parts = [speech.say("credential", title=speech.title(leaf.definition_id)), *_conditions(leaf, speech)]
    return ", ".join(parts)


def _conditions(leaf: CredentialLeaf, speech: Speech) -> Iterator[str]:
    if leaf.version is not None:
        yield _version(leaf.version, speech)
    if leaf.issued_by:
        organisations = speech.listed([speech.title(org) for org in leaf.issued_by], "or")
        yield speech.say("issued_by", organisations=organisations)
    if leaf.min_recognition is not None:
        yield speech.say("min_recognition", level=leaf.min_recognition)
    if leaf.min_result_percent is not None:
        yield speech.say("min_result_percent", percent=leaf.min_result_percent)
    if leaf.max_age is not None:
        yield speech.say("max_age", span=speech.span(leaf.max_age))
    if not leaf.rpl:
        yield speech.say("no_rpl")
    yield _validity("credential", leaf.validity, speech)


def _validity(kind: str, validity: Validity, speech: Speech) -> str:
    return speech.say(f"{kind}.{validity.kind}", span=speech.span(Age(days=validity.grace.days or 1)))


def _version(text: str, speech: Speech) -> str:
    first, last = versions_of(text) or (1, LAST_VERSION)
    phrase = "version" if first == last else "version.from" if last == LAST_VERSION else "version.range"
    return speech.say(phrase, first=first, last=last)


def _credits(node: Credits, speech: Speech) -> str:
    text = speech.say("credits", amount=speech.amount(node.min, node.unit), sources=_sources(node.sources, speech))
    if node.max_per_item is None:
        return text
    return f"{text}, {speech.say('max_per_item', amount=speech.amount(node.max_per_item, node.unit))}"


def _level(node: Level, speech: Speech) -> str:
    phrase = "level.share" if node.min_count is None else "level.count"
    return speech.say(
        phrase,
        count=node.min_count,
        percent=speech.number(100 * (node.min_share or 0)),
        framework={"seqf": "SeQF", "eqf": "EQF"}[node.framework],
        level=node.at_least,
        sources=_sources(node.sources, speech),
    )


def _outcomes(node: Outcomes, speech: Speech) -> str:
    category = speech.say(f"category.{node.category}") if node.category else ""
    amount = speech.amount(node.min_count, "outcome")
    text = speech.say("outcomes.category" if category else "outcomes", amount=amount, category=category)
    return f"{text}, {speech.say('outcomes.esco', skills=speech.listed(node.esco, 'or'))}" if node.esco else text


def _sources(sources: tuple[Source, ...], speech: Speech) -> str:
    return "; ".join(_source(source, speech) for source in sources)  # titles may have commas of their own


def _source(source: Source, speech: Speech) -> str:
    if isinstance(source, str):
        return speech.title(source)
    members = asdict(source).items()
    parts = [speech.say(f"selector.{name}", value=value) for name, value in members if value is not None]
    return speech.say("selector", parts=speech.listed(parts))


def _constraints(held: Constraints, speech: Speech) -> Iterator[str]:
    yield speech.say(f"double_counting.{held.double_counting}")
    if held.min_recognition is not None:
        yield speech.say("constraint.min_recognition", level=held.min_recognition)
    if held.min_issuers is not None and held.min_issuers > 1:
        yield speech.say("constraint.min_issuers", count=held.min_issuers)
    for first, second in held.order:
        yield speech.say("constraint.order", first=speech.title(first), second=speech.title(second))
    yield speech.say(f"on_lapse.{held.on_lapse}")


def _why(proof: Proof, depth: int, speech: Speech) -> Iterator[Sentence]:
    told = [child for child in proof.children if proof.verdict != "true" or child.verdict == "true"]
    yield Sentence(depth, _verdict(proof, speech) + (":" if told else ""))
    for child in told:
        yield from _why(child, depth + 1, speech)


def _verdict(proof: Proof, speech: Speech) -> str:
    leaf = proof.node in ("credential", "pathway")
    phrase = "false.measure" if proof.verdict == "false" and not leaf else proof.verdict
    what = _what(proof, speech)
    if proof.reason is not None and proof.verdict != "true" and speech.knows(f"reason.{proof.reason}"):
        what = speech.say("why.reason", what=what, reason=speech.say(f"reason.{proof.reason}"))
    return speech.say(phrase, what=what)


def _what(proof: Proof, speech: Speech) -> str:
    if proof.node in _GATES:
        return _gate_so_far(proof, speech)
    if proof.node == "pathway" and proof.id is not None:
        return speech.say("why.pathway", title=speech.title(proof.id))
    if proof.have is not None and proof.need is not None and speech.knows(f"why.{proof.node}"):
        return speech.say(f"why.{proof.node}", have=speech.number(proof.have), need=speech.number(proof.need))
    return speech.title(proof.id or proof.node)


def _gate_so_far(proof: Proof, speech: Speech) -> str:
    total, ready = len(proof.children), sum(child.verdict == "true" for child in proof.children)
    phrase = "this" if total == 1 else "enough_of" if proof.node == "n_of" and proof.need is None else proof.node
    text = speech.say(phrase, total=total, min=speech.number(proof.need or 0))
    text = text[0].lower() + text[1:]
    return text if proof.verdict == "true" else speech.say("why.ready", what=text, ready=ready)
