"""The history of issuance's durable tables."""
