"""Status lists: opened once, signed when due."""

from datetime import timedelta

import pytest

from kompetenspass.events.registry import StatusListOpened
from kompetenspass.openid.status import get_value
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given
from services.registry.domain.publication import (
    Mark,
    OpenList,
    bring,
    content_of,
    filled,
    may_compact,
    must_look,
    must_sign,
    nearly_full,
)
from services.registry.domain.status_list import StatusList, evolve, first_list, list_after, open_list

LIST = first_list("org:alfa")
OPENED = StatusListOpened(list_id=LIST, uri="u", issuer_org="org:alfa", issuer="i", size=8, bits=2, ttl_seconds=300)
LIFETIME = timedelta(hours=24)


def listed(*, bits: int = 2, size: int = 8, used: int = 0, change: str | None = None) -> OpenList:
    return OpenList(LIST, "u", size, bits, 300, change, used)


def test_a_list_is_opened_once() -> None:
    assert open_list(StatusList(), OPENED) == (OPENED,)
    assert open_list(given(StatusList(), evolve, [OPENED]), OPENED) == ()


def test_lists_of_one_issuer_follow_each_other_and_are_no_others() -> None:
    ids = {LIST, list_after(LIST), list_after(list_after(LIST)), first_list("org:beta")}
    assert len(ids) == 4
    assert first_list("org:alfa") == LIST


def look(mark: Mark | None, change: str | None = "c") -> bool:
    return must_look(listed(change=change), mark, signer="s", now=NOON, lifetime=LIFETIME)


def sign(mark: Mark | None, content: str = "same") -> bool:
    return must_sign(mark, content, signer="s", now=NOON, lifetime=LIFETIME)


FRESH = Mark("c", "same", "s", NOON + LIFETIME)


def test_a_list_is_looked_at_when_new_or_changed_and_signed_when_it_says_something_else() -> None:
    assert look(None)
    assert sign(None)
    assert not look(FRESH)
    assert look(FRESH, change="d")
    assert not sign(FRESH)
    assert sign(FRESH, content="other")


@pytest.mark.parametrize(
    "worn", [Mark("c", "same", "other", NOON + LIFETIME), Mark("c", "same", "s", NOON + LIFETIME / 2)]
)
def test_a_list_is_signed_again_by_another_signer_and_half_way_through_its_life(worn: Mark) -> None:
    assert look(worn)
    assert sign(worn)


def test_a_list_is_made_small_once_when_it_has_rested_for_one_ttl() -> None:
    def may(rested: int, *, compact: bool = False) -> bool:
        mark = Mark("c", "same", "s", NOON + LIFETIME, compact)
        return may_compact(listed(), mark, now=NOON + timedelta(seconds=rested), lifetime=LIFETIME)

    assert [may(299), may(300), may(300, compact=True)] == [False, True, False]


def read(values: bytearray, bits: int) -> list[int]:
    return [get_value(values, bits, index) for index in range(8)]


def test_what_a_list_says_has_one_digest_in_any_order() -> None:
    one, other = filled(listed(), {1: [1, 3], 2: [2]}), filled(listed(), {2: [2], 1: [3, 1]})
    assert content_of(one) == content_of(other) != content_of(filled(listed(), {1: [1, 2], 2: [3]}))


def test_two_bits_say_suspended_and_one_bit_says_invalid_instead() -> None:
    held = {1: [1], 2: [2]}
    assert read(filled(listed(bits=2), held), 2) == [0, 1, 2, 0, 0, 0, 0, 0]
    assert read(filled(listed(bits=1), held), 1) == [0, 1, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("bits", [1, 2])
def test_what_has_changed_is_brought_into_the_list_and_the_rest_stays(bits: int) -> None:
    values = filled(listed(bits=bits), {1: [1], 2: [2, 5]})
    bring(values, listed(bits=bits), {0: [2], 1: [5], 2: [7]})
    assert values == filled(listed(bits=bits), {1: [1, 5], 2: [7]})


def test_an_index_beyond_the_list_is_not_shown() -> None:
    assert not any(filled(listed(size=8), {1: [8, 9], 2: [8]}))


def test_a_list_is_nearly_full_from_four_fifths_on() -> None:
    assert not nearly_full(listed(size=10, used=7))
    assert nearly_full(listed(size=10, used=8))
