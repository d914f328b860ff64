"""What the use cases need of the world: Facts, State, Signers; and the values that pass between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from kompetenspass.events.envelope import Context
from kompetenspass.keys.api import Signer
from services.issuance.domain.authority import Authorisation, Definition, Organisation, Right
from services.issuance.domain.credential import Status, WithdrawalCause
from services.issuance.service.stacking_ports import PublishedPathway
from services.issuance.service.vault_ports import SealedEntry

Outcome = Literal[
    "used", "wrong_tx_code", "burnt", "tx_code_missing", "tx_code_unexpected", "details_unknown", "refused"
]
"""What became of a pre-authorized code that was sent."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who commands: an organisation in its token's roles, and the context for the events that follow."""

    org: str
    roles: frozenset[str]
    context: Context


@dataclass(frozen=True, slots=True)
class Profile:
    """How this issuer speaks: identifiers and lifetimes, all from the settings."""

    base_url: str
    vct: str
    vct_integrity: str
    offer_lifetime: timedelta
    token_lifetime: timedelta
    nonce_lifetime: timedelta
    credential_lifetime: timedelta
    batch_size: int = 1

    def issuer(self, slug: str) -> str:
        """Return the issuer identifier of an organisation: character for character what all metadata name."""
        return f"{self.base_url}/issuers/{slug}"


@dataclass(frozen=True, slots=True)
class OfferRow:
    """An offer in flight. Codes and references are there as hashes only."""

    offer_id: UUID
    credential_id: UUID
    learner_ref: str
    issuer_org: str
    slug: str
    configuration_id: str
    reference_hash: bytes
    code_hash: bytes
    tx_hash: bytes | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What redeeming a code came to; `used` is the one that gives a token."""

    outcome: Outcome
    offer_id: UUID | None = None
    credential_id: UUID | None = None
    configuration_id: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token is for: one offer of one issuer. `identifiers`: the token response named them.

    `learner_key`: the learner's data key, wrapped, as it is now; None once it is destroyed.
    """

    offer_id: UUID
    credential_id: UUID
    learner_ref: str
    issuer_org: str
    slug: str
    configuration_id: str
    identifiers: bool
    notified: str | None
    learner_key: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of counters of one status list, leased to this process: `start` up to but not `end`."""

    list_id: UUID
    uri: str
    size: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StatusList:
    """A status list that the registry opened for one of our issuers; `position` is its place in the registry's log."""

    list_id: UUID
    uri: str
    issuer_org: str
    size: int
    position: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """A published definition or pathway as the issuer metadata shows it: the newest title in each language."""

    id: str
    title: Mapping[str, str]
    description: Mapping[str, str]


class Keys(Protocol):
    """Secret keys of the service, each for one use, all derived from the vault's master key."""

    @property
    def nonce(self) -> bytes:
        """For the tag of a c_nonce."""

    @property
    def offer(self) -> bytes:
        """For the pre-authorized code of an offer's reference."""

    @property
    def tx_code(self) -> bytes:
        """For what is stored of transaction codes."""

    @property
    def notification(self) -> bytes:
        """For notification ids."""

    @property
    def permutation(self) -> bytes:
        """For the permutation of each status list."""


