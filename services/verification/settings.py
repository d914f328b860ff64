"""The settings of verification: what its environment tells it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from kompetenspass.web.settings import ServiceSettings, environment


class Settings(ServiceSettings):
    """Verification needs the logs of registry, catalog and issuance (`feed_dsns`) and a key for its requests."""

    model_config = environment("verification")
    service: ClassVar[str] = "verification"

    port: int = Field(default=8104, ge=1, le=65535, description="The port to listen on.")
    catalog_url: str = Field(description="Public base URL of the catalog; the vct of every credential begins with it.")
    trust_anchors: Path | None = Field(
        default=None, description="PEM file of the roots that are trusted; state_dir/trust-anchors.pem by default."
    )
    request_key: Path | None = Field(
        default=None, description="PEM file of the key that signs requests; state_dir/request_object.key.pem."
    )
    request_chain: Path | None = Field(
        default=None, description="PEM file of its certificate chain; state_dir/request_object.chain.pem."
    )
    request_ttl_seconds: int = Field(default=300, ge=10, le=86_400, description="How long a request may be answered.")
    request_fetches: int = Field(default=2, ge=1, le=10, description="How often a request object may be fetched.")
    claims_ttl_seconds: int = Field(default=300, ge=1, le=3600, description="How long unread claims are kept.")
    verdict_days: int = Field(default=30, ge=1, description="How long a verdict's reasons can be read.")
    status_ttl_seconds: float = Field(default=60, ge=0, description="How long a status list without ttl is cached.")
    sweep_seconds: float = Field(default=30, gt=0, description="Pause between sweeps of what is over.")

    @property
    def trust_anchors_file(self) -> Path:
        """The file of the trust anchors."""
        return self.trust_anchors or self.state_dir / "trust-anchors.pem"

    @property
    def request_key_file(self) -> Path:
        """The file of the key that signs request objects."""
        return self.request_key or self.state_dir / "request_object.key.pem"

    @property
    def request_chain_file(self) -> Path:
        """The file of that key's certificate chain."""
        return self.request_chain or self.state_dir / "request_object.chain.pem"

    @property
    def claims_key_file(self) -> Path:
        """The file of the key that unread claims are encrypted with; made at the first start."""
        return self.state_dir / "claims.key"
