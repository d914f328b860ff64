"""The history of the catalog's durable tables."""
