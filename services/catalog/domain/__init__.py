"""Definitions and pathways: documents, the rules for them, and how they change. Pure: arguments in, values out."""
