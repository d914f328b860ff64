"""A learner's account: which copies it holds, and to whom it showed them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kompetenspass.core.errors import not_found
from kompetenspass.events.base import Event
from kompetenspass.events.wallet import CredentialPresented, CredentialReceived


@dataclass(frozen=True, slots=True)
class Account:
    """The digests of the copies that the account holds."""

    digests: frozenset[str] = frozenset()


def stream_of(account_id: UUID) -> str:
    """Return the name of the account's stream."""
    return f"account-{account_id}"


def evolve(account: Account, event: Event) -> Account:
    """Return the account after `event`; events of other kinds change nothing."""
    match event:
        case CredentialReceived(digest=digest):
            return replace(account, digests=account.digests | {digest})
        case _:
            return account


def receive(account: Account, account_id: UUID, *, digest: str, issuer: str) -> Sequence[Event]:
    """Return what happens when a verified copy comes in; nothing if it is held already."""
    if digest in account.digests:
        return ()
    return (CredentialReceived(account_id=account_id, digest=digest, issuer=issuer),)


def present(account: Account, account_id: UUID, *, digests: Sequence[str], verifier: str) -> Sequence[Event]:
    """Return what happens when copies are shown. Raises Problem `not_found` for one that the account does not hold."""
    if not account.digests.issuperset(digests):
        raise not_found("credential")
    shown = dict.fromkeys(digests)
    return tuple(CredentialPresented(account_id=account_id, digest=digest, verifier=verifier) for digest in shown)
