"""The environment that Alembic runs in, the same for every service."""
