"""The claims path pointer, applied to the claims of a JSON-based credential."""

from __future__ import annotations

from collections.abc import Mapping

from kompetenspass.openid.oid4vp.dcql.model import Path, PathPart
from kompetenspass.openid.sdjwt import UNDISCLOSED

_OBJECT = (dict, Mapping)  # it is a dict as a rule, and that is quick to tell
Selected = tuple[tuple[Path, object], ...]
"""What a pointer selects: each element with its own path, in which null has become an index."""


class NothingSelected(LookupError):
    """The pointer does not fit the claims, or selects nothing."""


def evaluate_path(claims: Mapping[str, object], path: Path) -> Selected:
    """Return the elements that `path` selects; an undisclosed array element counts as not there.

    Raises NothingSelected where a component meets a value of the wrong type, or nothing is left.
    Source: OpenID4VP 1.0, section 7.1.1.
    """
    selected: Selected = (((), claims),)
    for part in path:
        selected = tuple(found for place, value in selected for found in _step(place, value, part))
    if not selected:
        raise NothingSelected
    return selected


def _step(place: Path, value: object, part: PathPart) -> Selected:
    if isinstance(part, str):
        if not isinstance(value, _OBJECT):
            raise NothingSelected
        return (((*place, part), value[part]),) if part in value else ()
    if not isinstance(value, list | tuple):
        raise NothingSelected
    indices = range(len(value)) if part is None else range(part, min(part + 1, len(value)))
    return tuple(((*place, index), value[index]) for index in indices if value[index] is not UNDISCLOSED)
