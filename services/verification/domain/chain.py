"""The certificate chain that came with a signature: what it says, and between which moments it is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from kompetenspass.openid import jose
from kompetenspass.openid.oid4vp import dcql


@dataclass(frozen=True, slots=True)
class Chain:
    """What an `x5c` header says: nothing is trusted by that."""

    x5c: tuple[str, ...]
    certificates: tuple[x509.Certificate, ...]
    key: jose.PublicKey
    thumbprint: str


@dataclass(frozen=True, slots=True)
class Trusted:
    """A chain that leads to a trust anchor, and holds from `since` until `until`, both included."""

    key: jose.PublicKey
    uris: frozenset[str]
    authority_key_ids: frozenset[str]
    since: datetime
    until: datetime


def read(x5c: object) -> Chain:
    """Return what an `x5c` header says, the leaf's key first of all. Raises JoseError `bad_x5c`."""
    certificates = tuple(jose.read_x5c(x5c))
    key = jose.leaf_key(certificates[0])
    assert isinstance(x5c, list)  # else it could not be read
    return Chain(tuple(x5c), certificates, key, jose.thumbprint(jose.jwk_of(key)))


def trusted(chain: Chain, anchors: Sequence[x509.Certificate], at: datetime) -> Trusted:
    """Return the chain if it leads to one of `anchors` and holds at a moment. Raises as `jose.verify_chain`.

    Its time is that of all its certificates and of every anchor that may have signed it; all else that is verified
    does not change with the moment.
    """
    leaf = jose.verify_chain(list(chain.x5c), anchors, at)
    above = [anchor for anchor in anchors if anchor.subject == chain.certificates[-1].issuer]
    held = (*chain.certificates, *above)
    return Trusted(
        key=chain.key,
        uris=frozenset(jose.san_uris(leaf)),
        authority_key_ids=dcql.authority_key_ids(chain.certificates),
        since=max(each.not_valid_before_utc for each in held),
        until=min(each.not_valid_after_utc for each in held),
    )
