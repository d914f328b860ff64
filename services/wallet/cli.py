"""The wallet's commands: what every service has, and forgetting an account."""

from __future__ import annotations

from uuid import UUID

import typer

from kompetenspass.core.clock import system_clock
from kompetenspass.web.cli import read_settings, run, runtime_of, service_cli
from services.wallet.app import KEK_FILE, create_app
from services.wallet.settings import Settings
from services.wallet.vault import Vault

cli = service_cli(create_app, Settings)


@cli.command()
def forget(account_id: UUID) -> None:
    """Destroy an account's key, so that its keys and credentials can never be read again; the log stays whole."""
    settings = read_settings(Settings)
    runtime = runtime_of(create_app(settings))

    async def forgotten() -> None:
        async with runtime.maintained():
            await Vault(runtime.engine, settings.state_dir / KEK_FILE, system_clock).forget(account_id)

    run(forgotten())
    typer.echo("forgotten")
