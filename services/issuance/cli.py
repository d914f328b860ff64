"""The commands of issuance: those of every service, the enrolment of keys, and forgetting a learner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kompetenspass.core.clock import system_clock
from kompetenspass.core.errors import Problem
from kompetenspass.embedded.pki import DevelopmentCA, Kind
from kompetenspass.keys.folder import SignerFolder
from kompetenspass.web.cli import read_settings, run, service_cli
from kompetenspass.web.runtime import outbound_of
from kompetenspass.web.statements import Statements
from services.issuance.app import create_app, issuer_keys, profile_of
from services.issuance.clients import RegistryClient
from services.issuance.service.enrolment import Certify, Enrolment
from services.issuance.settings import Settings
from services.issuance.vault import MasterKey, Vault

cli = service_cli(create_app, Settings)
keys = typer.Typer(no_args_is_help=True, help="The keys that credentials are signed with.")
vault = typer.Typer(no_args_is_help=True, help="What is kept of learners.")
cli.add_typer(keys, name="keys")
cli.add_typer(vault, name="vault")


@keys.command("enrol")
def enrol_command(
    organisations: Annotated[list[str], typer.Argument(help="Organisations, by org_id or by slug.")],
    token: Annotated[list[str] | None, typer.Option(help="Access token with the role issuer; one per ORG.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="A file with the tokens, one a line.")] = None,
) -> None:
    """Make a key for each organisation, have it certified, register it at the registry. Repeating does no harm."""
    tokens = token or (token_file.read_text().split() if token_file else [])
    if len(tokens) != len(organisations):
        typer.echo("There must be one --token, or one line of --token-file, for each organisation.", err=True)
        raise typer.Exit(2)
    settings = read_settings(Settings)
    for organisation, its_token in zip(organisations, tokens, strict=True):
        org_id = organisation if ":" in organisation else f"org:{organisation}"
        typer.echo(f"{org_id} {run(enrol(settings, org_id, its_token))}")


async def enrol(settings: Settings, org_id: str, token: str) -> str:
    """Return the kid of the organisation's key, made, certified and registered. Raises Problem."""
    async with outbound_of(settings) as http:
        enrolment = Enrolment(
            RegistryClient(http, settings.registry_url),
            SignerFolder(issuer_keys(settings)),
            _certify(settings),
            profile_of(settings).issuer,
            system_clock,
        )
        return await enrolment.enrol(org_id, token)


@vault.command("shred")
def shred_command(learner_ref: str) -> None:
    """Destroy the key of a learner's personal data, for good. The log stays whole and says nothing about them."""
    settings = read_settings(Settings)
    typer.echo("destroyed" if run(shred(settings, learner_ref)) else "there was no key")


async def shred(settings: Settings, learner_ref: str) -> bool:
    """Return whether there was a key, which now is destroyed."""
    statements = Statements(settings.database_dsn, settings.service)
    try:
        return await Vault(statements, MasterKey(settings.state_dir / "vault.key")).shred(learner_ref)
    finally:
        await statements.close()


def _certify(settings: Settings) -> Certify:
    if settings.ca_dir is None:
        raise Problem("no_ca", "No CA is configured.", remedy="Set KOMPETENSPASS_ISSUANCE_CA_DIR.")
    authority = DevelopmentCA(settings.ca_dir)
    return lambda name, issuer, public_key: authority.issue(Kind.ISSUER, name, (issuer,), public_key)
