"""What a wallet checks of a credential before it accepts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from kompetenspass.core.errors import Problem
from kompetenspass.openid import jose, sdjwt
from kompetenspass.openid.status import Reference, read_reference


@dataclass(frozen=True, slots=True)
class Receipt:
    """A credential whose signature, chain, type and key held; its type metadata and status are yet to be judged."""

    digest: str
    vct: str
    integrity: str | None
    status: Reference | None
    verified: sdjwt.VerifiedSDJWT = field(repr=False)


def examine(
    compact: str,
    *,
    issuer: str,
    vct: str | None,
    holder_jwk: Mapping[str, object],
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> Receipt:
    """Return the receipt of a credential that `issuer` signed for our key.

    Raises Problem: what jose and sdjwt raise, `credential_refused` for another issuer, type or holder key.
    Source: OpenID4VCI, section 8.3; SD-JWT VC, sections 2.4 and 2.5.
    """
    header = sdjwt.parse_header(compact)
    leaf = jose.verify_chain(jose.header_x5c(header), anchors, now, san_uri=issuer)
    verified = sdjwt.verify(compact, issuer_key=jose.leaf_key(leaf), now=now)
    sdjwt.refuse_kb(verified)
    claims = verified.claims
    if claims.get("iss") != issuer:
        raise refused("The credential names another issuer.")
    if vct is not None and claims["vct"] != vct:
        raise refused("The credential is of another type than was offered.")
    if jose.thumbprint(jose.jwk_of(sdjwt.holder_key(verified))) != jose.thumbprint(holder_jwk):
        raise refused("The credential is bound to another key.")
    integrity = claims.get("vct#integrity")
    return Receipt(
        digest=verified.digest,
        vct=str(claims["vct"]),
        integrity=integrity if isinstance(integrity, str) else None,
        status=read_reference(claims),
        verified=verified,
    )


def check_type(receipt: Receipt, document: bytes) -> None:
    """Return if the type's document is the one that the credential means, and the credential keeps its rules.

    Raises SDJWTError. Source: SD-JWT VC, sections 4 and 5.
    """
    metadata = sdjwt.read_type_metadata(document, vct=receipt.vct, integrity=receipt.integrity)
    sdjwt.check_type(metadata, receipt.verified)


def refused(title: str) -> Problem:
    """Return the refusal of what an issuer sent."""
    return Problem("credential_refused", title, remedy="Ask the issuer; nothing was stored.")
