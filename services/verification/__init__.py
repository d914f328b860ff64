"""verification decides whether a presentation holds.

It owns the requests it makes of wallets, the policies and the verdicts with their reasons. It never holds a
credential after the verdict.
"""
