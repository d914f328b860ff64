"""The import of the organisations of a pilot, and of files with one defect each."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kompetenspass.log.postgres import PostgresFeed
from kompetenspass.testing.postgres import Database
from services.registry.cli import import_organisations
from services.registry.settings import Settings

ROOT = Path(__file__).parents[3]
PILOTS = ROOT / "demo" / "pilots"
DEFECTS = Path(__file__).parent / "files"


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    return Settings(
        base_url="https://registry.example",
        issuer_base_url="https://issuance.example",
        database_dsn=database.dsn("registry"),
        state_dir=tmp_path,
    )


@pytest.fixture
def planted(tmp_path: Path) -> Callable[[str], Path]:
    def plant(name: str) -> Path:
        (tmp_path / "00_organisations.yaml").write_text((DEFECTS / f"{name}.yaml").read_text("utf-8"), "utf-8")
        return tmp_path

    return plant


async def types(database: Database) -> list[str]:
    feed = PostgresFeed("registry", database.dsn("log_reader"))
    await feed.start()
    rows = await feed.read(0, 1000)
    await feed.stop()
    return [row.type.split(".")[1] for row in rows]


async def test_the_pilots_go_in_whole_and_again_is_nothing(database: Database, settings: Settings) -> None:
    first = await import_organisations(settings, PILOTS)
    assert (first.refusals, first.standing) == ([], 0)
    written = await types(database)
    assert written.count("OrganisationRegistered") == 22
    assert written.count("AssessorAuthorised") == 12
    assert len(written) == first.written
    again = await import_organisations(settings, PILOTS)
    assert (again.written, again.standing, again.refusals) == (0, first.written, [])


@pytest.mark.parametrize(
    ("defect", "refusals", "written"),
    [
        ("unknown_role", ["00_organisations.yaml:4 organisations[0].roles[1]: unknown_role:"], 4),
        ("slug_given_twice", ["00_organisations.yaml:11 organisations[1]: slug_taken:"], 2),
        ("parent_after_its_child", ["00_organisations.yaml:4 organisations[0]: parent_not_registered:"], 2),
        ("unknown_member", ["00_organisations.yaml:4 organisations[0]: invalid_entry:"], 2),
        ("assessor_with_a_name", ["00_organisations.yaml:12 assessors[0]: invalid_assessor:"], 2),
        ("assessor_of_nobody", ["00_organisations.yaml:12 assessors[0]: not_found:"], 2),
        ("assessor_by_unseen_award", ["00_organisations.yaml:12 assessors[0]: award_unknown:"], 2),
        ("another_schema", ["00_organisations.yaml: unknown_schema:"], 0),
        ("not_yaml", ["00_organisations.yaml:5: malformed_file:"], 0),
    ],
)
async def test_a_defect_is_refused_with_its_place_and_the_rest_goes_in(
    settings: Settings, planted: Callable[[str], Path], defect: str, refusals: list[str], written: int
) -> None:
    report = await import_organisations(settings, planted(defect))
    assert [line[: len(start)] for line, start in zip(report.refusals, refusals, strict=True)] == refusals
    assert report.written == written


def test_the_command_says_what_it_did_and_leaves_with_1_on_a_refusal(
    database: Database, planted: Callable[[str], Path]
) -> None:
    environment = {
        "KOMPETENSPASS_REGISTRY_BASE_URL": "https://registry.example",
        "KOMPETENSPASS_REGISTRY_ISSUER_BASE_URL": "https://issuance.example",
        "KOMPETENSPASS_REGISTRY_DATABASE_DSN": database.dsn("registry"),
    }

    def imported(folder: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "services.registry", "import", str(folder)]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    good = imported(PILOTS)
    assert (good.returncode, good.stdout.split(", ")[-1]) == (0, "0 refused\n"), good.stderr
    bad = imported(planted("unknown_role"))
    assert bad.returncode == 1
    assert "organisations[0].roles[1]: unknown_role" in bad.stderr
