"""SD-JWT VC type metadata: the document, its integrity, and a credential held against it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Set
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kompetenspass.openid.jose.encoding import strict_json
from kompetenspass.openid.sdjwt.errors import SDJWTError
from kompetenspass.openid.sdjwt.paths import Path, select_places
from kompetenspass.openid.sdjwt.process import UNDISCLOSED, Processed
from kompetenspass.openid.sdjwt.verify import VerifiedSDJWT

Step = Annotated[str | Annotated[int, Field(ge=0, strict=True)] | None, Field(union_mode="left_to_right")]


class _Wire(BaseModel):
    """Unknown members are kept out and ignored. Source: SD-JWT VC, section 5.2."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class TypeDisplay(_Wire):
    """How the type is shown in one language. Source: SD-JWT VC, section 5.5."""

    locale: str
    name: str
    description: str | None = None
    rendering: dict[str, Any] | None = None


class ClaimDisplay(_Wire):
    """How a claim is shown in one language. Source: SD-JWT VC, section 5.6.2."""

    locale: str
    label: str
    description: str | None = None


class ClaimMetadata(_Wire):
    """What a type says of one claim, or of the claims that one path selects. Source: SD-JWT VC, section 5.6."""

    path: Annotated[tuple[Step, ...], Field(min_length=1)]
    display: tuple[ClaimDisplay, ...] = ()
    mandatory: bool = False
    sd: Literal["always", "allowed", "never"] = "allowed"
    svg_id: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None


class TypeMetadata(_Wire):
    """The type metadata document. Source: SD-JWT VC, section 5.2."""

    vct: Annotated[str, Field(min_length=1)]
    name: str | None = None
    description: str | None = None
    extends: str | None = None
    extends_integrity: Annotated[str | None, Field(alias="extends#integrity")] = None
    display: tuple[TypeDisplay, ...] = ()
    claims: tuple[ClaimMetadata, ...] = ()

    @cached_property
    def members(self) -> Members:
        """What it says of members of the credential itself, by their names."""
        alone = [(claim.path[0], claim) for claim in self.claims if len(claim.path) == 1]
        return Members({name: claim for name, claim in alone if isinstance(name, str)})

    @cached_property
    def others(self) -> tuple[ClaimMetadata, ...]:
        """What it says of what stands deeper, and whatever else `members` does not hold."""
        members = {id(claim) for claim in self.members.claims.values()}
        return tuple(claim for claim in self.claims if id(claim) not in members)


class Members:
    """Rules for members of the credential itself, so that one look tells of all of them whether they are kept."""

    def __init__(self, claims: Mapping[str, ClaimMetadata]) -> None:
        self.claims = claims
        self._mandatory = frozenset(name for name, claim in claims.items() if claim.mandatory)
        self._always = frozenset(name for name, claim in claims.items() if claim.sd == "always")
        self._never = frozenset(name for name, claim in claims.items() if claim.sd == "never")

    def check(self, processed: Processed) -> None:
        """Raise SDJWTError `type_rule_broken` unless every rule is kept. Source: SD-JWT VC, section 5.6."""
        there = processed.as_issued.keys()
        hidable = {path[0] for path in processed.disclosed if len(path) == 1}
        if not processed.hidden:
            self._refuse(self._mandatory - there, "is mandatory and was not included")
        self._refuse((self._always & there) - hidable, "must be selectively disclosable")
        self._refuse(self._never & hidable, "must not be selectively disclosable")

    def _refuse(self, names: Set[str], rule: str) -> None:
        for name in names:
            raise _broken(self.claims[name], rule)


_ALGORITHMS = {"sha256": 1, "sha384": 2, "sha512": 3}


def verify_integrity(document: bytes, integrity: str) -> bytes:
    """Return `document` if its bytes are those that `integrity` names: the strongest supported digest decides.

    Raises SDJWTError `type_metadata_mismatch`, also where no algorithm is supported. Source: SD-JWT VC, section 6.
    """
    named = [item.split("?")[0].partition("-") for item in integrity.split()]
    known = [(name, digest) for name, _, digest in named if name in _ALGORITHMS]
    strongest = max((_ALGORITHMS[name] for name, _ in known), default=0)
    for name, digest in known:
        if _ALGORITHMS[name] == strongest and _digest_equals(document, name, digest):
            return document
    raise SDJWTError("type_metadata_mismatch", "The document is not the one that the integrity value names.")


def _digest_equals(document: bytes, name: str, digest: str) -> bool:
    try:
        expected = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hashlib.new(name, document).digest(), expected)


def read_type_metadata(document: bytes, *, vct: str, integrity: str | None = None) -> TypeMetadata:
    """Return the type metadata in `document`, which must describe `vct` and have the bytes that `integrity` names.

    Raises SDJWTError `type_metadata_mismatch`, `type_metadata_malformed`. Source: SD-JWT VC, sections 5.3 and 6.
    """
    if integrity is not None:
        verify_integrity(document, integrity)
    try:
        metadata = TypeMetadata.model_validate(strict_json(document))
    except (ValueError, ValidationError) as error:
        raise SDJWTError("type_metadata_malformed", "The type metadata cannot be read.", detail=str(error)) from error
    if metadata.vct != vct:
        raise SDJWTError("type_metadata_mismatch", "The type metadata describes another type.")
    return metadata


def check_type(metadata: TypeMetadata, verified: VerifiedSDJWT) -> None:
    """Raise SDJWTError unless a verified credential keeps the rules of its type.

    A type that `extends` another is refused: join it with its ancestors first (`join_types`). A mandatory claim is
    missing only where nothing is hidden that could be it: what was not disclosed is never taken for missing.
    Codes: `type_metadata_mismatch` (another `vct`), `type_metadata_malformed`, `type_rule_broken`.
    Source: SD-JWT VC, sections 5.6 and 5.7.
    """
    if verified.claims.get("vct") != metadata.vct:
        raise SDJWTError("type_metadata_mismatch", "The credential is of another type.")
    if metadata.extends is not None:
        raise SDJWTError("type_metadata_malformed", "The type extends another one that was not joined to it.")
    metadata.members.check(verified.processed)
    for claim in metadata.others:
        _check_claim(claim, verified)


def _check_claim(claim: ClaimMetadata, verified: VerifiedSDJWT) -> None:
    _check_path(claim.path, verified)
    places = select_places(verified.processed.as_issued, claim.path)
    if claim.mandatory and not places and not verified.processed.hidden:
        raise _broken(claim, "is mandatory and was not included")
    disclosed = verified.processed.disclosed
    for place, value in places.items():
        disclosable = place in disclosed or value is UNDISCLOSED
        if claim.sd == "always" and not disclosable:
            raise _broken(claim, "must be selectively disclosable")
        if claim.sd == "never" and disclosable:
            raise _broken(claim, "must not be selectively disclosable")


def _check_path(path: Path, verified: VerifiedSDJWT) -> None:
    """Refuse a path that meets the wrong kind of value. Source: SD-JWT VC, section 5.6.1.2."""
    for length, step in enumerate(path):
        kind = dict if isinstance(step, str) else list
        for value in select_places(verified.processed.as_issued, path[:length]).values():
            if value is not UNDISCLOSED and not isinstance(value, kind):
                raise SDJWTError("type_rule_broken", "A claim path of the type meets another kind of value.")


def _broken(claim: ClaimMetadata, rule: str) -> SDJWTError:
    path = "/".join("*" if step is None else str(step) for step in claim.path)
    return SDJWTError("type_rule_broken", f"The claim {path} {rule}, says its type.")
