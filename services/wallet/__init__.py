"""The wallet decides what the learner sees and shares.

It owns learner accounts, the timeline projected from the logs, and the hosted wallet's own keys and credentials.
It must never hold an issuer's key.
"""
