"""The commands of verification: those that every service has."""

from kompetenspass.web.cli import service_cli
from services.verification.app import create_app
from services.verification.settings import Settings

cli = service_cli(create_app, Settings)
