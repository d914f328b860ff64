"""The published language: every event of the platform, one owner per file."""
