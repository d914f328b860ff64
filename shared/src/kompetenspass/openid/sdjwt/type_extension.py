"""A type joined with the types that it extends."""

from __future__ import annotations

from collections.abc import Sequence

from kompetenspass.openid.sdjwt.errors import SDJWTError
from kompetenspass.openid.sdjwt.type_metadata import ClaimMetadata, TypeMetadata


def join_types(chain: Sequence[TypeMetadata]) -> TypeMetadata:
    """Return the effective type of `chain`: the credential's own type, then each type that the one before extends.

    Claims are inherited, and overridden path by path; a display of the type's own stands alone.
    Raises SDJWTError `type_metadata_malformed` for an empty or circular chain, a chain that stops early or does not
    follow `extends`, or a type that loosens `sd` or `mandatory`. Source: SD-JWT VC, sections 5.4, 5.5.2 and 5.6.5.
    """
    names = [metadata.vct for metadata in chain]
    links = [metadata.extends for metadata in chain]
    if not chain or len(set(names)) != len(names) or links != [*names[1:], None]:
        raise _malformed("The types do not extend one another in this order.")
    joined = chain[-1]
    for child in reversed(chain[:-1]):
        joined = _join(joined, child)
    return joined


def _join(base: TypeMetadata, child: TypeMetadata) -> TypeMetadata:
    claims = {claim.path: claim for claim in base.claims}
    for claim in child.claims:
        held = claims.get(claim.path)
        claims[claim.path] = claim if held is None else _override(held, claim)
    display = child.display or base.display
    return child.model_copy(
        update={"extends": None, "extends_integrity": None, "claims": tuple(claims.values()), "display": display}
    )


def _override(held: ClaimMetadata, claim: ClaimMetadata) -> ClaimMetadata:
    joined = held.model_copy(update={name: getattr(claim, name) for name in claim.model_fields_set})
    if held.sd != "allowed" and joined.sd != held.sd:
        raise _malformed("A type changes what the type it extends says of selective disclosure.")
    if held.mandatory and not joined.mandatory:
        raise _malformed("A type makes a mandatory claim of the type it extends optional.")
    return joined


def _malformed(title: str) -> SDJWTError:
    return SDJWTError("type_metadata_malformed", title)
