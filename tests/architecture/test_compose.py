"""docker-compose.yml and the Dockerfile name nothing that is not there; no container is started."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer
import yaml

from contract.services import SETTINGS
from kompetenspass.embedded.binaries import postgres_installation
from kompetenspass.embedded.kafka.jars import POM
from kompetenspass.web.relaying import KafkaSettings, kafka_prefix
from kompetenspass.web.settings import Kafka, ServiceSettings
from services.__main__ import main
from services.catalog.cli import cli as catalog_cli
from services.issuance.cli import cli as issuance_cli
from services.laptop.broker import PARTITIONS
from services.laptop.five import FOLLOWS
from services.registry.cli import cli as registry_cli
from services.verification.cli import cli as verification_cli
from services.wallet.cli import cli as wallet_cli

ROOT = Path(__file__).parents[2]
FILE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: Mapping[str, Mapping[str, Any]] = FILE["services"]
OURS = [name for name, container in CONTAINERS.items() if container.get("image", "").startswith("kompetenspass:")]
CLASSES: Mapping[str, type[ServiceSettings]] = {settings.service: settings for settings in SETTINGS}
CLIS = {
    "services": typer.Typer(),
    "services.catalog": catalog_cli,
    "services.issuance": issuance_cli,
    "services.registry": registry_cli,
    "services.verification": verification_cli,
    "services.wallet": wallet_cli,
}
CLIS["services"].command()(main)
OF_THE_LAPTOP = {"POSTGRES_ADMIN_DSN", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_REPLICATION"}


def names_of(service: str) -> Iterator[str]:
    """Yield every variable that a process of a service reads."""
    prefix = f"KOMPETENSPASS_{service.upper()}_"
    yield from (f"{prefix}{field.upper()}" for field in CLASSES[service].model_fields if field != "kafka")
    yield from (
        f"{kafka_prefix(service)}{field.upper()}" for field in {**Kafka.model_fields, **KafkaSettings.model_fields}
    )


def environment(name: str) -> dict[str, str]:
    found: dict[str, str] = CONTAINERS[name].get("environment", {})
    return found


def service_of(name: str) -> str | None:
    """Return which service a container runs, None for one that runs all."""
    _, _, service = CONTAINERS[name]["command"][2].partition(".")
    return service or None


def settings_in(name: str, service: str, monkeypatch: pytest.MonkeyPatch) -> ServiceSettings:
    """Return the settings that a service reads in a container."""
    for variable, value in environment(name).items():
        monkeypatch.setenv(variable, value)
    return CLASSES[service]()


def listens_at(name: str, service: str, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """Return the port at which a container's process says how it is."""
    port = settings_in(name, service, monkeypatch).port
    return KafkaSettings(_env_prefix=kafka_prefix(service)).relay_port if "relay" in name else port


def probed(name: str) -> Sequence[int]:
    words: list[str] = CONTAINERS[name]["healthcheck"]["test"]
    assert words[:4] == ["CMD", "python", "-m", "kompetenspass.web.ready"]
    return [int(port) for port in words[4:]]


def started(profile: str) -> set[str]:
    """Return the containers that a profile starts."""
    return {name for name, container in CONTAINERS.items() if profile in container.get("profiles", [profile])}


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_and_every_service_takes_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = OF_THE_LAPTOP.union(*(names_of(service) for service in CLASSES))
    assert set(environment(name)) - known == set()
    for service in CLASSES:
        settings = settings_in(name, service, monkeypatch)
        assert settings.feed_dsns.keys() == set(FOLLOWS[service])
        assert settings.host == "0.0.0.0"
        by_kafka = "kafka" in CONTAINERS[name]["profiles"]
        assert settings.transport == ("kafka" if by_kafka else "postgres")
        if settings.kafka:
            assert (settings.kafka.partitions, settings.kafka.replication) == (PARTITIONS, 1)


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one(name: str) -> None:
    python, option, module, *arguments = CONTAINERS[name]["command"]
    assert (python, option) == ("python", "-m")
    assert importlib.util.find_spec(f"{module}.__main__")
    command: Any = typer.main.get_command(CLIS[module])
    context = command.make_context(module, list(arguments), resilient_parsing=False)
    if arguments and module != "services":
        assert command.get_command(context, arguments[0]) is not None


