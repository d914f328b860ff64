"""A Kafka of our own in one folder: one node for laptops and tests, three for trials of what happens when one fails."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.embedded.folders import locked
from kompetenspass.embedded.kafka.asking import grant, wait_for_rights
from kompetenspass.embedded.kafka.jars import kafka_jars
from kompetenspass.embedded.kafka.made import made_as, places_in
from kompetenspass.embedded.kafka.node import Node
from kompetenspass.embedded.kafka.programs import Java, find_java
from kompetenspass.embedded.kafka.properties import HOST, SECURED_HOST, Place, Secured, node_properties
from kompetenspass.embedded.kafka.tls import write_keystore
from kompetenspass.embedded.kafka.users import User
from kompetenspass.embedded.pki import DevelopmentCA


class EmbeddedKafka:
    """One or three nodes; only this machine reaches them, and by the open listener everybody on it is administrator.

    `secured` adds a listener by TLS and SCRAM-SHA-512, where `users` may do what they have a right to. The nodes end
    with this process, even by `kill -9`. Another start on the folder finds the same data, ports and users.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 1,
        secured: bool = False,
        users: Sequence[User] = (),
        pki: Path | None = None,
        start_timeout_seconds: float = 300,
        jars: Callable[[], Path] = kafka_jars,
    ) -> None:
        if nodes not in {1, 3}:
            raise ValueError("one node, or three: two would stop when one of them fails")
        if users and not secured:
            raise ValueError("users come by the secured listener")
        self.folder = folder.resolve()
        self.secured = secured
        self._count = nodes
        self._users = users
        self._pki = pki or self.folder / "pki"
        self._timeout_seconds = start_timeout_seconds
        self._jars = jars
        self._lock: IO[str] | None = None
        self._nodes: list[Node] = []
        self._format_options: list[str] = []

    async def start(self) -> None:
        """Fetch Kafka if that was never done, start the nodes, and return when each knows all of them.

        Raises Problem `java_missing`, `maven_missing`, `port_taken`, `already_running`, `kafka_failed` or another
        of this room, each with a remedy; the detail holds Kafka's last words.
        """
        self._lock = await asyncio.to_thread(locked, self.folder, "Kafka")
        atexit.register(self._end)
        try:
            await asyncio.to_thread(self._prepare)
            await asyncio.gather(*(asyncio.to_thread(node.format, self._format_options) for node in self._nodes))
            await asyncio.gather(*(asyncio.to_thread(node.spawn) for node in self._nodes))
            every = frozenset(node.place.number for node in self._nodes)
            await asyncio.gather(*(node.serving(every) for node in self._nodes))
            await self._grant()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all nodes; what was acknowledged is kept. Does nothing when none runs."""
        await asyncio.gather(*(node.stop() for node in self._nodes))
        self._unlock()

    def node(self, number: int) -> Node:
        """Return one node, by its broker id from 1: to be killed, frozen, stopped and started by itself."""
        return self._started()[number - 1]

    @property
    def bootstrap(self) -> str:
        """The addresses of the open listeners, as clients take them. Raises Problem `not_running`."""
        return ",".join(f"{HOST}:{node.place.port}" for node in self._started())

    @property
    def secured_bootstrap(self) -> str:
        """The addresses of the secured listeners, as clients take them. Raises Problem `not_running`."""
        return ",".join(f"{SECURED_HOST}:{node.place.secured_port}" for node in self._started())

    @property
    def root_path(self) -> Path:
        """The file of the trust anchor (PEM) for clients of the secured listener."""
        return self._authority().root_path

    def _prepare(self) -> None:
        java = Java(find_java(), self._jars())
        made = made_as(self.folder, self._count, self._users)
        places = places_in(self.folder, self._count)
        self._format_options = made.format_options(places, self._users)
        secured = self._keystore() if self.secured else None
        self._nodes = [self._node(place, places, secured, java) for place in places]

    def _node(self, place: Place, places: Sequence[Place], secured: Secured | None, java: Java) -> Node:
        return Node(place, node_properties(place, places, secured), java, self._timeout_seconds)

    def _keystore(self) -> Secured:
        path = self.folder / "listener.pem"
        write_keystore(self._authority(), path)
        return Secured(path, tuple(user.name for user in self._users if user.administers))

    def _authority(self) -> DevelopmentCA:
        return DevelopmentCA(self._pki)

    async def _grant(self) -> None:
        rights = {right for user in self._users for right in user.rights()}
        if rights:
            await grant(self._nodes[0].place.port, rights)
            async with asyncio.timeout(self._timeout_seconds):
                await asyncio.gather(*(wait_for_rights(node.place.port, len(rights)) for node in self._nodes))

    def _started(self) -> list[Node]:
        if not self._nodes:
            raise Problem("not_running", "The embedded Kafka is not running.", kind=Kind.UNAVAILABLE)
        return self._nodes

    def _end(self) -> None:
        for node in self._nodes:
            node.end()
        self._unlock()

    def _unlock(self) -> None:
        atexit.unregister(self._end)
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()
