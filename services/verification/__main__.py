"""`python -m services.verification`: serve, or one of its commands."""

from services.verification.cli import cli

if __name__ == "__main__":
    cli()
