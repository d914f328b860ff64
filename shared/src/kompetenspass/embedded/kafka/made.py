"""What a folder of Kafka was made as: a restart finds the same cluster, and another wish is refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kompetenspass.core.digest import sha256_hex
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import random_token
from kompetenspass.embedded.kafka.properties import HOST, Place
from kompetenspass.embedded.kafka.users import User
from kompetenspass.embedded.ports import kept_ports


@dataclass(frozen=True)
class Made:
    """The ids of a cluster and of its nodes' folders, and a digest of its users."""

    cluster: str
    directories: tuple[str, ...]
    users: str

    def format_options(self, places: Sequence[Place], users: Iterable[User]) -> list[str]:
        """Return what the storage tool is told about this cluster, the same for each node."""
        controllers = ",".join(
            f"{place.number}@{HOST}:{place.controller_port}:{directory}"
            for place, directory in zip(places, self.directories, strict=True)
        )
        passwords = (word for user in users for word in ("--add-scram", user.credential()))
        return ["-t", self.cluster, "--initial-controllers", controllers, *passwords]


def made_as(folder: Path, nodes: int, users: Sequence[User]) -> Made:
    """Return what `folder` was made as, or what it now is made as. Raises Problem `kafka_folder_differs`."""
    path = folder / "cluster.json"
    if not path.exists():
        fresh = Made(_kafka_id(), tuple(_kafka_id() for _ in range(nodes)), "")
        fresh = Made(fresh.cluster, fresh.directories, _digest(fresh.cluster, users))
        path.write_text(json.dumps(asdict(fresh), indent=2) + "\n", encoding="utf-8")
        return fresh
    stored = json.loads(path.read_text(encoding="utf-8"))
    made = Made(stored["cluster"], tuple(stored["directories"]), stored["users"])
    if len(made.directories) != nodes or made.users != _digest(made.cluster, users):
        raise Problem(
            "kafka_folder_differs",
            "The folder holds a Kafka with another number of nodes, or with other users.",
            kind=Kind.CONFLICT,
            remedy=f"Remove {folder} and what is in it, or choose another folder.",
        )
    return made


def places_in(folder: Path, nodes: int) -> list[Place]:
    """Return where each node lives, with ports that are chosen once. Raises Problem `port_taken`."""
    kinds = ("broker", "controller", "secured")
    try:
        ports = kept_ports(folder / "ports.json", [f"{kind} {n}" for n in range(1, nodes + 1) for kind in kinds])
    except Problem as problem:
        remedy = f"Stop that program, or remove {folder} and what is in it: new ports are chosen then."
        raise Problem(problem.code, problem.title, kind=problem.kind, remedy=remedy) from problem
    return [Place(n, folder / f"node-{n}", *(ports[f"{kind} {n}"] for kind in kinds)) for n in range(1, nodes + 1)]


def _kafka_id() -> str:
    """Return 16 random bytes as Kafka writes them; a leading hyphen would be taken for an option."""
    while (token := random_token(16)).startswith("-"):
        pass
    return token


def _digest(cluster: str, users: Sequence[User]) -> str:
    """Return a digest of the users; with the cluster's id, so that equal passwords differ from folder to folder."""
    every = sorted((u.name, u.password, sorted(u.reads), sorted(u.writes), u.administers) for u in users)
    return sha256_hex(json.dumps([cluster, every]).encode())
