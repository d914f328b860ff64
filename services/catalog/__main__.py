"""`python -m services.catalog`: serve, or one of the catalog's commands."""

from services.catalog.cli import cli

if __name__ == "__main__":
    cli()
