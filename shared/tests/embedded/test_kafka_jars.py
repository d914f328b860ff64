"""The jars: fetched once, by whoever comes first, and never run when they are not the ones we know."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.kafka.jars import KNOWN, POM, cache_folder, differences, kafka_jars, known_jars

JARS = {"broker.jar": b"a broker", "library.jar": b"a library"}
MAVEN = """#!/bin/sh
# Stands for Maven: writes the jars where the last -DoutputDirectory says, and counts how often it was called.
echo called >> {counted}
for word in "$@"; do case "$word" in -DoutputDirectory=*) place="${{word#*=}}";; esac; done
/bin/mkdir -p "$place"
{commands}
"""
FETCH = """
import sys
from pathlib import Path
from kompetenspass.embedded.kafka.jars import kafka_jars
print(kafka_jars(Path(sys.argv[1]), listing=Path(sys.argv[2])))
"""


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    """The digests of two jars, as they are committed."""
    path = tmp_path / "jars.sha256"
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in JARS.items())
    path.write_text("".join(lines))
    return path


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A function that puts a program `mvn` alone on the path; it returns the file in which calls are counted."""

    def put(commands: str) -> Path:
        folder, counted = tmp_path / "bin", tmp_path / "counted"
        folder.mkdir(exist_ok=True)
        (folder / "mvn").write_text(MAVEN.format(counted=counted, commands=commands))
        (folder / "mvn").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return counted

    return put


def writing(jars: dict[str, bytes]) -> str:
    return "\n".join(f"printf '{content.decode()}' > \"$place/{name}\"" for name, content in jars.items())


def calls(counted: Path) -> int:
    return len(counted.read_text().splitlines())


def test_the_second_time_nothing_is_fetched(tmp_path: Path, listing: Path, maven: Callable[[str], Path]) -> None:
    counted = maven(writing(JARS))
    for _ in range(2):
        folder = kafka_jars(tmp_path, listing=listing)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == JARS
    assert calls(counted) == 1


@pytest.mark.parametrize(
    "fetched",
    [JARS | {"library.jar": b"another library"}, JARS | {"stranger.jar": b"a stranger"}, {"broker.jar": b"a broker"}],
    ids=["changed", "added", "missing"],
)
def test_other_jars_than_the_known_ones_are_refused_and_thrown_away(
    fetched: dict[str, bytes], tmp_path: Path, listing: Path, maven: Callable[[str], Path]
) -> None:
    maven(writing(fetched))
    with pytest.raises(Problem, match="kafka_jars_changed") as refused:
        kafka_jars(tmp_path, listing=listing)
    assert refused.value.detail in {"library.jar", "stranger.jar"}
    assert list(tmp_path.rglob("*.jar")) == []


def test_a_damaged_cache_is_fetched_again(tmp_path: Path, listing: Path, maven: Callable[[str], Path]) -> None:
    counted = maven(writing(JARS))
    damaged = kafka_jars(tmp_path, listing=listing) / "broker.jar"
    damaged.write_bytes(b"half a bro")
    kafka_jars(tmp_path, listing=listing)
    assert damaged.read_bytes() == JARS["broker.jar"]
    assert calls(counted) == 2


def test_of_processes_that_come_at_once_one_fetches(
    tmp_path: Path, listing: Path, maven: Callable[[str], Path]
) -> None:
    counted = maven("/bin/sleep 1\n" + writing(JARS))
    command = [sys.executable, "-c", FETCH, str(tmp_path), str(listing)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({process.communicate()[0] for process in processes}) == 1
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert calls(counted) == 1


def test_where_maven_fails_its_own_words_are_in_the_detail(
    tmp_path: Path, listing: Path, maven: Callable[[str], Path]
) -> None:
    maven("echo 'no route to the repository' >&2\nexit 1")
    with pytest.raises(Problem, match="kafka_not_fetched") as refused:
        kafka_jars(tmp_path, listing=listing)
    assert "no route to the repository" in refused.value.detail


def test_without_maven_one_is_told_what_to_install(
    tmp_path: Path, listing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem, match="maven_missing") as refused:
        kafka_jars(tmp_path, listing=listing)
    assert "KAFKA_BOOTSTRAP_SERVERS" in refused.value.remedy


def test_the_listed_jars_hold_what_the_pom_asks_for() -> None:
    names, pom = known_jars().keys(), POM.read_text()
    assert {"kafka_2.13-4.3.1.jar", "log4j-slf4j-impl-2.25.4.jar"} <= names
    assert "<version>4.3.1</version>" in pom
    assert "<version>2.25.4</version>" in pom
    assert len(names) == len(KNOWN.read_text().splitlines())


def test_the_cache_lies_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("KOMPETENSPASS_CACHE", raising=False)
    assert cache_folder() == tmp_path / "xdg" / "kompetenspass"
    monkeypatch.setenv("KOMPETENSPASS_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    assert differences(cache_folder(), {}) == []


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KOMPETENSPASS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(Problem, match="cache_unusable"):
        cache_folder()
