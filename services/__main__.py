"""The laptop: all five services in one process on one embedded PostgreSQL; the only file that knows several of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, Self
from uuid import UUID

import typer
import uvloop
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from kompetenspass.core.errors import Problem
from kompetenspass.embedded import environment
from kompetenspass.embedded.pki import DevelopmentCA
from kompetenspass.embedded.pki import Kind as Leaf
from kompetenspass.embedded.ports import kept_ports
from kompetenspass.embedded.postgres import EmbeddedPostgres
from kompetenspass.embedded.provision import READER, provision
from kompetenspass.embedded.servers import asked_to_stop, not_started, serve
from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.keys.file import create_key, load_key, write_private
from kompetenspass.web.cli import runtime_of
from kompetenspass.web.settings import ServiceSettings
from kompetenspass.web.telemetry import configure_logging
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

ROOT = Path(__file__).parent.parent
PILOTS = ROOT / "demo" / "pilots"
FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "registry": ("issuance",),
    "catalog": ("registry",),
    "issuance": ("registry", "catalog"),
    "verification": ("registry", "catalog", "issuance"),
    "wallet": ("issuance", "registry", "catalog"),
}
"""Whose logs each service follows beside its own."""
LEARNER = UUID("6f3d2a51-8a38-4f6e-9d0e-2b7c54b0a001")
"""The account of the demonstration's learner: the same at every start, so that a second start finds its merits."""
_TOKEN_SECONDS = 12 * 3600
_START_SECONDS = 180.0
_GARBAGE = 20_000  # new objects between two collections: a request makes and drops a few thousand
_PUBLISH_SECONDS = 0.5  # so that even a busy laptop publishes a revocation within two seconds

Say = Callable[[str], Any]


