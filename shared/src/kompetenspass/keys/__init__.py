"""Keys that sign and are never shown."""
