"""Requests, checks and verdicts. Pure: arguments in, values out."""
