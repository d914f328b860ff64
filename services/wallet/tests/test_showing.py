"""What a wallet shows of an award and its parts: the learner chooses whether, the award says which."""

from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vp import dcql
from kompetenspass.openid.sdjwt import UNDISCLOSED
from services.wallet.domain.showing import Shown, choose, shown_by

VCT = "https://catalog.example/vct/mikromerit/1"
ALL = ["has_part", None]


def merit(definition: str, key: str, **claims: Any) -> dcql.Credential:
    return dcql.Credential("dc+sd-jwt", frozenset({VCT}), {"definition": definition, **claims}, key=key)


def award(definition: str, key: str, *parts: tuple[str, ...]) -> dcql.Credential:
    """Return an award that rests on parts, each a definition and the digests of its copies."""
    return merit(definition, key, has_part=[{"definition": name, "digests": list(keys)} for name, *keys in parts])


def asked(definition: str, *paths: list[Any], id_: str | None = None, multiple: bool = False) -> dict[str, Any]:
    claims = [tuple(path) for path in paths]
    (query,) = dcql.definition_query(vct=VCT, definition=definition, claims=claims, id_=id_ or definition)[
        "credentials"
    ]
    return {**query, "multiple": multiple}


def query(*credentials: dict[str, Any], sets: list[Any] | None = None) -> dcql.Query:
    """Return a query that needs the first credential; each of the others, or the options of `sets`, is optional."""
    first, *others = (each["id"] for each in credentials)
    optional = [[[id_]] for id_ in others] if sets is None else sets
    needed: list[dict[str, Any]] = [{"options": [[first]]}]
    more = [{"options": options, "required": False} for options in optional]
    return dcql.parse({"credentials": list(credentials), "credential_sets": needed + more})


def keys(of: dcql.Query, *held: dcql.Credential, share_parts: bool = True) -> dict[str, list[str]]:
    choice = choose(of, held, share_parts=share_parts)
    return {id_: [match.credential.key for match in matches] for id_, matches in choice.items()}


DEEP = query(asked("path", ALL), asked("a"), asked("b", multiple=True))


def test_parts_are_shown_only_if_the_learner_shares_them() -> None:
    held = [award("path", "award", ("a", "a1"), ("b", "b1")), merit("a", "a1"), merit("b", "b1")]
    assert keys(DEEP, *held, share_parts=False) == {"path": ["award"]}
    assert keys(DEEP, *held) == {"path": ["award"], "a": ["a1"], "b": ["b1"]}


def test_only_the_copies_that_the_award_rests_on_are_parts() -> None:
    held = [
        *(merit("a", "renewed"), merit("a", "a1"), merit("b", "b0"), merit("b", "b1"), merit("b", "b2")),
        award("path", "award", ("a", "a1"), ("b", "b1"), ("b", "b2")),
    ]
    assert keys(DEEP, *held) == {"path": ["award"], "a": ["a1"], "b": ["b1", "b2"]}


def test_of_several_copies_of_one_part_the_first_held_is_shown() -> None:
    held = [award("path", "award", ("b", "b1", "b2")), merit("b", "b2"), merit("b", "b1")]
    assert keys(DEEP, *held) == {"path": ["award"], "b": ["b2"]}


def test_a_part_that_is_not_held_or_lacks_what_is_asked_of_it_is_left_out() -> None:
    graded = query(asked("path", ALL), asked("a", ["assessment_grade"]), asked("b"))
    assert keys(graded, award("path", "award", ("a", "a1"), ("b", "b1")), merit("a", "a1")) == {"path": ["award"]}


def test_a_digest_under_another_definition_makes_no_part() -> None:
    assert keys(DEEP, award("path", "award", ("b", "a1")), merit("a", "a1")) == {"path": ["award"]}


def test_nothing_but_the_claims_that_are_asked_for_is_disclosed() -> None:
    held = [award("path", "award", ("a", "a1"), ("b", "b1")), merit("a", "a1", family_name="Holm")]
    choice = choose(DEEP, held, share_parts=True)
    assert {id_: [match.paths for match in matches] for id_, matches in choice.items()} == {
        "path": [(("definition",), ("has_part", 0), ("has_part", 1))],
        "a": [(("definition",),)],
    }


