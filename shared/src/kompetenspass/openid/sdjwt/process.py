"""Put disclosures back into the payload: RFC 9901, section 7.1, steps 3 to 5, whoever verifies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kompetenspass.openid.sdjwt.errors import SDJWTError
from kompetenspass.openid.sdjwt.parse import digester, read_disclosure
from kompetenspass.openid.sdjwt.paths import RESERVED, Path

MAX_DEPTH = 32
_CONTAINERS = frozenset({dict, list})


class Undisclosed:
    """Stands in an array, as issued, where an element was not disclosed."""

    def __repr__(self) -> str:
        return "UNDISCLOSED"


UNDISCLOSED: Final = Undisclosed()


@dataclass(frozen=True, slots=True)
class Processed:
    """The payload with its disclosures in place.

    `claims` is the Processed SD-JWT Payload; `as_issued` the same with UNDISCLOSED where array elements are missing,
    so that indices are the issuer's; `disclosed` maps each claim that came from a disclosure, by its path as issued,
    to that disclosure; `hidden` says whether any digest was left without its disclosure.
    """

    claims: dict[str, Any]
    as_issued: dict[str, Any]
    disclosed: dict[Path, str]
    hidden: bool


class _Processor:
    __slots__ = ("disclosed", "gaps", "missing", "offered", "seen")

    def __init__(self, offered: dict[str, str]) -> None:
        self.offered = offered
        self.seen: set[str] = set()
        self.disclosed: dict[Path, str] = {}
        self.gaps = False
        self.missing = False

    def fill(self, value: Any, place: Path) -> Any:
        """Return an object or an array with its disclosures in place; itself where there is nothing to put or check."""
        if len(place) > MAX_DEPTH:
            raise _too_deep()
        inner = value.values() if type(value) is dict else value
        if _CONTAINERS.isdisjoint(map(type, inner)) and (inner is value or RESERVED.isdisjoint(value)):
            return value
        return self.object(value, place) if type(value) is dict else self._array(value, place)

    def object(self, value: dict[str, Any], place: Path) -> dict[str, Any]:
        """Return an object with its disclosures in place."""
        if "..." in value:
            raise SDJWTError("claim_name_reserved", "A claim has the reserved name `...`.")
        if "_sd_alg" in value:
            raise SDJWTError("sd_alg_misplaced", "`_sd_alg` stands below the top level.")
        filled = value.copy()
        digests = _digests(filled.pop("_sd")) if "_sd" in value else ()
        for name, item in filled.items():
            if type(item) in _CONTAINERS:
                filled[name] = self.fill(item, (*place, name))
        for disclosure in self._matching(digests) if digests else ():
            self._insert(disclosure, filled, place)
        return filled

    def _insert(self, disclosure: str, filled: dict[str, Any], place: Path) -> None:
        content = read_disclosure(disclosure)
        if len(content) != 3 or not isinstance(content[1], str):
            raise SDJWTError("disclosure_malformed", "A claim's disclosure is not salt, name and value.")
        name = content[1]
        if name in RESERVED:
            raise SDJWTError("claim_name_reserved", "A disclosure uses one of the names `_sd`, `_sd_alg` and `...`.")
        if name in filled:
            raise SDJWTError("claim_name_collision", "A disclosure names a claim that is already there.")
        self.disclosed[where := (*place, name)] = disclosure
        item = content[2]
        filled[name] = self.fill(item, where) if type(item) in _CONTAINERS else item

    def _array(self, value: list[Any], place: Path) -> list[Any]:
        return [
            self._element(item, (*place, index)) if type(item) in _CONTAINERS else item
            for index, item in enumerate(value)
        ]

    def _element(self, item: Any, place: Path) -> Any:
        if type(item) is not dict or "..." not in item:
            return self.fill(item, place)
        digest = item["..."]
        if len(item) != 1 or not isinstance(digest, str):
            raise SDJWTError("sd_jwt_malformed", "An array's digest has company, or is not text.")
        matching = self._matching([digest])
        if not matching:
            self.gaps = True
            return UNDISCLOSED
        content = read_disclosure(matching[0])
        if len(content) != 2:
            raise SDJWTError("disclosure_malformed", "An array element's disclosure is not salt and value.")
        self.disclosed[place] = matching[0]
        return self.fill(content[1], place) if type(content[1]) in _CONTAINERS else content[1]

    def _matching(self, digests: list[str]) -> list[str]:
        """Return the disclosures that belong to `digests`; none of these may have stood anywhere before."""
        known = len(self.seen)
        self.seen.update(digests)
        if len(self.seen) != known + len(digests):
            raise SDJWTError("duplicate_digest", "A digest appears twice.")
        matching = [self.offered.pop(digest) for digest in digests if digest in self.offered]
        self.missing |= len(matching) < len(digests)
        return matching


def _too_deep() -> SDJWTError:
    return SDJWTError("sd_jwt_malformed", "The claims are nested too deep.")


def _digests(value: Any) -> list[str]:
    if not isinstance(value, list) or not {str}.issuperset(map(type, value)):
        raise SDJWTError("sd_jwt_malformed", "`_sd` is not an array of digests.")
    return value


def _without_gaps(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_gaps(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_gaps(item) for item in value if item is not UNDISCLOSED]
    return value


def process(payload: dict[str, Any], disclosures: Sequence[str]) -> Processed:
    """Return the payload with `disclosures` in place of their digests.

    Raises SDJWTError `sd_alg_unsupported`, `sd_alg_misplaced`, `sd_jwt_malformed`, `disclosure_malformed`,
    `claim_name_reserved`, `claim_name_collision`, `duplicate_digest`, `disclosure_unreferenced`.
    Source: RFC 9901, section 7.1, steps 2.5 and 3 to 5.
    """
    digest = digester(payload)
    processor = _Processor({digest(disclosure): disclosure for disclosure in disclosures})
    top = payload.copy()
    top.pop("_sd_alg", None)
    as_issued = processor.object(top, ())
    if processor.offered:
        raise SDJWTError("disclosure_unreferenced", "A disclosure belongs to no digest.")
    claims = _without_gaps(as_issued) if processor.gaps else as_issued
    return Processed(claims, as_issued, processor.disclosed, processor.missing)
