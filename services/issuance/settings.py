"""What the environment tells issuance: `KOMPETENSPASS_ISSUANCE_…`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from kompetenspass.web.settings import ServiceSettings, environment


class Settings(ServiceSettings):
    """Settings of issuance; the issuer identifier of an organisation is `{base_url}/issuers/{slug}`."""

    model_config = environment("issuance")
    service: ClassVar[str] = "issuance"

    catalog_url: str = Field(description="Public base URL of the catalog; the vct of every credential begins with it.")
    registry_url: str = Field(default="", description="Base URL of the registry, where keys are registered.")
    ca_dir: Path | None = Field(default=None, description="Folder of the development CA that certifies issuer keys.")
    offer_ttl_seconds: int = Field(default=3 * 86400, gt=0, description="How long an offer may be used.")
    token_ttl_seconds: int = Field(default=300, gt=0, le=300, description="How long an access token lives.")
    nonce_ttl_seconds: int = Field(default=300, gt=0, description="How long a c_nonce lives.")
    credential_ttl_days: int = Field(default=365, gt=0, description="Technical lifetime (exp) of a credential.")
    batch_size: int = Field(default=1, ge=1, le=100, description="How many copies a wallet may ask for at once.")
