"""What a wallet chooses to present, and whether an answer satisfies the query as a whole."""

from typing import Any

import pytest

from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vp.dcql import (
    Credential,
    QueryNotMet,
    check_credential_sets,
    matches,
    option,
    parse,
    select,
    taken,
)


def entry(id_: str, vct: str, *paths: str, **members: Any) -> dict[str, Any]:
    claims = [{"path": path.split(".")} for path in paths]
    query: dict[str, Any] = {"id": id_, "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}} | members
    return query | ({"claims": claims} if claims else {})


PID = "https://credentials.example.com/identity_credential"
OTHER_PID = "https://othercredentials.example/pid"
REDUCED = "https://credentials.example.com/reduced_identity_credential"
RESIDENCE = "https://cred.example/residence_credential"
REWARDS = "https://company.example/company_rewards"
ALTERNATIVES = parse(
    {
        "credentials": [
            entry("pid", PID, "given_name", "family_name", "address.street_address"),
            entry("other_pid", OTHER_PID, "given_name", "family_name", "address.street_address"),
            entry("pid_reduced_cred_1", REDUCED, "family_name", "given_name"),
            entry("pid_reduced_cred_2", RESIDENCE, "postal_code", "locality", "region"),
            entry("nice_to_have", REWARDS, "rewards_number"),
        ],
        "credential_sets": [
            {"options": [["pid"], ["other_pid"], ["pid_reduced_cred_1", "pid_reduced_cred_2"]]},
            {"required": False, "options": [["nice_to_have"]]},
        ],
    }
)
NAME = {"given_name": "Erika", "family_name": "Mustermann"}
FULL = NAME | {"address": {"street_address": "Heidestrasse 17"}}
HOME = {"postal_code": "93131", "locality": "Skellefteå", "region": "AC"}


def held(vct: str, claims: dict[str, Any], key: str = "") -> Credential:
    return Credential("dc+sd-jwt", frozenset({vct}), claims, key=key or vct)


def chosen(credentials: list[Credential], **options: Any) -> list[str]:
    return list(select(ALTERNATIVES, credentials, **options))


def test_vp_10_the_specifications_alternatives_are_taken_in_the_verifiers_order() -> None:
    pieces = [held(REDUCED, NAME), held(RESIDENCE, HOME)]
    assert chosen([*pieces, held(OTHER_PID, FULL), held(PID, FULL)]) == ["pid"]
    assert chosen([*pieces, held(OTHER_PID, FULL)]) == ["other_pid"]
    assert chosen(pieces) == ["pid_reduced_cred_1", "pid_reduced_cred_2"]


def test_vp_23_an_optional_set_is_left_out_unless_it_is_wanted_and_held() -> None:
    rewards = held(REWARDS, {"rewards_number": "7"})
    assert chosen([held(PID, FULL), rewards]) == ["pid"]
    assert chosen([held(PID, FULL), rewards], include_optional=True) == ["pid", "nice_to_have"]
    assert chosen([held(PID, FULL)], include_optional=True) == ["pid"]


@pytest.mark.parametrize(
    "credentials",
    [[], [held(PID, NAME)], [held(REDUCED, NAME)], [held(REWARDS, {"rewards_number": "7"})], [held("other", FULL)]],
)
def test_vp_23_and_trap_24_without_all_that_is_needed_nothing_is_presented(credentials: list[Credential]) -> None:
    with pytest.raises(OAuthError) as refused:
        chosen(credentials, include_optional=True)
    assert refused.value.code == "access_denied"


def test_vp_10_without_credential_sets_every_credential_is_needed() -> None:
    query = parse({"credentials": [entry("a", PID), entry("b", REDUCED)]})
    assert list(select(query, [held(REDUCED, NAME), held(PID, FULL)])) == ["a", "b"]
    with pytest.raises(OAuthError):
        select(query, [held(PID, FULL)])


def test_vp_8_one_match_is_presented_and_all_of_them_only_for_multiple() -> None:
    wallet = [held(PID, FULL, "first"), held(PID, NAME, "second")]
    for multiple, keys in ((False, ["first"]), (True, ["first", "second"])):
        query = parse({"credentials": [entry("a", PID, multiple=multiple)]})
        assert [found.credential.key for found in select(query, wallet)["a"]] == keys


def test_vp_8_every_match_is_told_in_the_order_of_what_is_held() -> None:
    wallet = [held(PID, FULL, "first"), held(REDUCED, {}), held(PID, FULL, "second")]
    found = matches(ALTERNATIVES, wallet)
    assert {id_: [match.credential.key for match in found[id_]] for id_ in found} == {"pid": ["first", "second"]}
    for multiple, keys in ((False, ["first"]), (True, ["first", "second"])):
        (asked,) = parse({"credentials": [entry("a", PID, multiple=multiple)]}).credentials
        assert [match.credential.key for match in taken(asked, found["pid"])] == keys


def test_vp_10_the_first_option_that_is_found_whole_answers_a_set() -> None:
    needed, _ = ALTERNATIVES.credential_sets
    assert option(needed, {"other_pid", "pid_reduced_cred_1", "pid_reduced_cred_2"}) == ("other_pid",)
    assert option(needed, {"pid_reduced_cred_1", "nice_to_have"}) == ()


@pytest.mark.parametrize("answered", [{"pid"}, {"pid_reduced_cred_1", "pid_reduced_cred_2", "nice_to_have"}])
def test_vp_16_an_answer_with_one_whole_option_satisfies_its_set(answered: set[str]) -> None:
    check_credential_sets(ALTERNATIVES, answered)


@pytest.mark.parametrize("answered", [set(), {"nice_to_have"}, {"pid_reduced_cred_1"}])
def test_vp_16_an_answer_without_a_whole_option_of_a_required_set_is_refused(answered: set[str]) -> None:
    with pytest.raises(QueryNotMet) as refused:
        check_credential_sets(ALTERNATIVES, answered)
    assert (refused.value.code, refused.value.reason.value) == ("dcql_query_not_met", "credential_set")


def test_vp_16_without_credential_sets_a_missing_credential_is_named() -> None:
    query = parse({"credentials": [entry("a", PID), entry("b", REDUCED)]})
    check_credential_sets(query, {"a", "b"})
    with pytest.raises(QueryNotMet) as refused:
        check_credential_sets(query, {"a"})
    assert refused.value.path == "credentials[b]"
