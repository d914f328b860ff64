from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kompetenspass.pathway.explain import Sentence, explain, why
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.proof import Proof, Verdict
from kompetenspass.pathway.rule import nodes
from kompetenspass.pathway.usable import REASONS
from kompetenspass.pathway.words import ENGLISH, SWEDISH, Language, Speech

PILOTS = Path(__file__).parents[3] / "demo" / "pilots"
DOCUMENTS = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(PILOTS.glob("*.yaml"))]
PATHWAYS = {pathway["id"]: pathway for content in DOCUMENTS for pathway in content.get("pathways", ())}
TITLES = {
    entry["id"]: entry["title"]
    for content in DOCUMENTS
    for entry in [*content.get("definitions", ()), *content.get("pathways", ())]
}
FIELD = {"field": "0713", "sector": "el"}
SHORT = {
    "a": {"sv": "Lås och bryt", "en": "Lock and tag"},
    "b": {"sv": "Fallskydd"},
    "p": {"sv": "Drifttekniker", "en": "Technician"},
    "org:x": {"sv": "Kraften", "en": "The power"},
}


def told(rule: dict[str, Any], language: Language = "sv", **constraints: Any) -> list[str]:
    held = {"double_counting": "forbid", "default_validity": "live"} | constraints
    award = {"mode": "automatic", "on_satisfied": "award"}
    content = {"id": "q", "version": 1, "rule": rule, "constraints": held, "award": award}
    return [sentence.text for sentence in explain(parse(content), SHORT, language)]


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("name", PATHWAYS)
def test_a_pathway_of_the_pilots_is_told_in_both_languages(name: str, language: Language) -> None:
    pathway = parse(PATHWAYS[name])
    sentences = explain(pathway, TITLES, language)
    count = len(list(nodes(pathway.rule)))
    assert [sentence.depth for sentence in sentences[:2]] == [0, 1]
    assert len(sentences) >= count + 3
    assert all(sentence.depth == 0 and sentence.text.endswith(".") for sentence in sentences[count:])
    assert not [sentence for sentence in sentences for id_ in TITLES if id_ in sentence.text]


def test_the_technicians_pathway_reads_as_people_write() -> None:
    sentences = explain(parse(PATHWAYS["skk-path-drifttekniker"]), TITLES, "sv")
    assert sentences[0] == Sentence(0, "Alla dessa 3:")
    assert Sentence(2, "Mikromeriten Säker avställning: bryt och lås, giltig just nu") in sentences
    assert Sentence(1, "Minst 6 av dessa 8:") in sentences
    assert sentences[-1] == Sentence(0, "Föreslås när villkoren är uppfyllda, och tilldelas genom beslut.")


def test_measures_and_nested_pathways_read_as_people_write() -> None:
    texts = [sentence.text for sentence in explain(parse(PATHWAYS["skk-path-vakthavande"]), TITLES, "sv")]
    assert "Vägen Drifttekniker vattenkraft, tilldelad och inte pausad" in texts
    level = "Minst 4 på SeQF-nivå 5 eller högre av dessa: Felsökning enligt metodik; Vattendom, nivåer och tappning; "
    assert any(text.startswith(level) for text in texts)
    texts = [sentence.text for sentence in explain(parse(PATHWAYS["tvar-path-cirkular-textil"]), TITLES, "sv")]
    assert "Minst 4 läranderesultat inom ansvar och självständighet i mikromeriterna som räknas" in texts
    assert "Mikromeriterna kommer från minst 2 olika utfärdare." in texts
    texts = [sentence.text for sentence in explain(parse(PATHWAYS["sob-path-va"]), TITLES, "en")]
    assert any(text.startswith("At least 38 hours together from these: Drinking water hygiene") for text in texts)


@pytest.mark.parametrize(
    ("rule", "swedish", "english"),
    [
        (
            {"credential": "a", "validity": "grace:P30D", "version": ">=2", "min_result_percent": 80},
            "Mikromeriten Lås och bryt, i version 2 eller senare, med ett resultat på minst 80 procent, "
            "giltig eller utgången sedan mindre än 30 dagar",
            "The micro-credential Lock and tag, in version 2 or later, with a result of at least 80 percent, "
            "valid, or expired for less than 30 days",
        ),
        (
            {"credential": "b", "version": "1..3", "issued_by": ["org:x", "org:y"], "max_age": "P1Y6M", "rpl": False},
            "Mikromeriten Fallskydd, i någon av versionerna 1 till 3, utfärdad av Kraften eller org:y, "
            "tilldelad för högst 1 år och 6 månader sedan, inte genom validering, giltig just nu",
            "The micro-credential Fallskydd, in one of the versions 1 to 3, issued by The power or org:y, "
            "awarded at most 1 year and 6 months ago, not by validation of prior learning, valid now",
        ),
        (
            {"credential": "c", "version": "2", "min_recognition": "R4", "validity": "snapshot"},
            "Mikromeriten c, i version 2, på erkännandenivå R4 eller högre, giltig vid tilldelningen",
            "The micro-credential c, in version 2, at recognition level R4 or higher, valid at the award",
        ),
        ({"pathway": "p", "validity": "snapshot"}, "Vägen Drifttekniker, tilldelad", "The pathway Technician, awarded"),
        (
            {"credits": {"unit": "ects", "min": 7.5, "max_per_item": 1, "from": ["a", FIELD]}},
            "Minst 7,5 ECTS-poäng sammanlagt av dessa: Lås och bryt; mikromeriter med ämnesområde 0713 och bransch el, "
            "där var och en räknas för högst 1 ECTS-poäng",
            "At least 7.5 ECTS credits together from these: Lock and tag; micro-credentials with field 0713 and "
            "sector el, each counted for at most 1 ECTS credit",
        ),
        (
            {"level": {"framework": "eqf", "at_least": 4, "min_share": 0.07, "from": ["a", "b"]}},
            "Minst 7 procent på EQF-nivå 4 eller högre av dessa: Lås och bryt; Fallskydd",
            "At least 7 percent at EQF level 4 or higher of these: Lock and tag; Fallskydd",
        ),
        (
            {"outcomes": {"esco": ["u", "v"], "min_count": 1}},
            "Minst 1 läranderesultat i mikromeriterna som räknas, mot u eller v i ESCO",
            "At least 1 learning outcome in the micro-credentials that count, towards u or v in ESCO",
        ),
    ],
)  # fmt: skip
def test_a_node_is_one_sentence(rule: dict[str, Any], swedish: str, english: str) -> None:
    both = {"all_of": [rule, {"credential": "a"}]}
    assert swedish in told(both)
    assert english in told(both, "en")


