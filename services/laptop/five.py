"""The five services as the laptop runs them: whose log each follows, what each is told, and their applications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from kompetenspass.embedded import environment
from kompetenspass.embedded.pki import DevelopmentCA
from kompetenspass.embedded.ports import kept_ports
from kompetenspass.embedded.provision import READER
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.log.api import Transport
from kompetenspass.web.settings import Kafka, ServiceSettings
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

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "registry": ("issuance",),
    "catalog": ("registry",),
    "issuance": ("registry", "catalog"),
    "verification": ("registry", "catalog", "issuance"),
    "wallet": ("issuance", "registry", "catalog"),
}
"""Whose logs each service follows beside its own; the order is that of a first start."""
_PUBLISH_SECONDS = 0.5  # so that even a busy laptop publishes a revocation within two seconds

DSN = Callable[[str], str]


@dataclass(frozen=True)
class Names:
    """What is chosen once for a state folder: a port and a public URL of each service, a CA, an issuer of tokens."""

    folder: Path
    ports: Mapping[str, int]
    urls: Mapping[str, str]
    ca: DevelopmentCA
    tokens: DevelopmentTokenIssuer

    @classmethod
    def of(cls, folder: Path) -> Names:
        """Return the names of a folder, chosen now if it is new. Raises Problem `port_taken`."""
        fixed, public = environment.FixedPorts(), environment.PublicURLs()
        kept = kept_ports(folder / "ports.json", FOLLOWS)
        ports = {name: fixed.of(name, port) for name, port in kept.items()}
        urls = {name: public.of(name, f"http://127.0.0.1:{port}") for name, port in ports.items()}
        issuer = DevelopmentTokenIssuer(folder / "tokens", f"{urls['catalog']}/development-tokens")
        return cls(folder, ports, urls, DevelopmentCA(folder / "pki"), issuer)

    def here(self, service: str) -> str:
        """Return the address of a service on this machine, whatever its public URL is."""
        return f"http://127.0.0.1:{self.ports[service]}"


def settings_of(
    names: Names, dsn: DSN, transport: Transport, kafka: Kafka | None, *, status_ttl_seconds: int
) -> dict[str, ServiceSettings]:
    """Return what each service is told. `dsn`: the database's address for a role; `transport`: by which they follow."""

    def shared(service: str) -> dict[str, Any]:
        return {
            "base_url": names.urls[service],
            "port": names.ports[service],
            "database_dsn": dsn(service),
            "feed_dsns": {owner: dsn(READER) for owner in FOLLOWS[service]},
            "token_issuers": {names.tokens.issuer_url: str(names.tokens.jwks_path)},
            "state_dir": names.folder / service,
            "allow_loopback_http": True,
            "outbound_ca_file": names.ca.root_path,
            "transport": transport,
            **({"kafka": kafka} if kafka else {}),
        }

    anchors, catalog, issuance = names.ca.root_path, names.urls["catalog"], names.urls["issuance"]
    return {
        "registry": RegistrySettings(
            **shared("registry"),
            issuer_base_url=issuance,
            trust_anchors=anchors,
            status_ttl_seconds=status_ttl_seconds,
            publish_seconds=_PUBLISH_SECONDS,
        ),
        "catalog": CatalogSettings(**shared("catalog")),
        "issuance": IssuanceSettings(
            **shared("issuance"), catalog_url=catalog, registry_url=names.urls["registry"], ca_dir=names.ca.folder
        ),
        "verification": VerificationSettings(**shared("verification"), trust_anchors=anchors, catalog_url=catalog),
        "wallet": WalletSettings(**shared("wallet"), anchors_file=anchors),
    }


def apps_of(settings: Mapping[str, ServiceSettings]) -> dict[str, FastAPI]:
    """Return the application of each service; nothing is opened."""
    registry, catalog, issuance, verification, wallet = (settings[name] for name in FOLLOWS)
    assert isinstance(registry, RegistrySettings)
    assert isinstance(catalog, CatalogSettings)
    assert isinstance(issuance, IssuanceSettings)
    assert isinstance(verification, VerificationSettings)
    assert isinstance(wallet, WalletSettings)
    return {
        "registry": registry_app(registry),
        "catalog": catalog_app(catalog),
        "issuance": issuance_app(issuance),
        "verification": verification_app(verification),
        "wallet": wallet_app(wallet),
    }
