"""What a definition's document says of the credentials under it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kompetenspass.pathway.held import LearningOutcome
from kompetenspass.pathway.traits import Traits, traits_of

PILOT = Path(__file__).parents[3] / "demo" / "pilots" / "02_skelleftea_kommun_yrkessvenska.yaml"
SWEDISH = "http://data.europa.eu/esco/skill/7ee51257-8947-4b69-9bdf-322baf0a6398"
READING = "http://data.europa.eu/esco/skill/9bccf172-587b-489b-84b7-5e1c8cc91520"


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    definitions = yaml.safe_load(PILOT.read_text("utf-8"))["definitions"]
    return next(each for each in definitions if each["id"] == "sko-ys-01")


def of(content: dict[str, Any], sector: str | None = None, fields: frozenset[str] = frozenset()) -> Traits:
    return traits_of(content, sector=sector, fields=fields)


def test_sizes_levels_and_marks_are_read_from_the_document(definition: dict[str, Any]) -> None:
    traits = of(definition, "org:sector", frozenset({"0231"}))
    assert (traits.hours, traits.ects, traits.seqf, traits.eqf) == (20, 0, 2, 2)
    assert traits.fields == {"0231"}
    assert traits.esco == {SWEDISH, READING}
    assert traits.reuse == "http://data.europa.eu/snb/skill-reuse-level/sector-specific"
    assert traits.sector == "org:sector"


def test_an_outcome_has_the_esco_concepts_of_its_category(definition: dict[str, Any]) -> None:
    assert of(definition).outcomes == (
        LearningOutcome("knowledge", frozenset({SWEDISH})),
        LearningOutcome("skill", frozenset({READING})),
        LearningOutcome("responsibility_autonomy"),
    )


@pytest.mark.parametrize(("kind", "percent"), [("min_percent", True), ("all_criteria_met", False)])
def test_the_pass_rule_says_whether_results_are_in_per_cent(kind: str, percent: bool) -> None:
    assert of({"assessment": {"pass_rule": {"kind": kind}}}).percent is percent


@pytest.mark.parametrize(
    "content",
    [{}, {"workload": None, "level": None, "assessment": None, "reusability": None}, {"level": {"applicable": False}}],
)
def test_what_a_document_leaves_out_counts_as_nothing(content: dict[str, Any]) -> None:
    assert of(content) == Traits()


def test_a_level_that_does_not_apply_is_none() -> None:
    assert of({"level": {"applicable": False, "seqf": 4, "eqf": 4}}).seqf is None
