"""What the registry states: who may act, and whether a credential still holds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from kompetenspass.events.base import Event, Value, partner, public

RevocationReason = Literal[
    "issued_in_error", "fraud", "achievement_voided", "holder_request", "key_compromise", "issuer_ended", "superseded"
]


class StatusRef(Value):
    """One copy of a credential: the digest of its Issuer-signed JWT (SHA-256, base64url) and its status entry."""

    digest: str
    status_uri: str = partner()
    index: int = partner()


class Scope(Value):
    """What a role covers; an empty list covers everything of its kind."""

    fields: tuple[str, ...] = public(default=())
    regions: tuple[str, ...] = public(default=())
    definitions: tuple[str, ...] = public(default=())

    def covers(self, definition_id: str, fields: Collection[str], region: str | None) -> bool:
        """Return whether the role reaches a definition: its id, its field codes, its region (None: it has none)."""
        return (
            (not self.fields or any(code in fields for code in self.fields))
            and (not self.regions or region in self.regions)
            and (not self.definitions or definition_id in self.definitions)
        )


EVERYTHING = Scope()
"""The scope of a role without bounds."""


class OrganisationRegistered(Event):
    """An organisation became known. `slug` is its part of the issuer identifier, fixed for life."""

    type: ClassVar[str] = "registry.OrganisationRegistered.v1"
    org_id: str = public()
    legal_name: dict[str, str] = public()
    slug: str = public()
    registration_no: str = public()
    country: str = public()
    region: str | None = public(default=None)
    parent: str | None = public(default=None)
    mandate_ref: str | None = public(default=None)


class RoleGranted(Event):
    """An organisation may act in `role` from `valid_from` until `valid_to` (None: until withdrawn)."""

    type: ClassVar[str] = "registry.RoleGranted.v1"
    org_id: str = public()
    role: str = public()
    scope: Scope = public(default=EVERYTHING)
    mandate_ref: str = public()
    granted_by: str = public()
    valid_from: datetime = public()
    valid_to: datetime | None = public(default=None)


class RoleWithdrawn(Event):
    """An organisation may no longer act in `role` from `withdrawn_from` on."""

    type: ClassVar[str] = "registry.RoleWithdrawn.v1"
    org_id: str = public()
    role: str = public()
    withdrawn_from: datetime = public()
    reason_code: str = public()


class IssuerKeyRegistered(Event):
    """An organisation proved possession of a key; its leaf certificate names `issuer` as SAN URI."""

    type: ClassVar[str] = "registry.IssuerKeyRegistered.v1"
    org_id: str = public()
    issuer: str = public()
    kid: str = public()
    purpose: Literal["credential_signing"] = public()
    jwk: dict[str, Any] = public()
    jwk_thumbprint: str = public()
    x5c: tuple[str, ...] = public()
    valid_from: datetime = public()
    valid_to: datetime = public()


class IssuerKeyCompromised(Event):
    """Nothing issued with this key at or after `compromised_since` is to be trusted."""

    type: ClassVar[str] = "registry.IssuerKeyCompromised.v1"
    org_id: str = public()
    kid: str = public()
    compromised_since: datetime = public()


class AssessorAuthorised(Event):
    """An assessor (a reference, never a name) may assess in `fields` (ISCED-F codes; empty: all) for `org_id`."""

    type: ClassVar[str] = "registry.AssessorAuthorised.v1"
    org_id: str = partner()
    assessor_ref: str
    fields: tuple[str, ...] = partner()
    basis: Literal["founding_decision", "stack_award", "rpl"]
    decision_ref: str
    valid_from: datetime = partner()
    valid_to: datetime | None = partner(default=None)


class AssessorWithdrawn(Event):
    """An assessor may no longer assess from `withdrawn_from` on."""

    type: ClassVar[str] = "registry.AssessorWithdrawn.v1"
    org_id: str = partner()
    assessor_ref: str
    withdrawn_from: datetime = partner()


class StatusListOpened(Event):
    """A status list for the credentials of one issuer: `size` entries of `bits` bits, all VALID."""

    type: ClassVar[str] = "registry.StatusListOpened.v1"
    list_id: UUID = public()
    uri: str = public()
    issuer_org: str = public()
    issuer: str = public()
    size: int = public()
    bits: Literal[1, 2] = public()
    ttl_seconds: int = public()


class CredentialSuspended(Event):
    """A cause to hold a credential suspended was added: its entries in status lists say SUSPENDED.

    `causes` is the whole set after it; `lapsed` are the constituents for which an award was suspended.
    """

    type: ClassVar[str] = "registry.CredentialSuspended.v1"
    credential_id: UUID
    copies: tuple[StatusRef, ...] = partner()
    cause: str
    causes: tuple[str, ...]
    reason_code: str
    lapsed: tuple[UUID, ...] = ()


class CredentialReinstated(Event):
    """A cause to hold a credential suspended was cleared; it is valid again once `causes`, the set after it, is empty.

    Who does not see `causes` reads the status list, which says whether the entries are VALID again.
    """

    type: ClassVar[str] = "registry.CredentialReinstated.v1"
    credential_id: UUID
    copies: tuple[StatusRef, ...] = partner()
    cause: str
    causes: tuple[str, ...]
    reason_code: str


class CredentialRevoked(Event):
    """A credential is over, for good: its entries say INVALID. `void_ab_initio`: it never should have been."""

    type: ClassVar[str] = "registry.CredentialRevoked.v1"
    credential_id: UUID
    copies: tuple[StatusRef, ...] = partner()
    reason_code: RevocationReason
    effective_from: datetime
    void_ab_initio: bool


class CredentialExpired(Event):
    """The own `date_of_expiry` of a credential's merit has passed (not the technical lifetime of a token)."""

    type: ClassVar[str] = "registry.CredentialExpired.v1"
    credential_id: UUID
    copies: tuple[StatusRef, ...] = partner()
    at: datetime
