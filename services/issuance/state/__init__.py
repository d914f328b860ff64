"""Durable protocol state: offers in flight, tokens, nonces, leased and used indices, reassessments that are due."""

from services.issuance.state.reassessments import Reassessments
from services.issuance.state.store import State
from services.issuance.state.turns import Turns

__all__ = ["Reassessments", "State", "Turns"]
