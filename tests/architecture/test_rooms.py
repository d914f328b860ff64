"""Every file lies in a declared room: a new kind of file is a decision, not an accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from kompetenspass.testing.architecture import hidden_input_faults, read_table_faults

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "shared" / "src" / "kompetenspass"
SERVICES = ("catalog", "issuance", "registry", "verification", "wallet")
LIBRARY_ROOMS = {"core", "events", "log", "openid", "pathway", "formats", "keys", "web", "embedded", "testing"}
LIBRARY_ROOMS |= {"subscriptions"}

NEEDED = {"__init__", "__main__", "settings", "app", "cli", "routes", "service", "domain", "projections", "tables"}
NEEDED |= {"queries", "migrations", "tests"}
ALLOWED = NEEDED | {"reactions", "state", "vault", "clients", "web"}
FOLDERS = {"routes", "service", "state", "domain", "migrations", "tests", "web", "projections", "queries", "reactions"}

ONE_READER_OF_EACH = {
    LIBRARY / "core" / "clock.py",
    LIBRARY / "core" / "ids.py",
}
SOURCES = sorted([*LIBRARY.rglob("*.py"), *(p for p in (ROOT / "services").rglob("*.py") if "tests" not in p.parts)])


def rooms_of(service: str) -> dict[str, Path]:
    """Return what lies directly in a service: the room's name and its file or folder."""
    found = (path for path in (ROOT / "services" / service).iterdir() if path.name != "__pycache__")
    return {path.stem if path.suffix == ".py" else path.name: path for path in found}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_rooms_that_all_have_and_no_undeclared_one(service: str) -> None:
    rooms = rooms_of(service)
    assert NEEDED - rooms.keys() == set()
    assert rooms.keys() - ALLOWED == set()


@pytest.mark.parametrize("service", SERVICES)
def test_only_some_rooms_may_be_folders(service: str) -> None:
    folders = {name for name, path in rooms_of(service).items() if path.is_dir()}
    assert folders - FOLDERS == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_it_decides_owns_and_never_holds(service: str) -> None:
    text = (ROOT / "services" / service / "__init__.py").read_text().lower()
    assert [word for word in ("decides", "owns", "never") if word not in text] == []


def test_the_services_folder_holds_the_five_and_their_common_start() -> None:
    names = {path.name for path in (ROOT / "services").iterdir()} - {"__pycache__"}
    assert names == {*SERVICES, "laptop", "__init__.py", "__main__.py"}


def test_the_library_holds_declared_rooms_only() -> None:
    names = {path.name for path in LIBRARY.iterdir()} - {"__pycache__", "__init__.py", "py.typed"}
    assert names - LIBRARY_ROOMS == set()


def test_test_folders_of_the_library_mirror_its_rooms() -> None:
    names = {path.name for path in (ROOT / "shared" / "tests").iterdir() if path.is_dir()} - {"__pycache__"}
    assert names - LIBRARY_ROOMS - {"vectors"} == set()


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_nobody_but_the_one_reader_reads_clock_environment_or_random_ids(path: Path) -> None:
    assert path in ONE_READER_OF_EACH or hidden_input_faults(path.read_text()) == []


@pytest.mark.parametrize("service", SERVICES)
def test_read_tables_hold_only_what_a_rebuild_makes_again(service: str) -> None:
    rooms = rooms_of(service)
    for path in (rooms["tables"], rooms["projections"]):
        files = path.rglob("*.py") if path.is_dir() else [path]
        assert [fault for file in files for fault in read_table_faults(file.read_text())] == []


@pytest.mark.parametrize(
    "source",
    ["datetime.now(UTC)", "time.time()", "os.environ['X']", "from uuid import uuid4", "from os import getenv"],
)
def test_the_measure_finds_a_hidden_input(source: str) -> None:
    assert len(hidden_input_faults(source)) == 1


def test_the_measure_finds_what_a_rebuild_would_not_make_again() -> None:
    assert read_table_faults("a = 1\nColumn('at', server_default=func.now())") == ["line 2 holds now("]
