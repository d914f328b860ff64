"""What the environment tells the wallet: `KOMPETENSPASS_WALLET_…`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from kompetenspass.web.settings import ServiceSettings, environment


class Settings(ServiceSettings):
    """Settings of the wallet."""

    model_config = environment("wallet")
    service: ClassVar[str] = "wallet"

    anchors_file: Path = Field(description="PEM file of the roots that issuers, status lists and verifiers chain to.")
    link_ttl_seconds: int = Field(default=600, gt=0, description="How long a one-time link may be used.")
    session_ttl_seconds: int = Field(default=3600, gt=0, description="How long a page opened by a link stays open.")
    time_zone: str = Field(default="Europe/Stockholm", description="The time zone of the times on the page.")
