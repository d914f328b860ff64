"""Whoever uses a running platform: HTTP, a wallet, the offices, many of them at once, and who judges what they got."""
