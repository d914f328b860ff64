"""Partitions that left the database for files: written and verified, detached, read where they are, attached again."""
