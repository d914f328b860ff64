"""Append-only logs: what they promise, how a command appends, how a reader follows."""
