"""The settings of the catalog: what its environment tells it."""

from __future__ import annotations

from typing import ClassVar

from kompetenspass.web.settings import ServiceSettings, environment


class Settings(ServiceSettings):
    """The catalog needs the log of the registry (`feed_dsns`: registry) and nothing of its own."""

    model_config = environment("catalog")
    service: ClassVar[str] = "catalog"
    port: int = 8101