class Facts(Protocol):
    """What registry and catalog have stated, and what our own stream of events adds up to, as last projected."""

    async def require_heard(self) -> None:
        """Raise Problem `facts_stale` when the facts were checked too long ago."""

    async def require_fresh(self) -> None:
        """Raise Problem `facts_stale` when the facts were checked too long ago; forget what has changed since."""

    async def refresh(self) -> None:
        """Forget what was remembered if the facts have changed since."""

    async def definition(self, definition_id: str) -> Definition | None:
        """Return the newest published version."""

    async def definition_version(self, digest: str) -> Definition | None:
        """Return the version that the digest names."""

    async def organisations(self, *org_ids: str) -> Mapping[str, Organisation]:
        """Return those that are known, with their roles and keys."""

    async def issuer(self, slug: str) -> Organisation | None:
        """Return the organisation of an issuer identifier."""

    async def rights(self, definition_id: str) -> Sequence[Right]:
        """Return the issuing rights that were granted for a definition."""

    async def authorisations(self, assessor_ref: str) -> Sequence[Authorisation]:
        """Return what an assessor is authorised for."""

    async def achieved(self, learner_ref: str) -> frozenset[str]:
        """Return the definitions of the learner's confirmed achievements."""

    async def part_of(self, named: str, kind: Literal["definition", "pathway"] = "definition") -> Sequence[str]:
        """Return the URNs of the published pathways that name the definition or pathway, sorted."""

    async def pathway_version(self, digest: str) -> PublishedPathway | None:
        """Return the version of a pathway that the digest names."""

    async def stack_of_credential(self, credential_id: UUID) -> UUID | None:
        """Return the award that the credential proves, None when it proves none."""

    async def configurations(self, issuer: Organisation, at: datetime) -> Sequence[Configuration]:
        """Return what an issuer's metadata offers at that moment, sorted by id.

        Every definition that it owns or has an issuing right for, within its role, and every pathway that it awards.
        """

    async def status(self, credential_id: UUID) -> Status | None:
        """Return what the registry says of a credential, None before it said anything.

        The same look forgets what was remembered if the facts have changed since.
        """


class State(Protocol):
    """Durable state of the protocols; every method is one transaction."""

    async def open_achievement(
        self, learner_ref: str, definition_id: str, route: str, achievement_id: UUID, now: datetime
    ) -> UUID:
        """Take the place of the one open achievement; return which achievement has it now."""

    async def close_achievement(self, achievement_id: UUID) -> None:
        """Give the place up."""

    async def openings_before(self, moment: datetime, now: datetime, limit: int) -> Sequence[UUID]:
        """Return achievements whose place was last looked at before `moment`, and note that it is looked at now."""

    async def add_offer(self, offer: OfferRow) -> None:
        """Keep a new offer; a repeat changes nothing."""

    async def offer_by_reference(self, reference_hash: bytes, now: datetime) -> OfferRow | None:
        """Return an offer that may still be used."""

    async def offer(self, offer_id: UUID) -> OfferRow | None:
        """Return an offer, whatever became of it."""

    async def redeem(
        self, *, slug: str, code_hash: bytes, tx_hash: bytes | None, token_hash: bytes,
        asked: Sequence[str] | None, now: datetime, token_ends: datetime,
    ) -> Redeemed:  # fmt: skip
        """Use a code, once, and keep the token; or count a wrong transaction code.

        `asked` are the configurations that the request named, None when it named none.
        """

    async def withdraw_offer(self, offer_id: UUID, cause: WithdrawalCause) -> None:
        """Let nobody use the offer any more."""

    async def settle_offer(self, offer_id: UUID) -> None:
        """Note that the log has said what became of the offer."""

    async def unsettled_offers(self, now: datetime, limit: int) -> Sequence[tuple[UUID, UUID, WithdrawalCause]]:
        """Return offer, credential and cause of those that are over while the log may not have said so."""

    async def access(self, token_hash: bytes, now: datetime) -> Access | None:
        """Return what a live token is for."""

    async def spend(
        self, nonces: Mapping[bytes, datetime], indices: Sequence[tuple[str, int]], owner: UUID, keys: SealedEntry
    ) -> bool:
        """Spend nonces, take indices for a credential, and keep the holder's keys in the vault: all or nothing.

        False when a nonce was spent before.
        """

    async def note_notification(self, offer_id: UUID, event: str) -> None:
        """Keep what the wallet said of what it got."""

    async def open_list(self, opened: StatusList) -> None:
        """Keep a status list to lease indices from; a repeat changes nothing."""

    async def lease_indices(self, issuer_org: str, count: int) -> Block | None:
        """Return the next counters of the issuer's oldest list that has any left; None when none has."""

    async def sweep(self, now: datetime) -> None:
        """Forget tokens and nonces that are over."""


class Signers(Protocol):
    """The issuers' keys, by slug."""

    def of(self, slug: str) -> Signer:
        """Return the signer. Raises Problem `no_issuer_key`."""
