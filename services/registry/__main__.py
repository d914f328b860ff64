"""`python -m services.registry`: serve, migrate, import, replay, parked."""

from services.registry.cli import cli

if __name__ == "__main__":
    cli()