@pytest.mark.parametrize(
    ("path", "shown"), [(["has_part", 1], {"b": ["b1"]}), (["has_part"], {"a": ["a1"], "b": ["b1"]})]
)
def test_a_part_that_the_award_does_not_disclose_is_not_shown(path: list[Any], shown: dict[str, list[str]]) -> None:
    held = [award("path", "award", ("a", "a1"), ("b", "b1")), merit("a", "a1"), merit("b", "b1")]
    of = query(asked("path", path), asked("a"), asked("b"))
    assert keys(of, *held) == {"path": ["award"]} | shown


INNER = [
    award("path", "award", ("inner", "i1"), ("b", "b1")),
    award("inner", "i1", ("a", "a1"), ("b", "b2")),
    *(merit("a", "a2"), merit("a", "a1"), merit("b", "b3"), merit("b", "b2"), merit("b", "b1")),
]


def test_a_nested_award_that_is_shown_brings_its_own_parts() -> None:
    of = query(asked("path", ALL), asked("a"), asked("b", multiple=True), asked("inner", ALL))
    assert keys(of, *INNER) == {"path": ["award"], "a": ["a1"], "b": ["b1", "b2"], "inner": ["i1"]}


def test_a_nested_award_that_is_not_shown_or_discloses_nothing_brings_none() -> None:
    hidden = query(asked("path", ALL), asked("a"), asked("b", multiple=True), asked("inner"))
    assert keys(hidden, *INNER) == {"path": ["award"], "b": ["b1"], "inner": ["i1"]}
    unasked = query(asked("path", ALL), asked("a"), asked("b", multiple=True))
    assert keys(unasked, *INNER) == {"path": ["award"], "b": ["b1"]}


def test_where_one_is_asked_for_the_part_of_the_outer_award_is_shown() -> None:
    of = query(asked("inner", ALL, id_="other"), asked("b"))
    assert keys(of, *INNER) == {"other": ["i1"], "b": ["b2"]}
    of = query(asked("path", ALL), asked("b"), asked("inner", ALL))
    assert keys(of, *INNER)["b"] == ["b1"]


def test_a_set_is_answered_by_its_first_option_that_parts_answer_and_by_no_second() -> None:
    asked_for = [asked("path", ALL), asked("a"), asked("b"), asked("inner", ALL)]
    either = query(*asked_for, sets=[[["a"], ["inner"]], [["b", "a"], ["path", "b"]]])
    assert keys(either, *INNER) == {"path": ["award"], "b": ["b1"], "inner": ["i1"]}


def test_without_an_award_that_discloses_its_parts_what_is_optional_is_shown_if_held() -> None:
    of = query(asked("path"), asked("a"), asked("b", multiple=True), asked("c"))
    held = [award("path", "award", ("a", "a1")), merit("a", "a2"), merit("b", "b1"), merit("b", "b2")]
    assert keys(of, *held) == {"path": ["award"], "a": ["a2"], "b": ["b1", "b2"]}
    assert keys(of, *held, share_parts=False) == {"path": ["award"]}


@pytest.mark.parametrize("has_part", ["a1", [UNDISCLOSED], [{"definition": "a"}], [{"digests": ["a1"]}], ["a1"]])
def test_what_is_no_list_of_parts_names_none(has_part: Any) -> None:
    of = query(asked("path", ["has_part"]), asked("a"))
    held = [merit("path", "award", has_part=has_part), merit("a", "a2")]
    assert keys(of, *held) == {"path": ["award"], "a": ["a2"]}


@pytest.mark.parametrize("share_parts", [False, True])
def test_without_what_is_needed_nothing_is_shown(share_parts: bool) -> None:
    with pytest.raises(OAuthError, match="access_denied"):
        choose(DEEP, [merit("a", "a1")], share_parts=share_parts)


def test_an_answer_that_would_show_nothing_is_none() -> None:
    of = dcql.parse(
        {"credentials": [asked("a")], "credential_sets": [{"options": [["a"]], "required": False}]},
    )
    assert keys(of, merit("a", "a1")) == {"a": ["a1"]}
    with pytest.raises(OAuthError, match="access_denied"):
        choose(of, [merit("a", "a1")], share_parts=False)


def test_a_credential_that_answers_twice_is_told_once() -> None:
    of = query(asked("a", id_="one"), asked("a", id_="two"))
    choice = choose(of, [merit("a", "a1", achievement_title="Ord")], share_parts=True)
    assert shown_by(choice) == (Shown("a1", "a", "Ord"),)
