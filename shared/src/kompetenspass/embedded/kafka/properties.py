"""What a node is told: its properties, as a file that Java reads. Source: Apache Kafka 4.3, broker configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
SECURED_HOST = "localhost"
OWN_PRINCIPAL = "User:ANONYMOUS"  # whoever comes by the open listener, which only this machine reaches

_SMALL = {
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "unstable.api.versions.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "broker.session.timeout.ms": "3000",  # so long does a node that was killed wait until it may come back
    "broker.heartbeat.interval.ms": "500",
}
_SEVERAL = {
    "controller.quorum.election.timeout.ms": "1000",
    "controller.quorum.fetch.timeout.ms": "2000",
    "replica.lag.time.max.ms": "5000",
}


@dataclass(frozen=True)
class Place:
    """Where one node lives: its number (from 1), its folder, and its ports."""

    number: int
    folder: Path
    port: int
    controller_port: int
    secured_port: int

    @property
    def data(self) -> Path:
        """The folder of its logs."""
        return self.folder / "data"


@dataclass(frozen=True)
class Secured:
    """The second listener, by TLS and password: the file with its key and chain, and who may do everything."""

    keystore: Path
    administrators: tuple[str, ...] = ()


def node_properties(place: Place, places: Sequence[Place], secured: Secured | None) -> dict[str, str]:
    """Return the properties of one node among `places`, all of which are brokers and controllers."""
    copies, enough = (3, 2) if len(places) >= 3 else (1, 1)
    return {
        "process.roles": "broker,controller",
        "node.id": str(place.number),
        "controller.quorum.bootstrap.servers": ",".join(f"{HOST}:{each.controller_port}" for each in places),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(place.data),
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(enough),
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(enough),
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(enough),
        **_SMALL,
        **(_SEVERAL if len(places) > 1 else {}),
        **_listeners(place, secured),
        **(_security(secured) if secured else {}),
    }


def as_file(properties: Mapping[str, str]) -> str:
    """Return properties as text. Source: java.util.Properties, load: ISO 8859-1, other characters by their UTF-16."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _listeners(place: Place, secured: Secured | None) -> dict[str, str]:
    plain, controller = f"PLAINTEXT://{HOST}:{place.port}", f"CONTROLLER://{HOST}:{place.controller_port}"
    protocols = ["PLAINTEXT", "CONTROLLER"]
    listeners, advertised = [plain, controller], [plain]
    if secured:
        listeners.append(f"SASL_SSL://{HOST}:{place.secured_port}")
        advertised.append(f"SASL_SSL://{SECURED_HOST}:{place.secured_port}")
    mapped = [f"{name}:PLAINTEXT" for name in protocols] + (["SASL_SSL:SASL_SSL"] if secured else [])
    return {
        "listeners": ",".join(listeners),
        "advertised.listeners": ",".join(advertised),
        "listener.security.protocol.map": ",".join(mapped),
    }


def _security(secured: Secured) -> dict[str, str]:
    listener = "listener.name.sasl_ssl"
    return {
        f"{listener}.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        f"{listener}.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        f"{listener}.ssl.keystore.type": "PEM",
        f"{listener}.ssl.keystore.location": str(secured.keystore),
        f"{listener}.ssl.client.auth": "none",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": ";".join([OWN_PRINCIPAL, *_principals(secured.administrators)]),
    }


def _principals(names: Iterable[str]) -> Iterable[str]:
    return (f"User:{name}" for name in names)


def _escaped(value: str) -> str:
    return "".join(_escaped_character(character) for character in value)


def _escaped_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
