"""`python -m services.issuance`: serve, migrate, keys, vault, replay, parked."""

from services.issuance.cli import cli

if __name__ == "__main__":
    cli()