@pytest.mark.parametrize("name", OURS)
def test_what_is_probed_is_where_it_listens(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "healthcheck" not in CONTAINERS[name]:
        assert CONTAINERS[name]["command"][-1] == "--exit"
        return
    service = service_of(name)
    every = [service] if service else list(CLASSES)
    assert sorted(probed(name)) == sorted(listens_at(name, each, monkeypatch) or 0 for each in every)


def test_the_published_ports_are_those_of_the_base_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    published = {line.split(":")[1]: line.split(":") for line in CONTAINERS["ground"]["ports"]}
    for service in CLASSES:
        settings = settings_in("all", service, monkeypatch)
        assert settings.base_url == f"http://127.0.0.1:{settings.port}"
        assert published.pop(str(settings.port)) == ["127.0.0.1", str(settings.port), str(settings.port)]
    assert published == {}


def test_each_profile_starts_what_it_says_and_no_port_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    common = {"ground", "postgres"}
    assert (ROOT / ".env").read_text() == "COMPOSE_PROFILES=default\n"
    assert started("default") == {*common, "all"}
    assert started("services") == {*common, "prepare", *CLASSES}
    parts = {f"{service}-{part}" for service in CLASSES for part in ("api", "projections", "relay")}
    assert started("kafka") == {*common, "kafka", "prepare-kafka", *parts}
    for profile, expected in (("services", 5), ("kafka", 15)):
        ports = [port for name in started(profile) & set(OURS) if service_of(name) for port in probed(name)]
        assert len(ports) == len(set(ports)) == expected
    for service in CLASSES:
        assert settings_in(f"{service}-api", service, monkeypatch).only == "api"
        assert settings_in(f"{service}-projections", service, monkeypatch).only == "projections"


@pytest.mark.parametrize("profile", ["default", "services", "kafka"])
def test_nothing_waits_for_what_is_not_started(profile: str) -> None:
    for name in started(profile):
        container = CONTAINERS[name]
        assert set(container.get("depends_on", {})) <= started(profile)
        assert name == "ground" or container["network_mode"] == "service:ground"
        for line in container.get("volumes", []):
            assert line.partition(":")[0] in FILE["volumes"]


def test_images_are_pinned_to_the_versions_that_are_tested() -> None:
    images = {name: container["image"] for name, container in CONTAINERS.items() if name not in OURS}
    assert all(re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", image) for image in images.values()), images
    namespace = {"m": "http://maven.apache.org/POM/4.0.0"}
    dependencies = ElementTree.parse(POM).iterfind(".//m:dependency", namespace)
    versions = {d.findtext("m:groupId", "", namespace): d.findtext("m:version", "", namespace) for d in dependencies}
    assert images["kafka"] == f"apache/kafka:{versions['org.apache.kafka']}"
    assert images["postgres"].split(":")[1].split(".")[0] == re.sub(r"\D", "", postgres_installation().name)


def test_no_secret_stands_in_it() -> None:
    for name in CONTAINERS:
        for variable, value in environment(name).items():
            assert not re.search(r"PASSWORD|SECRET|CREDENTIAL", variable), variable
            assert not re.search(r"://[^/@]*:[^/@]+@", value), variable


def test_the_image_is_built_from_the_lock_and_runs_as_nobody_of_rights() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert bases == [bases[0]] * 2
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", bases[0])
    assert any("--require-hashes" in line and "--only-binary :all:" in line for line in lines)
    copied = [line.split() for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / words[1]).exists() for words in copied)
    assert "USER 10001:10001" in lines
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(kept) == sorted(words[1] for words in copied)
