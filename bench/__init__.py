"""Measurements of the platform: `python -m bench CASE`. Every figure is printed with what it depends on."""