class Laptop:
    """Entered, it runs PostgreSQL and the five services, set up and caught up; left, it stops them all.

    Everything it keeps is in `folder`: data, ports, keys, and a development CA and token issuer. For trials only.
    """

    def __init__(self, folder: Path, *, status_ttl_seconds: int = 300, say: Say = print) -> None:
        self.folder = folder.resolve()
        self._status_ttl_seconds = status_ttl_seconds
        self._say = say
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start everything in order. Raises Problem, with its remedy, for what cannot be started."""
        async with AsyncExitStack() as stack:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            postgres = EmbeddedPostgres(self.folder / "postgres")
            stack.push_async_callback(postgres.stop)
            await postgres.start()
            await provision(postgres.admin_dsn())
            self._choose_names()
            self.settings = self._settings(postgres)
            environment.write(self.folder / "environment", self.settings.values())
            self._make_keys()
            apps = self._apps()
            for name, app in apps.items():
                await serve(app, self.settings[name], stack)
            await self._set_up()
            await self._all_caught_up(apps)
            self._stack = stack.pop_all()
        gc.freeze()  # what is loaded by now stays; the collector need not walk it again and again
        gc.set_threshold(_GARBAGE)
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop the services, then PostgreSQL."""
        await self._stack.aclose()

    def token(self, slug: str, role: str) -> str:
        """Return an access token for one organisation in one role."""
        return self.tokens.mint(f"org:{slug}", [role], f"{slug}:{role}", _TOKEN_SECONDS)

    def learner_token(self, account: UUID = LEARNER) -> str:
        """Return an access token for a learner's account in the hosted wallet."""
        return self.tokens.mint("learner", ["learner"], str(account), _TOKEN_SECONDS)

    def _choose_names(self) -> None:
        self.ports = kept_ports(self.folder / "ports.json", FOLLOWS)
        public = environment.PublicURLs()
        self.urls = {name: public.of(name, f"http://127.0.0.1:{port}") for name, port in self.ports.items()}
        self.ca = DevelopmentCA(self.folder / "pki")
        self.tokens = DevelopmentTokenIssuer(self.folder / "tokens", f"{self.urls['catalog']}/development-tokens")

    def _settings(self, postgres: EmbeddedPostgres) -> dict[str, ServiceSettings]:
        def shared(service: str) -> dict[str, Any]:
            return {
                "base_url": self.urls[service],
                "port": self.ports[service],
                "database_dsn": postgres.dsn(service),
                "feed_dsns": {owner: postgres.dsn(READER) for owner in FOLLOWS[service]},
                "token_issuers": {self.tokens.issuer_url: str(self.tokens.jwks_path)},
                "state_dir": self.folder / service,
                "allow_loopback_http": True,
                "outbound_ca_file": self.ca.root_path,
            }

        anchors, catalog, issuance = self.ca.root_path, self.urls["catalog"], self.urls["issuance"]
        return {
            "registry": RegistrySettings(
                **shared("registry"),
                issuer_base_url=issuance,
                trust_anchors=anchors,
                status_ttl_seconds=self._status_ttl_seconds,
                publish_seconds=_PUBLISH_SECONDS,
            ),
            "catalog": CatalogSettings(**shared("catalog")),
            "issuance": IssuanceSettings(
                **shared("issuance"), catalog_url=catalog, registry_url=self.urls["registry"], ca_dir=self.ca.folder
            ),
            "verification": VerificationSettings(**shared("verification"), trust_anchors=anchors, catalog_url=catalog),
            "wallet": WalletSettings(**shared("wallet"), anchors_file=anchors),
        }

    def _apps(self) -> dict[str, FastAPI]:
        registry, catalog, issuance, verification, wallet = self.settings.values()
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

    def _make_keys(self) -> None:
        """Make the keys of status lists and request objects, once, with leaves of the development CA."""
        for service, leaf, name, subject in (
            ("registry", Leaf.STATUS, "status", "Kompetenspass registry (demo)"),
            ("verification", Leaf.REQUEST_OBJECT, "request_object", "Kompetenspass verification (demo)"),
        ):
            folder = self.folder / service
            folder.mkdir(mode=0o700, exist_ok=True)
            chain = folder / f"{name}.chain.pem"
            if not chain.exists():
                chain.write_text(self.ca.issue(leaf, subject, (), _key(folder, name), san_dns=_DNS))

    async def _set_up(self) -> None:
        """Bring a fresh platform to life by the services' own commands, in their order; again is nothing."""
        done = self.folder / "set-up.done"
        if done.exists():
            return
        self._say("First start: organisations, issuer keys, definitions")
        await self._command("registry", "import", str(PILOTS))
        slugs = issuers()
        with self._token_file(slugs) as tokens:
            await self._command("issuance", "keys", "enrol", *slugs, "--token-file", str(tokens))
        await self._command("catalog", "import", str(PILOTS))
        done.touch()

    @contextlib.contextmanager
    def _token_file(self, slugs: list[str]) -> Iterator[Path]:
        """Return a file with each issuer's token, a line each; it is gone after the block."""
        path = self.folder / "issuer-tokens"
        path.unlink(missing_ok=True)
        write_private(path, "\n".join(self.token(slug, "issuer") for slug in slugs).encode())
        yield path
        path.unlink()

    async def _command(self, service: str, *arguments: str) -> None:
        variables = dict(each for settings in self.settings.values() for each in environment.variables(settings))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{service}", *arguments, env=variables, cwd=ROOT
        )
        if await process.wait() != 0:
            raise not_started(f"services.{service} {arguments[0]}")

    async def _all_caught_up(self, apps: Mapping[str, FastAPI]) -> None:
        """Return once every service has read every log that it follows to where it stands now."""
        for app in apps.values():
            runtime = runtime_of(app)
            for owner, feed in runtime.feeds.items():
                if runtime.readers.follows(owner):
                    await runtime.caught_up(owner, await feed.head(), _START_SECONDS)


_DNS = ("localhost",)


def _key(folder: Path, name: str) -> ec.EllipticCurvePublicKey:
    path = folder / f"{name}.key.pem"
    return load_key(path).public_key() if path.exists() else create_key(path)


def issuers() -> list[str]:
    """Return the slugs of the pilots' organisations that issue."""
    content = yaml.safe_load((PILOTS / "00_organisations.yaml").read_text(encoding="utf-8"))
    return [each["slug"] for each in content["organisations"] if "issuer" in each["roles"]]


async def keep_serving(folder: Path) -> None:
    """Run the platform until it is asked to stop."""
    async with Laptop(folder) as laptop:
        asked = asked_to_stop()
        for name, url in laptop.urls.items():
            typer.echo(f"{name:<13} {url}")
        typer.echo("Every key is in this one process: for laptops and trials only. Ctrl-C stops.")
        await asked.wait()


def main(folder: Annotated[Path, typer.Option(help="Where the platform keeps its state.")] = Path(".run")) -> None:
    """Run all five services in this process, on a PostgreSQL of their own."""
    configure_logging()
    try:
        uvloop.run(keep_serving(folder))
    except Problem as problem:
        typer.echo(f"{problem.code}: {problem.title} {problem.remedy}", err=True)
        raise typer.Exit(1) from problem


if __name__ == "__main__":
    typer.run(main)
