"""DCQL against a plain oracle, for whatever queries and wallets Hypothesis thinks of."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vp.dcql import (
    Credential,
    CredentialQuery,
    InvalidQuery,
    Match,
    NothingSelected,
    Query,
    QueryNotMet,
    check_credential_sets,
    evaluate_path,
    match,
    parse,
    parse_sendable,
    select,
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is not a fault of the code."""

NAMES = ("a", "b", "c")
TYPES = ("t1", "t2", "t3")
leaves = st.one_of(st.integers(0, 2), st.booleans(), st.sampled_from(NAMES))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
    max_leaves=8,
)
claims = st.dictionaries(st.sampled_from(NAMES), trees, max_size=3)
paths = st.lists(st.one_of(st.sampled_from(NAMES), st.none(), st.integers(0, 2)), min_size=1, max_size=3)


@st.composite
def credential_queries(draw: st.DrawFn, id_: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": id_, "format": "dc+sd-jwt", "meta": {"vct_values": [draw(st.sampled_from(TYPES))]}}
    entry["multiple"] = draw(st.booleans())
    asked = draw(st.lists(st.tuples(paths, st.none() | st.lists(leaves, min_size=1, max_size=2)), max_size=3))
    if not asked:
        return entry
    entry["claims"] = [
        {"id": f"c{index}", "path": path} | ({} if values is None else {"values": values})
        for index, (path, values) in enumerate(asked)
    ]
    if draw(st.booleans()):
        ids = [claim["id"] for claim in entry["claims"]]
        entry["claim_sets"] = draw(st.lists(st.lists(st.sampled_from(ids), min_size=1, unique=True), min_size=1))
    return entry


@st.composite
def queries(draw: st.DrawFn) -> dict[str, Any]:
    ids = [f"q{index}" for index in range(draw(st.integers(1, 3)))]
    query: dict[str, Any] = {"credentials": [draw(credential_queries(id_)) for id_ in ids]}
    if draw(st.booleans()):
        options = st.lists(st.lists(st.sampled_from(ids), min_size=1, unique=True), min_size=1, max_size=3)
        sets = st.fixed_dictionaries({"options": options, "required": st.booleans()})
        query["credential_sets"] = draw(st.lists(sets, min_size=1, max_size=3))
    return query


wallets = st.lists(
    st.builds(Credential, st.just("dc+sd-jwt"), st.sampled_from(TYPES).map(lambda name: frozenset({name})), claims),
    max_size=4,
)


def satisfied(query: Query, answered: set[str]) -> bool:
    """The oracle: the sentences of section 6.4.2, word by word."""
    if not query.credential_sets:
        return answered >= {credential.id for credential in query.credentials}
    return all(
        any(set(option) <= answered for option in set_.options) for set_ in query.credential_sets if set_.required
    )


def accepts(query: Query, answered: set[str]) -> bool:
    try:
        check_credential_sets(query, answered)
    except QueryNotMet:
        return False
    return True


def oracle_path(claims: Any, path: list[Any]) -> list[Any] | None:
    """The oracle: None for an error, else the selected values; recursive where the product goes level by level."""
    if not path:
        return [claims]
    first, rest = path[0], path[1:]
    if isinstance(first, str):
        if not isinstance(claims, dict):
            return None
        below = [claims[first]] if first in claims else []
    else:
        if not isinstance(claims, list):
            return None
        below = claims if first is None else claims[first : first + 1]
    found = [oracle_path(value, rest) for value in below]
    return None if any(values is None for values in found) else [value for values in found for value in values or []]


@unhurried
@given(claims, paths)
def test_vp_11_a_pointer_selects_what_the_oracle_selects(held: dict[str, Any], path: list[Any]) -> None:
    expected = oracle_path(held, path)
    try:
        found = evaluate_path(held, tuple(path))
    except NothingSelected:
        assert not expected
        return
    assert [value for _, value in found] == expected
    for concrete, value in found:
        assert [selected for _, selected in evaluate_path(held, concrete)] == [value]


@unhurried
@given(queries(), st.sets(st.sampled_from(["q0", "q1", "q2"])), st.sets(st.sampled_from(["q0", "q1", "q2"])))
def test_vp_10_the_sets_are_judged_as_the_oracle_does_and_more_never_hurts(
    raw: dict[str, Any], answered: set[str], more: set[str]
) -> None:
    query = parse(raw)
    assert accepts(query, answered) == satisfied(query, answered)
    assert not accepts(query, answered) or accepts(query, answered | more)


def meeting(asked: CredentialQuery, wallet: list[Credential]) -> tuple[Match, ...]:
    found: list[Match] = []
    for credential in wallet:
        with suppress(QueryNotMet):
            found.append(match(asked, credential))
    return tuple(found)


def chosen_by(query: Query, wallet: list[Credential]) -> dict[str, tuple[Match, ...]] | None:
    try:
        return select(query, wallet)
    except OAuthError:
        return None


@unhurried
@given(queries(), wallets)
def test_vp_23_what_a_wallet_selects_is_what_a_verifier_accepts_or_nothing_could_be(
    raw: dict[str, Any], wallet: list[Credential]
) -> None:
    query = parse(raw)
    possible = {asked.id for asked in query.credentials if meeting(asked, wallet)}
    chosen = chosen_by(query, wallet)
    assert (chosen is not None) == satisfied(query, possible)
    if chosen is not None:
        check_credential_sets(query, chosen)
        for id_, matches in chosen.items():
            asked = query.credential(id_)
            assert asked is not None
            assert matches == meeting(asked, [each.credential for each in matches])
            assert len(matches) == 1 or asked.multiple


@unhurried
@given(queries(), wallets, wallets)
def test_vp_23_a_wallet_that_holds_more_can_still_answer(
    raw: dict[str, Any], wallet: list[Credential], more: list[Credential]
) -> None:
    query = parse(raw)
    if chosen_by(query, wallet) is not None:
        after = chosen_by(query, wallet + more)
        assert after is not None
        assert satisfied(query, set(after))


@unhurried
@given(queries(), wallets)
def test_vp_23_only_claims_that_were_asked_for_are_selected(raw: dict[str, Any], wallet: list[Credential]) -> None:
    for asked in parse(raw).credentials:
        for found in meeting(asked, wallet):
            for path in found.paths:
                assert any(_covers(claim.path, path) for claim in asked.claims)


def _covers(pattern: tuple[Any, ...], path: tuple[Any, ...]) -> bool:
    return len(pattern) == len(path) and all(
        left == right or left is None for left, right in zip(pattern, path, strict=True)
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["credentials", "id", "format", "meta", "claims", "path", "values", "options"]), inner
        )
    ),
    max_leaves=10,
)


def place_of_fault(reader: Callable[[object], Query], value: object) -> str | None:
    try:
        reader(value)
    except InvalidQuery as refused:
        return refused.path
    return None


@unhurried
@given(json_values)
def test_vp_8_whatever_is_not_a_query_is_refused_and_never_breaks_the_parser(value: Any) -> None:
    for reader in (parse, parse_sendable):
        place = place_of_fault(reader, value)
        assert not place or place.startswith("/")


@unhurried
@given(st.data(), queries(), json_values)
def test_vp_8_a_query_with_one_member_spoilt_is_read_or_refused(
    data: st.DataObject, raw: dict[str, Any], value: Any
) -> None:
    entry = data.draw(st.sampled_from(raw["credentials"]))
    entry[data.draw(st.sampled_from(sorted(entry)))] = value
    place = place_of_fault(parse, raw)
    assert place is None or place.startswith("/credential")
