"""The registry's use cases: organisations and their keys, status lists, the status of credentials."""
