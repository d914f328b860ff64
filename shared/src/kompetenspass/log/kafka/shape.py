"""How the topics of an owner are to be, as the settings say it. Pure, and read by whoever has settings."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_HOUR_MILLISECONDS = 3_600_000


class Shape(BaseModel):
    """How the topics of an owner are to be, the internal and the public one alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partitions: int = Field(default=8, ge=1, le=1024, description="Partitions of a topic, fixed for its life.")
    replication: int = Field(default=3, ge=1, le=9, description="On how many nodes a record is.")
    min_insync_replicas: int = Field(default=2, ge=1, description="How many nodes must have a record to confirm it.")
    retention_hours: int | None = Field(default=None, ge=1, description="How long records stay; by default for ever.")
    max_message_bytes: int = Field(default=1_048_588, ge=65_536, description="The largest batch that a node takes.")

    @model_validator(mode="after")
    def _a_node_may_be_away(self) -> Self:
        if self.min_insync_replicas > self.replication:
            raise ValueError("min_insync_replicas is larger than replication")
        return self

    def configuration(self) -> dict[str, str]:
        """Return the topic's own configuration, as Kafka names and writes it."""
        hours = self.retention_hours
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(hours * _HOUR_MILLISECONDS if hours else -1),
            "retention.bytes": "-1",
            "min.insync.replicas": str(self.min_insync_replicas),
            "max.message.bytes": str(self.max_message_bytes),
            "unclean.leader.election.enable": "false",
        }
