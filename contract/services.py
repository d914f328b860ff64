"""What the five services say of themselves: their OpenAPI documents and their settings, as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from fastapi import FastAPI
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from kompetenspass.web.relaying import KafkaSettings, kafka_prefix
from kompetenspass.web.settings import ServiceSettings
from services.catalog.app import create_app as catalog_app
from services.catalog.settings import Settings as CatalogSettings
from services.issuance.app import create_app as issuance_app
from services.issuance.settings import Settings as IssuanceSettings
from services.registry.app import create_app as registry_app
from services.registry.settings import Settings as RegistrySettings
from services.verification.app import create_app as verification_app
from services.verification.settings import Settings as VerificationSettings
from services.wallet.app import create_app as wallet_app
from services.wallet.settings import Settings as WalletSettings

SETTINGS: tuple[type[ServiceSettings], ...] = (
    CatalogSettings,
    IssuanceSettings,
    RegistrySettings,
    VerificationSettings,
    WalletSettings,
)
_UNITS = {
    "_seconds": "seconds",
    "_days": "days",
    "_bytes": "bytes",
    "_url": "URL",
    "_port": "port",
    "_list_size": "entries",
}
_HEAD = """\
# Settings

Written by `make docs` from the settings classes; change those. A service reads `KOMPETENSPASS_<SERVICE>_<NAME>` and
nothing else. Lists and tables are written as JSON. A setting without a default must be given.
"""


def files() -> dict[str, str]:
    """Return the OpenAPI document of every service and the page of settings: path under docs/generated to text."""
    documents = {f"openapi/{name}.json": _as_json(app.openapi()) for name, app in sorted(apps().items())}
    return {**documents, "settings.md": settings_page()}


def apps() -> dict[str, FastAPI]:
    """Return the application of every service, assembled and not started: nothing is opened."""
    catalog, registry = _common("catalog"), _common("registry")
    issuance, verification, wallet = _common("issuance"), _common("verification"), _common("wallet")
    return {
        "catalog": catalog_app(CatalogSettings(**catalog)),
        "issuance": issuance_app(IssuanceSettings(**issuance, catalog_url=catalog["base_url"])),
        "registry": registry_app(RegistrySettings(**registry, issuer_base_url=issuance["base_url"])),
        "verification": verification_app(VerificationSettings(**verification, catalog_url=catalog["base_url"])),
        "wallet": wallet_app(WalletSettings(**wallet, anchors_file=Path("anchors.pem"))),
    }


def settings_page() -> str:
    """Return the page of settings: a table for what all services share, and one for each service's own."""
    whole = {name: field for name, field in ServiceSettings.model_fields.items() if name != "kafka"}  # it has parts
    shared = _table("KOMPETENSPASS_<SERVICE>_", ServiceSettings, whole)
    kafka = _table(kafka_prefix("<service>"), KafkaSettings, KafkaSettings.model_fields)
    parts = [_HEAD, "## Every service\n", shared, "## Every service that comes to Kafka\n", kafka]
    for settings in SETTINGS:
        own = {name: field for name, field in settings.model_fields.items() if _is_own(settings, name)}
        parts += [f"## {settings.service}\n", _table(str(settings.model_config.get("env_prefix")), settings, own)]
    return "\n".join(parts)


def _common(service: str) -> dict[str, Any]:
    return {"base_url": f"https://{service}.kompetenspass.example", "database_dsn": "postgresql:///kompetenspass"}


def _is_own(settings: type[ServiceSettings], name: str) -> bool:
    inherited = ServiceSettings.model_fields.get(name)
    return inherited is None or inherited.default != settings.model_fields[name].default


def _table(prefix: str, settings: type[BaseSettings], fields: dict[str, FieldInfo]) -> str:
    rows = ["| Setting | Type | Unit | Default | Meaning |", "|---|---|---|---|---|"]
    rows += ("| " + " | ".join(cells) + " |" for cells in _rows(prefix, settings, fields))
    return "\n".join(rows) + "\n"


def _rows(prefix: str, settings: type[BaseSettings], fields: dict[str, FieldInfo]) -> Iterator[tuple[str, ...]]:
    for name, field in fields.items():
        inherited = ServiceSettings.model_fields.get(name)
        said = field.description or (inherited.description if inherited else None)
        if not said:
            raise ValueError(f"{settings.__module__}: {name} has no description")
        variable = f"`{prefix}{name.upper()}`"
        yield variable, f"`{type_text(field.annotation)}`".replace("|", "\\|"), _unit(name), _default(field), said


def type_text(annotation: Any) -> str:
    """Return how a setting's type is written: `text`, `number`, the choices of an enumeration, and so on."""
    plain = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path", type(None): "empty"}
    if annotation in plain:
        return plain[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(str(part) for part in parts)
    if origin in (Union, UnionType):
        return " | ".join(type_text(part) for part in parts)
    if origin in (tuple, list, set, frozenset):
        return f"list of {type_text(parts[0])}"
    if origin is dict:
        return f"table of {type_text(parts[1])} by {type_text(parts[0])}"
    return str(getattr(annotation, "__name__", annotation))


def _unit(name: str) -> str:
    return next((unit for ending, unit in _UNITS.items() if f"_{name}".endswith(ending)), "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none: must be given"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "none: must be given"
    return f"`{_default_text(value)}`" if value not in (None, "") else "empty"


def _default_text(value: Any) -> str:
    if isinstance(value, set | frozenset | tuple | list):
        return json.dumps(sorted(str(one) for one in value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _as_json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
