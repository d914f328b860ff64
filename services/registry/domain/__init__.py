"""The registry's decisions as pure functions: organisations, status lists, the status of credentials."""