@pytest.mark.parametrize("operator", ["all_of", "any_of"])
def test_a_group_of_one_is_not_counted(operator: str) -> None:
    assert told({operator: [{"credential": "a"}]})[0] == "Detta:"
    assert told({"n_of": {"min": 1, "of": [{"credential": "a"}]}}, "en")[0] == "This:"
    assert reasons(Proof(("rule",), operator, "true", children=(leaf("a", "true"),)))[0] == (0, "Uppfyllt: detta:")


def test_each_constraint_is_a_sentence() -> None:
    rule = {"any_of": [{"credential": "a"}, {"credential": "b"}]}
    texts = told(rule, min_recognition="R3", min_issuers=2, order=[["a", "b"]], on_lapse="suspend")
    assert texts[3:] == [
        "Samma mikromerit räknas bara en gång.",
        "Varje mikromerit är på erkännandenivå R3 eller högre.",
        "Mikromeriterna kommer från minst 2 olika utfärdare.",
        "Lås och bryt är tilldelad före Fallskydd.",
        "Tilldelningen pausas när villkoren inte längre är uppfyllda.",
        "Tilldelas av sig självt när villkoren är uppfyllda.",
    ]
    assert "The same micro-credential may count in several places." in told(rule, "en", double_counting="allow")


def leaf(id_: str, verdict: Verdict, reason: str | None = None, node: str = "credential") -> Proof:
    return Proof(("rule",), node, verdict, id_, reason=reason)


def reasons(proof: Proof, language: Language = "sv") -> list[tuple[int, str]]:
    return [(sentence.depth, sentence.text) for sentence in why(proof, SHORT, language)]


def test_a_proof_says_what_is_satisfied_missing_and_unclear() -> None:
    leaves = (leaf("a", "true"), leaf("b", "false", "expired"), leaf("p", "unknown", "status_unknown", "pathway"))
    hours = Proof(("rule",), "credits", "false", have=30.5, need=38)
    proof = Proof(("rule",), "all_of", "false", children=(*leaves, leaf("c", "false", "not_held"), hours))
    assert reasons(proof) == [
        (0, "Inte uppfyllt: alla dessa 5 (1 klara):"),
        (1, "Uppfyllt: Lås och bryt"),
        (1, "Saknas: Fallskydd (har gått ut)"),
        (1, "Oklart: vägen Drifttekniker (statusen går inte att läsa)"),
        (1, "Saknas: c"),
        (1, "Inte uppfyllt: omfattningen är 30,5, minst 38 behövs"),
    ]


def test_below_what_holds_only_what_it_rests_on_is_told() -> None:
    proof = Proof(("rule",), "n_of", "true", need=1, children=(leaf("a", "true"), leaf("b", "false", "not_held")))
    assert reasons(proof) == [(0, "Uppfyllt: minst 1 av dessa 2:"), (1, "Uppfyllt: Lås och bryt")]
    assert reasons(proof, "en") == [(0, "Done: at least 1 of these 2:"), (1, "Done: Lock and tag")]


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ("level", "Oklart: antalet på rätt nivå är 1, minst 2 behövs"),
        ("outcomes", "Oklart: antalet läranderesultat av rätt slag är 1, minst 2 behövs"),
        ("issuers", "Oklart: antalet utfärdare är 1, minst 2 behövs"),
        ("something", "Oklart: something"),
    ],
)
def test_a_measure_tells_its_numbers(node: str, text: str) -> None:
    assert reasons(Proof(("rule",), node, "unknown", have=1, need=2)) == [(0, text)]


@pytest.mark.parametrize("reason", [*REASONS, "status_unknown", "result_unknown", "taken"])
def test_every_reason_that_evaluation_gives_has_words(reason: str) -> None:
    ((_, text),) = reasons(leaf("a", "false", reason))
    assert text.startswith("Saknas: Lås och bryt (")


def test_both_languages_have_the_same_phrases() -> None:
    assert SWEDISH.keys() == ENGLISH.keys()


def test_lists_are_written_with_the_languages_own_and() -> None:
    speech = Speech({}, "sv")
    assert [speech.listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a och b",
        "a, b och c",
    ]
