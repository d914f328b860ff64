"""What the launcher asks a node over Kafka's own protocol: who is there, and who may do what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest

from kompetenspass.embedded.kafka.properties import HOST
from kompetenspass.embedded.kafka.users import Right

_ANY, _ALLOW = 1, 3
_REQUEST_MILLISECONDS = 10_000
_POLL_SECONDS = 0.05


async def brokers_seen_by(port: int) -> frozenset[int]:
    """Return the numbers of the brokers that the Metadata of one node names; none while it does not answer."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
        writer.close()
        async with _asked(port) as client:
            return frozenset(broker.nodeId for broker in client.cluster.brokers())
    except (OSError, KafkaError, TimeoutError):
        return frozenset()


async def grant(port: int, rights: Iterable[Right]) -> None:
    """Store rights, each once however often it is granted. Raises KafkaError."""
    async with _asked(port) as client:
        for right in rights:
            request = CreateAclsRequest(
                right.resource, right.name, right.pattern, right.principal, "*", right.operation, _ALLOW
            )
            answer = await client.send(client.get_random_node(), request)
            for code, message in answer.creation_responses:
                if code:
                    raise for_code(code)(message)


async def wait_for_rights(port: int, count: int) -> None:
    """Return once one node knows `count` rights: it learns them a moment after they are stored."""
    async with _asked(port) as client:
        (node,) = (broker.nodeId for broker in client.cluster.brokers() if broker.port == port)
        while await _rights_known(client, node) < count:  # noqa: ASYNC110  the node tells nobody
            await asyncio.sleep(_POLL_SECONDS)


async def _rights_known(client: AIOKafkaClient, node: int) -> int:
    answer = await client.send(node, DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY))
    return sum(len(resource[-1]) for resource in answer.resources)


@asynccontextmanager
async def _asked(port: int) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=_REQUEST_MILLISECONDS)
    try:
        await client.bootstrap()
        yield client
    finally:
        await client.close()
