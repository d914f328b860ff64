"""The AsyncAPI 3.0 document: where the events are sent, what each means, its key, its headers and its data."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import yaml

from contract.events import PUBLIC_URLS, example, sent
from contract.headers import binary, structured, watermark
from contract.values import stream_template
from kompetenspass.events.audiences import SHOWN
from kompetenspass.events.base import Audience, Event
from kompetenspass.events.cloudevents import STRUCTURED
from kompetenspass.events.schemas import meaning, schema_of

PATH = "asyncapi.yaml"
KAFKA_AUDIENCES: tuple[Audience, ...] = ("internal", "public")
HTTPS_AUDIENCES: tuple[Audience, ...] = ("public", "partner")

_DESCRIPTION = """\
Facts that the services of Kompetenspass state, each owner its own. They come at least once, and in order for one
partition key; between keys and between owners no order is promised. Drop an event whose id is known. Within a version
of a type only optional fields are added, so ignore fields, types and enumeration values that are not known.
The hosts are examples: a deployment names its own."""

Document = dict[str, Any]


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def files() -> dict[str, str]:
    """Return the document: path under docs/generated to text."""
    text = yaml.dump(document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    return {PATH: text}


def document() -> Document:
    """Return the document as JSON values."""
    ways = [*(_Way(owner, audience, kafka=True) for owner in PUBLIC_URLS for audience in KAFKA_AUDIENCES)]
    ways += (_Way(owner, audience, kafka=False) for owner in PUBLIC_URLS for audience in HTTPS_AUDIENCES)
    used = [way for way in ways if way.events]
    audiences = sorted({way.audience for way in used if way.kafka})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kompetenspass: events",
            "version": version("kompetenspass"),
            "description": " ".join(_DESCRIPTION.split()),
            "license": {"name": "EUPL-1.2", "url": "https://joinup.ec.europa.eu/collection/eupl/eupl-text-eupl-12"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(sorted({way.owner for way in used if not way.kafka})),
        "channels": {way.name: way.channel() for way in used},
        "operations": {f"send_{way.name}": way.operation() for way in used},
        "components": {
            "securitySchemes": _SECURITY,
            "schemas": {f"headers.{audience}": binary(audience) for audience in audiences}
            | {"headers.watermark": watermark()}
            | {name: schema for way in used for name, schema in way.schemas()},
            "messages": {f"{way.name}.{event.type}": way.message(event) for way in used for event in way.events}
            | {_MARK: _WATERMARK},
        },
    }


_SECURITY: Document = {
    "scram": {"type": "scramSha512", "description": "A user and a password that the operator gives, over TLS."},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "With a role that partners have.",
    },
}
_MARK = "Watermark"
_WATERMARK: Document = {
    "name": _MARK,
    "title": "Watermark",
    "summary": "No event: it says how far the log has come, to readers of a partition in which nothing else comes.",
    "description": "It stands in every partition of an internal topic, has no partition key, and its value is empty.",
    "contentType": "application/octet-stream",
    "headers": {"$ref": "#/components/schemas/headers.watermark"},
    "payload": {"type": "string", "maxLength": 0},
}


def _servers(owners: list[str]) -> Document:
    kafka = {
        "host": "kafka.kompetenspass.example:9093",
        "protocol": "kafka-secure",
        "description": "Apache Kafka, by TLS and SASL/SCRAM.",
        "security": [{"$ref": "#/components/securitySchemes/scram"}],
    }
    https = {
        owner: {
            "host": PUBLIC_URLS[owner].removeprefix("https://"),
            "protocol": "https",
            "description": "Pages, long poll, server-sent events and webhooks of one service.",
        }
        for owner in owners
    }
    return {"kafka": kafka, **https}


class _Way:
    """One owner's events for one audience, on Kafka or by HTTPS."""

    def __init__(self, owner: str, audience: Audience, *, kafka: bool) -> None:
        self.owner, self.audience, self.kafka = owner, audience, kafka
        self.name = f"{owner}_{audience}" + ("" if kafka else "_https")
        self.events = sent(owner, audience)

    def channel(self) -> Document:
        """Return the channel: a topic, or the path of a service."""
        topic = f"kompetenspass.{self.owner}.{self.audience}"
        binding: Document = {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}} if self.kafka else {}
        return {
            "address": topic if self.kafka else "/v1/events",
            "title": f"What {self.owner} states, for the audience {self.audience}",
            "servers": [{"$ref": f"#/servers/{'kafka' if self.kafka else self.owner}"}],
            "messages": {name: {"$ref": f"#/components/messages/{place}"} for name, place in self._messages().items()},
        } | ({"bindings": binding} if binding else {})

    def operation(self) -> Document:
        """Return what the platform does with the channel: it sends."""
        said: Document = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{self.name}"},
            "summary": f"{self.owner} sends what it states to {self.audience} readers.",
        }
        if self.audience == "partner":
            said["security"] = [{"$ref": "#/components/securitySchemes/bearer"}]
        return said

    def schemas(self) -> list[tuple[str, Document]]:
        """Return the schemas of the data, by their names among the components."""
        return [(self._schema_name(event), _draft_free(schema_of(event, self.audience))) for event in self.events]

    def message(self, event: type[Event]) -> Document:
        """Return one event as a message: its meaning, its key, its headers and its data."""
        shown = example(event)[self.audience]
        said: Document = {"name": event.type, "title": event.__name__, "summary": meaning(event), "x-owner": self.owner}
        said["description"] = f"Partition key: {self._key(event)}."
        data = {"$ref": f"#/components/schemas/{self._schema_name(event)}"}
        if not self.kafka:
            payload = structured(self.audience, event.type, data)
            return said | {"contentType": STRUCTURED, "payload": payload, "examples": [{"payload": shown}]}
        key = {"type": "string", "description": self._key(event)}
        return said | {
            "contentType": "application/json",
            "headers": {"$ref": f"#/components/schemas/headers.{self.audience}"},
            "payload": data,
            "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
            "examples": [{"payload": shown["data"]}],
        }

    def _messages(self) -> dict[str, str]:
        """Return the messages of the channel: name to place among the components."""
        events = {event.type: f"{self.name}.{event.type}" for event in self.events}
        return events | ({_MARK: _MARK} if self.kafka and self.audience == "internal" else {})

    def _schema_name(self, event: type[Event]) -> str:
        return f"{event.type}.{self.audience}"

    def _key(self, event: type[Event]) -> str:
        stream = stream_template(event)
        if self.audience == "internal" or stream.partition("-")[0] in SHOWN:
            return f"the stream, {stream}"
        return "part-{n}, which many streams share; the name of the stream is not shown"


def _draft_free(schema: Document | None) -> Document:
    """Return a schema without `$schema` and `$id`: within the document it has a name of its own."""
    return {name: value for name, value in (schema or {}).items() if name not in ("$schema", "$id")}
