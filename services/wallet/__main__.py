"""`python -m services.wallet`: the wallet alone."""

from services.wallet.cli import cli

if __name__ == "__main__":
    cli()
