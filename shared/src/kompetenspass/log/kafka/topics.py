"""The topics of one owner: their names, and how they are to be; they are made, and checked, by a command.

The number of partitions is fixed for life: with another one, the same stream would go on in another partition, and its
order would be lost. aiokafka's admin client returns refusals instead of raising them, so that each answer is looked at;
and what it knows of the cluster may be over, so that each try asks anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, RequestTimedOutError, TopicAlreadyExistsError, for_code

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.audiences import reaches
from kompetenspass.events.base import Audience
from kompetenspass.events.codec import EVENTS
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.shape import Shape as Shape

T = TypeVar("T")

_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the cluster has it: partitions, copies of the one that has fewest, and its configuration."""

    partitions: int
    replication: int
    configuration: Mapping[str, str]


def topic_of(owner: str, audience: Audience) -> str:
    """Return the name of the topic in which an owner's events are for an audience."""
    return f"kompetenspass.{owner}.{audience}"


def has_public(owner: str) -> bool:
    """Return whether an owner has events that anyone may see."""
    return any(event.owner() == owner and reaches(event, "public") for event in EVENTS.values())


def names_of(owner: str) -> Sequence[str]:
    """Return the names of an owner's topics, the internal one first."""
    return [topic_of(owner, "internal"), *([topic_of(owner, "public")] if has_public(owner) else [])]


def differences(name: str, wanted: Shape, found: Found) -> list[str]:
    """Return in which points a topic is not as it should be, one sentence each; none if it is."""
    said = []
    if found.partitions != wanted.partitions:
        said.append(f"{name} has {found.partitions} partitions, not {wanted.partitions}")
    if found.replication != wanted.replication:
        said.append(f"{name} is on {found.replication} nodes, not on {wanted.replication}")
    there = found.configuration
    wrong = [(key, value) for key, value in wanted.configuration().items() if there.get(key) != value]
    return said + [f"{name} has {key}={there.get(key)}, not {value}" for key, value in wrong]


class Topics:
    """The topics of one owner on one cluster, all of them or those that are named.

    Raises Problem `kafka_unavailable`, `kafka_refused`, `kafka_settings_unusable` besides what each method names.
    """

    def __init__(self, connecting: Connecting, owner: str, shape: Shape, names: Sequence[str] | None = None) -> None:
        self._connecting = connecting
        self._shape = shape
        self.names = names or names_of(owner)

    async def make(self) -> Sequence[str]:
        """Return which topics were made, those that were missing. Raises as `check` does, of those that were there."""
        there = await self._again(self._partitions)
        missing = [name for name in self.names if name not in there]
        if missing:
            await self._again(lambda admin: self._create(admin, missing))
        await self.check()
        return missing

    async def check(self) -> None:
        """Return if the topics are there and as they should be. Raises Problem `kafka_topics_differ`."""
        found = await self._again(self._found)
        said = [why for name in self.names for why in differences(name, self._shape, found[name])]
        if said:
            raise _differ(said, any(found[name].partitions != self._shape.partitions for name in self.names))

    async def check_partitions(self) -> None:
        """Return if the topics are there with the right number of partitions. Raises Problem `kafka_topics_differ`.

        Nothing is made by looking, as a producer's question would where a cluster makes what it is asked for.
        """
        found = await self._again(self._all_there)
        wanted = self._shape.partitions
        said = [f"{name} has {len(found[name])} partitions, not {wanted}" for name in self.names]
        said = [why for name, why in zip(self.names, said, strict=True) if len(found[name]) != wanted]
        if said:
            raise _differ(said, of_partitions=True)

    async def _again(self, ask: Callable[[Any], Awaitable[T]]) -> T:
        """Return the answer of a client that has just looked who leads; asks again what may be otherwise by then."""
        pauses = iter(_PAUSES)
        while True:
            try:
                async with _administering(self._connecting.arguments()) as admin:
                    return await ask(admin)
            except (KafkaError, TimeoutError, _Missing) as error:
                if not getattr(error, "retriable", True):
                    raise _refused(error) from error
                pause = next(pauses, None)
                if pause is None:
                    raise _unavailable(error) from error
                await asyncio.sleep(pause)

    async def _partitions(self, admin: Any) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the partitions of those of our topics that are there; all topics are asked for, so none is made."""
        described = [topic for topic in await admin.describe_topics() if topic["topic"] in self.names]
        for topic in described:
            _demand(topic["error_code"], topic["topic"])
        return {topic["topic"]: topic["partitions"] for topic in described}

    async def _all_there(self, admin: Any) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        found = await self._partitions(admin)
        if missing := [name for name in self.names if name not in found]:
            raise _Missing(missing)
        return found

    async def _found(self, admin: Any) -> Mapping[str, Found]:
        partitions = await self._all_there(admin)
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in self.names]
        configurations: dict[str, dict[str, str]] = {}
        for answer in await admin.describe_configs(asked):
            for code, _, _, name, entries in answer.resources:
                _demand(code, name)
                configurations[name] = {entry[0]: entry[1] for entry in entries}
        return {
            name: Found(len(there), min(len(one["replicas"]) for one in there), configurations.get(name, {}))
            for name, there in partitions.items()
        }

    async def _create(self, admin: Any, names: Sequence[str]) -> None:
        shape = self._shape
        wanted = [
            NewTopic(name, shape.partitions, shape.replication, topic_configs=shape.configuration()) for name in names
        ]
        answer = await admin.create_topics(wanted)
        for name, code, *_ in answer.topic_errors:
            if code != TopicAlreadyExistsError.errno:  # another was quicker; it is checked like the others
                _demand(code, name)


class _Missing(RuntimeError):
    """Topics that were just made, perhaps: not every node knows of them yet."""


def _demand(code: int, name: str) -> None:
    """Raise the KafkaError of an answer's code, if it has one."""
    if code == RequestTimedOutError.errno:
        raise TimeoutError(name)
    if code:
        raise for_code(code)(name)


@asynccontextmanager
async def _administering(arguments: Mapping[str, Any]) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**arguments)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


def _differ(said: Sequence[str], of_partitions: bool) -> Problem:
    remedy = "Set what the topic has, or alter it with kafka-configs."
    if of_partitions:
        remedy = "Set the number that the topic has: a topic keeps it for life. For another, delete the topics, "
        remedy += "then `topics make` and `topics rewind`; every reader begins anew."
    title = f"The topics are not as the settings say: {'; '.join(said)}."
    return Problem("kafka_topics_differ", title, kind=Kind.CONFLICT, remedy=remedy, members={"differences": said})


def _unavailable(error: Exception) -> Problem:
    if isinstance(error, _Missing):
        return Problem(
            "kafka_topics_missing",
            "Topics of this service are not there, or may not be seen by this user.",
            kind=Kind.CONFLICT,
            remedy="Make them with `topics make`, as a user that may; then let this user describe and use them.",
            members={"topics": error.args[0]},
        )
    return Problem(
        "kafka_unavailable",
        "Kafka does not answer, or does not let this user sign in.",
        kind=Kind.UNAVAILABLE,
        remedy="Look at the addresses, the user, the password file and the CA file in the settings.",
        detail=type(error).__name__,
    )


def _refused(error: Exception) -> Problem:
    return Problem(
        "kafka_refused",
        f"Kafka refused: {type(error).__name__}.",
        kind=Kind.CONFLICT,
        remedy="Look at the rights of this user, and whether there are as many nodes as copies are wanted.",
    )
