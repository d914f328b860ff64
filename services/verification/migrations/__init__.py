"""The history of verification's durable tables."""
