from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.clock import FixedClock
from services.catalog import cli
from services.catalog.domain.rules import Roles
from services.catalog.service.definitions import Definitions
from services.catalog.service.importing import Import, Imported
from services.catalog.service.pathways import Pathways

PILOTS = Path(__file__).parents[3] / "demo" / "pilots"
Change = Callable[[dict[str, Any]], Any]


class PilotOrganisations:
    """The organisations of the pilots' file."""

    def __init__(self) -> None:
        listed = yaml.safe_load((PILOTS / "00_organisations.yaml").read_text(encoding="utf-8"))["organisations"]
        self._roles = {entry["id"]: frozenset(entry["roles"]) for entry in listed}

    async def roles(self, organisations: Any, at: Any) -> Roles:
        return {org: self._roles[org] for org in organisations if org in self._roles}


def importer(log: MemoryLog, clock: FixedClock, facts: Any) -> Import:
    definitions = Definitions(log, facts, clock)
    return Import(definitions, Pathways(log, facts, clock, definitions), clock, "test")


async def imported(work: Import, folder: Path) -> tuple[cli.Read, tuple[Imported, ...]]:
    read = cli.read_files(folder)
    return read, await work.run(read.entries, lambda _done: None)


def written(folder: Path, name: str, *definitions: dict[str, Any], pathways: tuple[dict[str, Any], ...] = ()) -> Path:
    content = {"schema": "mikromerit-demo/1", "definitions": list(definitions), "pathways": list(pathways)}
    (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


async def test_the_pilots_go_in_as_expected_and_a_second_time_changes_nothing(clock: FixedClock) -> None:
    log = MemoryLog("catalog", clock)
    work = importer(log, clock, PilotOrganisations())
    read, done = await imported(work, PILOTS)
    assert read.unreadable == ()
    assert list(cli.refusals(done, read.sources)) == []
    assert list(cli.summary(done)) == [
        "definitions: 77 published, 1 published and retired, 5 kept in their state, 0 refused (0 unchanged)",
        "pathways: 7 published, 0 published and retired, 5 kept in their state, 0 refused (0 unchanged)",
    ]
    head = await log.head()
    _, again = await imported(work, PILOTS)
    assert await log.head() == head
    assert Counter(entry.changed for entry in again) == {False: 95}


PLANTED: dict[str, tuple[Change, str, str]] = {
    "threshold_of_zero": (
        lambda d: d["assessment"]["pass_rule"].update(value=0),
        "pass_rule",
        "definitions[0].assessment.pass_rule.value",
    ),
    "no_form_of_participation": (
        lambda d: d.pop("participation"),
        "annex_element_missing",
        "definitions[0].participation",
    ),
    "no_responsibility_outcome": (
        lambda d: d["learning_outcomes"].pop(2),
        "outcome_category_missing",
        "definitions[0].learning_outcomes",
    ),
    "level_without_placement": (
        lambda d: d["level"].pop("placement"),
        "level_placement",
        "definitions[0].level.placement",
    ),
    "decided_without_authority": (
        lambda d: d["level"].update(placement="decided"),
        "level_placement",
        "definitions[0].level.decided_by",
    ),
    "unknown_prerequisite": (
        lambda d: d.update(prerequisites=["nowhere"]),
        "prerequisite_unpublished",
        "definitions[0].prerequisites[0]",
    ),
    "its_own_prerequisite": (
        lambda d: d.update(prerequisites=[d["id"]]),
        "definition_cycle",
        "definitions[0].prerequisites",
    ),
    "unknown_awarding_body": (
        lambda d: d.update(awarding_body="org:nobody"),
        "unknown_organisation",
        "definitions[0].awarding_body",
    ),
    "approved_by_no_sector_body": (
        lambda d: d.update(sector_approval={"body": "org:other", "decision": "D", "approved_on": "2026-09-01"}),
        "role_missing",
        "definitions[0].sector_approval.body",
    ),
    "unknown_successor": (
        lambda d: d.update(status="retired", superseded_by="nowhere"),
        "reference_unpublished",
        "definitions[0].superseded_by",
    ),
    "unknown_member": (lambda d: d.update(colour="red"), "form.extra_forbidden", "definitions[0].colour"),
    "unknown_status": (lambda d: d.update(status="done"), "form.literal_error", "definitions[0].status"),
    "title_without_english": (lambda d: d["title"].pop("en"), "form.missing", "definitions[0].title.en"),
}


@pytest.mark.parametrize("defect", PLANTED)
async def test_a_planted_file_is_refused_with_reason_and_place_and_the_rest_goes_in(
    defect: str, good: dict[str, Any], definitions: Definitions, pathways: Pathways, clock: FixedClock, tmp_path: Path
) -> None:
    change, code, place = PLANTED[defect]
    broken = deepcopy(good) | {"id": "mm-02", "status": "published"}
    change(broken)
    written(tmp_path, f"{defect}.yaml", broken, good | {"status": "published"})
    read, done = await imported(Import(definitions, pathways, clock, "test"), tmp_path)
    assert Counter(entry.result for entry in done) == {"published": 1, "refused": 1}
    (line,) = cli.refusals(done, read.sources)
    assert line.startswith(f"{defect}.yaml:")
    assert f" {place} [{code}] " in line
    assert (await definitions.state_of("mm-02")).versions == {}


async def test_a_refusal_names_the_line_of_the_fault(
    good: dict[str, Any], definitions: Definitions, pathways: Pathways, clock: FixedClock, tmp_path: Path
) -> None:
    good["assessment"]["pass_rule"]["value"] = 0
    written(tmp_path, "threshold.yaml", good | {"status": "published"})
    read, done = await imported(Import(definitions, pathways, clock, "test"), tmp_path)
    lines = (tmp_path / "threshold.yaml").read_text(encoding="utf-8").splitlines()
    (refusal,) = cli.refusals(done, read.sources)
    assert lines[int(refusal.split(":")[1].split(" ")[0]) - 1].strip() == "value: 0"


async def test_entries_go_in_after_what_they_need(
    good: dict[str, Any], definitions: Definitions, pathways: Pathways, clock: FixedClock, tmp_path: Path
) -> None:
    first = good | {"id": "mm-03", "status": "published", "prerequisites": ["mm-02"]}
    second = good | {"id": "mm-02", "status": "published"}
    written(tmp_path, "reversed.yaml", first, second)
    _, done = await imported(Import(definitions, pathways, clock, "test"), tmp_path)
    assert [entry.entry.id for entry in done] == ["mm-02", "mm-03"]
    assert {entry.result for entry in done} == {"published"}


async def test_a_circle_of_prerequisites_is_refused(
    good: dict[str, Any], definitions: Definitions, pathways: Pathways, clock: FixedClock, tmp_path: Path
) -> None:
    first = good | {"id": "mm-03", "status": "published", "prerequisites": ["mm-02"]}
    second = good | {"id": "mm-02", "status": "published", "prerequisites": ["mm-03"]}
    written(tmp_path, "circle.yaml", first, second)
    _, done = await imported(Import(definitions, pathways, clock, "test"), tmp_path)
    assert [entry.faults[0].code for entry in done] == ["definition_cycle", "definition_cycle"]


async def test_a_pathway_over_a_refused_definition_is_refused(
    good: dict[str, Any],
    good_pathway: dict[str, Any],
    definitions: Definitions,
    pathways: Pathways,
    clock: FixedClock,
    tmp_path: Path,
) -> None:
    written(tmp_path, "p.yaml", good | {"status": "draft"}, pathways=(good_pathway | {"status": "published"},))
    _, done = await imported(Import(definitions, pathways, clock, "test"), tmp_path)
    assert [(entry.result, [fault.code for fault in entry.faults]) for entry in done] == [
        ("kept", []),
        ("refused", ["reference_unpublished"]),
    ]


async def test_a_later_run_carries_a_definition_on(
    good: dict[str, Any], definitions: Definitions, pathways: Pathways, clock: FixedClock, tmp_path: Path
) -> None:
    work = Import(definitions, pathways, clock, "test")
    results = []
    for status in ("draft", "in_review", "published", "retired"):
        written(tmp_path, "one.yaml", good | {"status": status})
        _, (done,) = await imported(work, tmp_path)
        results.append((done.result, done.changed))
    assert results == [("kept", True), ("kept", True), ("published", True), ("retired", True)]


def test_a_file_that_is_not_yaml_or_not_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("definitions: [", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("schema: other/1", encoding="utf-8")
    (tmp_path / "c.yaml").write_text("", encoding="utf-8")
    (tmp_path / "d.yaml").write_text("schema: mikromerit-demo/1\ndefinitions: [1]", encoding="utf-8")
    assert [line.split(":")[0] for line in cli.read_files(tmp_path).unreadable] == [
        "a.yaml",
        "b.yaml",
        "c.yaml",
        "d.yaml",
    ]
