"""What a change of the schemas breaks, for those who read events and for the events that are stored already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_NEW_VERSION = (
    "Give the event a new version (.v2), keep the old type readable by an upcast, and leave this file as it was."
)


@dataclass(frozen=True, slots=True)
class Break:
    """One breaking difference: in which file, at which field (JSON path), what, and what to do instead."""

    file: str
    at: str
    what: str
    remedy: str = _NEW_VERSION

    def __str__(self) -> str:
        return f"{self.file} {self.at}: {self.what}. {self.remedy}"


def breaks(released: Mapping[str, Any], now: Mapping[str, Any]) -> list[Break]:
    """Return what is broken between two sets of schemas (file name to schema); additions break nothing."""
    found: list[Break] = []
    for name, schema in sorted(released.items()):
        if name in now:
            found += (Break(name, at, what) for at, what in _differences(schema, now[name], "$"))
        else:
            found.append(_gone(name, now))
    return found


def _gone(name: str, now: Mapping[str, Any]) -> Break:
    event_type, audience = name.removesuffix(".schema.json").rsplit(".", 1)
    if f"{event_type}.internal.schema.json" in now:
        return Break(name, "$", f"{event_type} reaches the audience {audience} no more")
    return Break(name, "$", f"the type {event_type} was removed or renamed")


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    yield from _types(old, new, at)
    yield from _values(old, new, at)
    yield from _bounds(old, new, at)
    yield from _fields(old, new, at)
    for key in ("items", "additionalProperties"):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _differences(old[key], new[key], f"{at}[*]")
    for before, after in zip(_alternatives(old), _alternatives(new), strict=False):
        if "anyOf" in old and "anyOf" in new:
            yield from _differences(before, after, at)


def _types(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    before, after = _accepted(old), _accepted(new)
    if lost := before - after:
        yield at, f"the type is narrower: {_listed(lost)} not allowed any more"
    if gained := after - before:
        yield at, f"the type is another: {_listed(gained)} may come, which readers do not expect"
    if old.get("format") != new.get("format"):
        yield at, f"the format was {old.get('format')} and is {new.get('format')}"


def _values(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    before, after = _choices(old), _choices(new)
    if after is None or before == after:
        return
    if before is None:
        yield at, "any value was allowed and only some are"
    elif lost := before - after:
        yield at, f"the enumeration is narrower: {_listed(lost)} not allowed any more"


_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    for name in _LOWER:
        if name in new and (name not in old or new[name] > old[name]):
            yield at, f"the bound {name} is narrower: {new[name]}"
    for name in _UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield at, f"the bound {name} is narrower: {new[name]}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield at, f"the pattern is another: {new['pattern']}"


def _fields(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before.keys() - after.keys()):
        yield f"{at}.{name}", "the field was removed, renamed, or taken away from this audience"
    for name in sorted(before.keys() & after.keys()):
        if name in needed - needed_before:
            yield f"{at}.{name}", "the field was optional and is required; stored events lack it"
        if name in needed_before - needed:
            yield f"{at}.{name}", "the field was always there and may be absent"
        yield from _differences(before[name], after[name], f"{at}.{name}")
    for name in sorted((after.keys() - before.keys()) & needed):
        yield f"{at}.{name}", "a required field was added; stored events lack it"


def _alternatives(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return sorted(schema.get("anyOf", [schema]), key=lambda one: str(one.get("type")))


def _accepted(schema: Mapping[str, Any]) -> set[str]:
    """Return the JSON types that a schema lets through; `any` where it names none."""
    found: set[str] = set()
    for one in _alternatives(schema):
        named = one.get("type", "any" if "const" not in one else "string")
        found.update([named] if isinstance(named, str) else named)
    return found


def _choices(schema: Mapping[str, Any]) -> set[str] | None:
    """Return the values that an enumeration lets through, None where the schema is none."""
    if "const" in schema:
        return {str(schema["const"])}
    if "enum" in schema:
        return {str(value) for value in schema["enum"]}
    return None


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values))
