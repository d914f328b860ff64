"""How one comes to Kafka: plain on a closed network, or with a password over TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kompetenspass.core.errors import Kind, Problem

MECHANISM = "SCRAM-SHA-512"


class Connecting(BaseModel):
    """What a client of Kafka needs to know. The password stays in its file: it is read anew for each connection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = Field(min_length=1, description="Addresses of some nodes: host:port, by commas.")
    security: Literal["PLAINTEXT", "SASL_SSL"] = Field(
        default="SASL_SSL", description="A password (SCRAM-SHA-512) over TLS, or neither."
    )
    user: str | None = Field(default=None, description="The name to sign in with.")
    password_file: Path | None = Field(default=None, description="The file that holds the password, and nothing else.")
    ca_file: Path | None = Field(default=None, description="PEM file of the CA of the nodes; by default the system's.")
    request_timeout_seconds: float = Field(
        default=8, ge=5, le=10, description="How long a request waits; a frozen node holds a client so long."
    )

    @model_validator(mode="after")
    def _secured_or_not(self) -> Self:
        if self.security == "SASL_SSL" and not (self.user and self.password_file):
            raise ValueError("SASL_SSL needs user and password_file")
        if self.security == "PLAINTEXT" and (self.user or self.password_file or self.ca_file):
            raise ValueError("user, password_file and ca_file are for SASL_SSL only")
        return self

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of an aiokafka client; they hold the password. Raises Problem `kafka_settings_unusable`.

        What an operation waits for in all is bounded by who asks for it; these bound one request.
        """
        said: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security,
            "request_timeout_ms": int(self.request_timeout_seconds * 1000),
        }
        return said if self.security == "PLAINTEXT" else said | self._signing_in()

    def _signing_in(self) -> dict[str, Any]:
        assert self.password_file is not None  # it was demanded above
        try:
            password = self.password_file.read_text("utf-8").rstrip("\r\n")
            context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise _unusable(type(error).__name__) from None  # what it says may hold what the file holds
        if not password:
            raise _unusable("an empty file")
        return {
            "ssl_context": context,
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": self.user,
            "sasl_plain_password": password,
        }


def _unusable(why: str) -> Problem:
    return Problem(
        "kafka_settings_unusable",
        "The password or the CA for Kafka cannot be read.",
        kind=Kind.CONFLICT,
        remedy="Look at the files that the settings name, and at who may read them.",
        detail=why,
    )
