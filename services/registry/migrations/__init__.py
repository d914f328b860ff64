"""The history of the registry's durable tables."""
