"""What every service is told by its environment; a service's own settings class inherits it and sets the prefix."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kompetenspass.keys.es256 import Crypto
from kompetenspass.log.api import Transport
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.shape import Shape


def is_loopback(host: str) -> bool:
    """Return whether `host`, a name or an address without port, is this machine by definition (RFC 6761: localhost)."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def environment(service: str) -> SettingsConfigDict:
    """Return the model configuration of one service's settings: `KOMPETENSPASS_<SERVICE>_…`, nothing else is read.

    A setting that has parts is read from a variable for each: `…_KAFKA_BOOTSTRAP_SERVERS`.
    """
    return SettingsConfigDict(
        frozen=True,
        env_prefix=f"KOMPETENSPASS_{service.upper()}_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="ignore",
    )


class Kafka(Connecting, Shape):
    """How a service comes to Kafka, and how topics are to be there; what only its relay is told is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ServiceSettings(BaseSettings):
    """The settings that all five services share; a subclass sets `service` and `model_config = environment(…)`."""

    model_config = environment("service")
    service: ClassVar[str]

    base_url: str = Field(description="Public base URL without a trailing slash; identifiers are built from it.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8000, ge=1, le=65535, description="The port to listen on.")
    database_dsn: str = Field(description="The service's own role: postgresql://role@/database?host=folder.")
    feed_dsns: dict[str, str] = Field(default={}, description="Owner of a log to the DSN of a role that may read it.")
    transport: Transport = Field(default="postgres", description="By what the logs of other services come here.")
    kafka: Kafka | None = Field(default=None, description="How to come to Kafka; each part is a setting of its own.")
    token_issuers: dict[str, str] = Field(default={}, description="Issuer of access tokens to its JWKS: file or URL.")
    audience: str = Field(default="kompetenspass", description="The `aud` that an access token must name.")
    state_dir: Path = Field(default=Path(".run"), description="The folder of keys and trust anchors.")
    allow_loopback_http: bool = Field(default=False, description="Whether plain http is allowed, to this machine only.")
    outbound_private_hosts: tuple[str, ...] = Field(default=(), description="Hosts with private addresses to call.")
    outbound_ca_file: Path | None = Field(default=None, description="PEM file of further CAs trusted for TLS.")
    detached_dir: Path | None = Field(default=None, description="The folder with what was detached of the logs.")
    snapshot_events: int = Field(default=100, ge=1, description="After how many events a stream has a snapshot.")
    max_staleness_seconds: float = Field(default=30, gt=0, description="How old foreign facts may be for a command.")
    crypto: Crypto = Field(default="cryptography", description="What computes ES256: aws-lc needs the extra `fast`.")
    only: Literal["all", "api", "projections"] = Field(default="all", description="What this process does.")
    traces_endpoint: str | None = Field(default=None, description="OTLP/HTTP endpoint for traces; none by default.")

    @field_validator("base_url")
    @classmethod
    def _without_slash_or_query(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an http or https URL is needed")
        if parts.query or parts.fragment or value.endswith("/"):
            raise ValueError("write it without a trailing slash, query and fragment")
        return value

    @model_validator(mode="after")
    def _kafka_is_known_where_it_is_used(self) -> Self:
        if self.transport == "kafka" and self.kafka is None:
            raise ValueError("transport kafka needs the settings kafka_bootstrap_servers and kafka_security")
        return self

    @model_validator(mode="after")
    def _plain_http_stays_on_this_machine(self) -> Self:
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not (self.allow_loopback_http and is_loopback(parts.hostname or "")):
            raise ValueError("plain http is for loopback hosts only, and only with allow_loopback_http; use https")
        return self
