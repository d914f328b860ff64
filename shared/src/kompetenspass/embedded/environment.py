"""Settings as environment variables, so that a service's own commands work beside a running platform."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

from kompetenspass.web.settings import ServiceSettings


class PublicURLs(BaseSettings):
    """The public base URL of each service where a proxy gives it another name: `KOMPETENSPASS_<SERVICE>_BASE_URL`."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="KOMPETENSPASS_")

    catalog_base_url: str | None = None
    issuance_base_url: str | None = None
    registry_base_url: str | None = None
    verification_base_url: str | None = None
    wallet_base_url: str | None = None

    def of(self, service: str, default: str) -> str:
        """Return the public base URL of one service."""
        return getattr(self, f"{service}_base_url") or default


class FixedPorts(BaseSettings):
    """The port of each service where it is not to be a free one: `KOMPETENSPASS_<SERVICE>_PORT`."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="KOMPETENSPASS_")

    catalog_port: int | None = None
    issuance_port: int | None = None
    registry_port: int | None = None
    verification_port: int | None = None
    wallet_port: int | None = None

    def of(self, service: str, default: int) -> int:
        """Return the port of one service."""
        return getattr(self, f"{service}_port") or default


def variables(settings: ServiceSettings) -> Iterator[tuple[str, str]]:
    """Yield the environment variables that say what was set in `settings`; one that has parts is said part by part."""
    prefix = settings.model_config["env_prefix"]
    for name, value in settings.model_dump(mode="json", exclude_unset=True).items():
        if isinstance(getattr(settings, name), BaseModel):
            yield from ((f"{prefix}{name}_{part}".upper(), _written(said)) for part, said in value.items())
        else:
            yield f"{prefix}{name}".upper(), _written(value)


def write(path: Path, every: Iterable[ServiceSettings]) -> None:
    """Write the variables of all services to `path`, as exports for a shell."""
    lines = (f"export {name}={shlex.quote(value)}\n" for settings in every for name, value in variables(settings))
    path.write_text("".join(lines), encoding="utf-8")


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
