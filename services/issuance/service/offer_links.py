"""Links of offers: references and codes that nobody can guess, and the URIs that lead a wallet to an offer."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from kompetenspass.core.digest import b64u
from kompetenspass.core.ids import random_digits, random_token
from kompetenspass.events.issuance import CredentialOffered
from kompetenspass.openid.oid4vci.offer import (
    CredentialOffer,
    TxCode,
    offer_uri_by_reference,
    offer_uri_by_value,
    pre_authorized_offer,
)
from services.issuance.service.ports import Keys, OfferRow, Profile

TX_CODE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer. Its URIs and its transaction code are told to whoever made it and are nowhere else."""

    offer_id: UUID
    credential_id: UUID
    by_value: str = field(repr=False)
    by_reference: str = field(repr=False)
    offer_url: str = field(repr=False)
    tx_code: str | None = field(repr=False)
    expires_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Secrets:
    """What an offer is fetched with."""

    reference: str = field(repr=False)
    code: str = field(repr=False)
    tx_code: str | None = field(default=None, repr=False)


class Links:
    """Makes the secrets of offers and what is told and stored of them; a code follows from its reference."""

    def __init__(self, keys: Keys, profile: Profile) -> None:
        self._keys = keys
        self._profile = profile

    def fresh(self, *, tx_code: bool) -> Secrets:
        """Return secrets that are told once: they are stored as hashes only."""
        reference = random_token(32)
        return Secrets(reference, self._code(reference), random_digits(TX_CODE_DIGITS) if tx_code else None)

    def kept(self, offer_id: UUID) -> Secrets:
        """Return secrets that follow from the offer's id, so that they can be told again while it is open."""
        reference = b64u(hmac.digest(self._keys.offer, f"reference {offer_id}".encode(), hashlib.sha256))
        return Secrets(reference, self._code(reference))

    def url(self, reference: str) -> str:
        """Return where an offer lies: the `credential_offer_uri`."""
        return f"{self._profile.base_url}/offers/{reference}"

    def row(self, offered: CredentialOffered, slug: str, secrets: Secrets) -> OfferRow:
        """Return what is stored of an offer."""
        return OfferRow(
            offer_id=offered.offer_id,
            credential_id=offered.credential_id,
            learner_ref=offered.learner_ref,
            issuer_org=offered.issuer_org,
            slug=slug,
            configuration_id=offered.definition_id,
            reference_hash=hashed(secrets.reference),
            code_hash=hashed(secrets.code),
            tx_hash=tx_code_hash(self._keys.tx_code, secrets.code, secrets.tx_code) if secrets.tx_code else None,
            expires_at=offered.offer_expires_at,
        )

    def told(self, row: OfferRow, secrets: Secrets, position: int = 0) -> Offered:
        """Return what whoever makes an offer, or asks for it again, is told."""
        url = self.url(secrets.reference)
        return Offered(
            offer_id=row.offer_id,
            credential_id=row.credential_id,
            by_value=offer_uri_by_value(self.document(row, secrets.reference)),
            by_reference=offer_uri_by_reference(url),
            offer_url=url,
            tx_code=secrets.tx_code,
            expires_at=row.expires_at,
            position=position,
        )

    def document(self, row: OfferRow, reference: str) -> CredentialOffer:
        """Return the credential offer. Source: OpenID4VCI, section 4.1."""
        needed = TxCode(input_mode="numeric", length=TX_CODE_DIGITS) if row.tx_hash is not None else None
        issuer = self._profile.issuer(row.slug)
        return pre_authorized_offer(issuer, [row.configuration_id], self._code(reference), needed)

    def _code(self, reference: str) -> str:
        """Return the pre-authorized code of a reference: so neither has to be stored to tell the offer again."""
        return b64u(hmac.digest(self._keys.offer, reference.encode(), hashlib.sha256))


def tx_code_hash(key: bytes, code: str, tx_code: str) -> bytes:
    """Return what is stored of a transaction code: an HMAC, bound to its pre-authorized code."""
    return hmac.digest(key, f"{code}\n{tx_code}".encode(), hashlib.sha256)


def hashed(secret: str) -> bytes:
    """Return what is stored of a reference or a code."""
    return hashlib.sha256(secret.encode()).digest()
