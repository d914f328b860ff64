"""What the registry is told by its environment; each setting has its unit and works when absent."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from kompetenspass.web.settings import ServiceSettings, environment


class Settings(ServiceSettings):
    """The settings of the registry: `KOMPETENSPASS_REGISTRY_…`."""

    model_config = environment("registry")
    service: ClassVar[str] = "registry"

    port: int = Field(default=8003, ge=1, le=65535, description="The port to listen on.")
    issuer_base_url: str = Field(description="Public base URL of issuance; issuer identifiers begin with it.")
    trust_anchors: Path | None = Field(
        default=None, description="PEM file of the CAs that issuer certificates chain to; state_dir/trust-anchors.pem."
    )
    status_key: Path | None = Field(
        default=None, description="PEM file of the key that signs status lists; state_dir/status.key.pem by default."
    )
    status_chain: Path | None = Field(
        default=None, description="PEM file of its certificate chain, leaf first; state_dir/status.chain.pem."
    )
    challenge_lifetime_seconds: int = Field(default=300, ge=10, le=3600, description="How long a challenge lives.")
    status_list_size: int = Field(default=2**20, ge=8, le=2**24, description="Entries in a list opened from now on.")
    status_bits: Literal[1, 2] = Field(default=2, description="Bits per entry; one bit cannot say suspended.")
    one_bit_issuers: frozenset[str] = Field(
        default=frozenset(), description="Organisations whose merits are never suspended: their lists have one bit."
    )
    status_ttl_seconds: int = Field(default=300, ge=1, description="How long a fetched list may be used.")
    status_lifetime_seconds: int = Field(default=86_400, ge=60, description="How long a signed list is valid.")
    publish_seconds: float = Field(default=1.0, gt=0, le=60, description="Pause between looks at changed lists.")
    expire_seconds: float = Field(default=1.0, gt=0, le=3600, description="Pause between looks at ended merits.")
    sweep_seconds: float = Field(default=60.0, gt=0, description="Pause between sweeps of spent challenges.")
    scheme_owner: str = Field(default="org:rise", description="The organisation that registers the others.")

    @model_validator(mode="after")
    def _lists_live_longer_than_their_ttl(self) -> Self:
        if self.status_lifetime_seconds < 4 * self.status_ttl_seconds:
            raise ValueError("status_lifetime_seconds must be at least four times status_ttl_seconds")
        return self

    @property
    def trust_anchors_file(self) -> Path:
        """The file of the trust anchors for issuer certificates."""
        return self.trust_anchors or self.state_dir / "trust-anchors.pem"

    @property
    def status_key_file(self) -> Path:
        """The file of the key that signs status lists."""
        return self.status_key or self.state_dir / "status.key.pem"

    @property
    def status_chain_file(self) -> Path:
        """The file of that key's certificate chain."""
        return self.status_chain or self.state_dir / "status.chain.pem"
