"""Kafka's jars: fetched once by Maven into a cache outside the sources, and used only if each is the one we know."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from kompetenspass.core.digest import sha256_hex
from kompetenspass.core.errors import Kind, Problem

POM = Path(__file__).with_name("pom.xml")
KNOWN = Path(__file__).with_name("jars.sha256")
_FETCH_SECONDS = 900
_MENDING = "Or set KAFKA_BOOTSTRAP_SERVERS to a broker that is already there."


class _Cache(BaseSettings):
    """Where fetched programs are kept: `KOMPETENSPASS_CACHE`, or a folder under `XDG_CACHE_HOME` or `~/.cache`."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    kompetenspass_cache: Path | None = None
    xdg_cache_home: Path | None = None


def cache_folder() -> Path:
    """Return this user's cache folder, made if it was not there. Raises Problem `cache_unusable`."""
    settings = _Cache()
    try:
        folder = settings.kompetenspass_cache or (settings.xdg_cache_home or Path.home() / ".cache") / "kompetenspass"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise Problem(
            "cache_unusable",
            "There is no folder in which this user can keep fetched programs.",
            kind=Kind.UNAVAILABLE,
            remedy="Set KOMPETENSPASS_CACHE to a folder that this user may write.",
            detail=str(error),
        ) from error
    return folder.resolve()


def known_jars(listing: Path = KNOWN) -> dict[str, str]:
    """Return the SHA-256 (hex) of each jar by its file name, from a file as sha256sum writes it."""
    lines = (line.split() for line in listing.read_text(encoding="ascii").splitlines())
    return {name: digest for digest, name in lines}


def differences(folder: Path, known: Mapping[str, str]) -> list[str]:
    """Return the names of the jars that are missing in `folder`, are there besides, or have other bytes."""
    found = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
    other = (name for name, path in found.items() if name in known and _sha256(path) != known[name])
    return sorted({*(known.keys() ^ found.keys()), *other})


def kafka_jars(cache: Path | None = None, *, pom: Path = POM, listing: Path = KNOWN) -> Path:
    """Return the folder with exactly the jars of `listing`; only the first call, or one after damage, needs a network.

    Processes that ask at once wait for the one that fetches. Raises Problem `maven_missing`, `kafka_not_fetched`,
    or `kafka_jars_changed` when what was fetched is not what is listed: it is thrown away.
    """
    cache = cache or cache_folder()
    known = known_jars(listing)
    place = cache / f"kafka-{sha256_hex(listing.read_bytes())[:12]}"
    if not differences(place, known):
        return place
    with _alone(cache):
        if differences(place, known):
            _fetch(pom, place, known)
    return place


def _fetch(pom: Path, place: Path, known: Mapping[str, str]) -> None:
    work = place.with_name("kafka.new")  # renamed when it is whole: a killed fetch leaves nothing half-made
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        _run_maven(Path(shutil.copy(pom, work / "pom.xml")), work)
        changed = differences(work / "jars", known)
        if changed:
            raise _changed(changed)
        shutil.rmtree(place, ignore_errors=True)
        (work / "jars").rename(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_maven(pom: Path, work: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Problem(
            "maven_missing",
            "Maven, which fetches Kafka, is not installed.",
            kind=Kind.UNAVAILABLE,
            remedy=f"Install it (Debian: apt-get install maven). {_MENDING}",
        )
    options = ("--batch-mode", "--quiet", "--strict-checksums", "--file", str(pom))
    places = (f"-Dmaven.repo.local={work / 'repository'}", f"-DoutputDirectory={work / 'jars'}")
    command = [maven, *options, *places, "-DincludeScope=runtime", "dependency:copy-dependencies"]
    try:
        done = subprocess.run(  # noqa: S603  the command is ours
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _not_fetched(f"Maven was not done after {_FETCH_SECONDS} s.") from error
    if done.returncode != 0:
        raise _not_fetched((done.stdout + done.stderr)[-2000:])


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Hold the cache's lock; it ends with this process, however that ends."""
    with (cache / "kafka.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _not_fetched(detail: str) -> Problem:
    return Problem(
        "kafka_not_fetched",
        "Maven could not fetch Kafka.",
        kind=Kind.UNAVAILABLE,
        remedy=f"See to it that Maven reaches its repository, and try again. {_MENDING}",
        detail=detail,
    )


def _changed(names: list[str]) -> Problem:
    return Problem(
        "kafka_jars_changed",
        "What Maven fetched is not the Kafka that this project knows; it was thrown away.",
        kind=Kind.UNAVAILABLE,
        remedy=f"Find out why these differ from {KNOWN}: the detail names them. {_MENDING}",
        detail=", ".join(names),
    )
