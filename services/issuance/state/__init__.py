"""Durable protocol state: offers in flight, tokens, spent nonces, leased and used indices."""

from services.issuance.state.store import State

__all__ = ["State"]
