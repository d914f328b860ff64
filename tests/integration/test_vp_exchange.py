"""The exchange around a presentation: VP-13, VP-16 and VP-21 of the checklist. Source: OpenID4VP 1.0, section 8.

How long a request lives is seen at the end: its request was made at the start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.integration.parties import Parties
from tests.integration.stranger import Held, check_error, check_one_won, eventually, opened_by_leaf
from tests.integration.verifier import SHOWN, Asked, asked, created

SHORT_SECONDS = 30
RIVALS = 4


@pytest.fixture(scope="module", autouse=True)
def short(parties: Parties) -> Asked:
    """Return a request that soon expires."""
    return asked(parties, expires_in=SHORT_SECONDS)


def check_taken(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {}


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"vp_token": ""},
        {"vp_token": "x"},
        {"vp_token": "[]"},
        {"vp_token": '"x"'},
        {"vp_token": '{"a":["x"],"a":["y"]}'},
        {"vp_token": "GOOD", "error": "access_denied"},
        {"response": "e30.e30.AA.AA.AA"},
        {"error": 'a "quote"'},
        {"vp_token": "GOOD", "state": "wrong"},
        {"vp_token": "GOOD", "state": ""},
        {"error": "access_denied", "state": "wrong"},
        {"error": "access_denied", "state": ""},
    ],
)
def test_vp_13_a_form_that_is_no_answer_is_refused_and_the_request_stays_open(
    parties: Parties, held: Held, form: dict[str, str]
) -> None:
    ask = asked(parties)
    good = json.dumps({ask.query_id: [ask.presented(held)]})
    check_error(ask.sent(**{name: value.replace("GOOD", good) for name, value in form.items()}), "invalid_request")
    assert ask.outcome() == {"state": "open"}
    check_taken(ask.sent(vp_token=good))


SHAPES: Mapping[str, Callable[[str, str], object]] = {
    "empty": lambda _id, _good: {},
    "a text": lambda id_, good: {id_: good},
    "none": lambda id_, _good: {id_: []},
    "two": lambda id_, good: {id_: [good, good]},
    "another id": lambda _id, good: {"other": [good]},
    "one more id": lambda id_, good: {id_: [good], "other": [good]},
    "null": lambda id_, _good: {id_: None},
    "nested": lambda id_, good: {id_: [[good]]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_vp_13_trap_22_a_vp_token_of_another_shape_is_refused(parties: Parties, held: Held, shape: str) -> None:
    ask = asked(parties)
    good = ask.presented(held)
    check_error(ask.sent(vp_token=json.dumps(SHAPES[shape](ask.query_id, good))), "invalid_request")
    assert (ask.outcome()["state"], ask.failed()) == ("refused", ["form"])
    check_taken(ask.answered(good))


def test_vp_13_json_instead_of_a_form_is_refused(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    body = {"vp_token": {ask.query_id: [ask.presented(held)]}, "state": ask.said["state"]}
    check_error(parties.http.post(ask.said["response_uri"], json=body), "invalid_request")


def test_vp_13_repeated_parameters_are_refused(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    good = json.dumps({ask.query_id: [ask.presented(held)]})
    form = {"vp_token": [good, good], "state": ask.said["state"]}
    check_error(parties.http.post(ask.said["response_uri"], data=form), "invalid_request")


def test_vp_13_a_refusal_by_the_learner_is_taken_and_ends_the_request(parties: Parties, held: Held) -> None:
    for code in ("access_denied", "wallet_unavailable", "something_new"):
        ask = asked(parties)
        check_taken(ask.sent(error=code, error_description="No.", unknown="x"))
        assert ask.outcome()["state"] == "declined"
        late = ask.answered(ask.presented(held))
        check_error(late, late.json()["error"], 409)


def test_vp_13_vp_16_a_good_answer_is_taken_and_shows_what_was_asked_for(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    check_taken(ask.answered(ask.presented(held), unknown_parameter="x", presentation_submission="{}"))
    outcome = ask.outcome()
    assert outcome["state"] == outcome["verdict"]["outcome"] == "verified"
    assert all(check["ok"] is True for check in outcome["verdict"]["checks"])
    ((shown,),) = outcome["verdict"]["claims"].values()
    assert {name: shown[name] for name in SHOWN} == {"family_name": "Öberg", "assessment_grade": "92 %"}
    assert not {"given_name", "learner_identification", "cnf", "_sd"} & set(shown)
    assert "claims" not in ask.outcome()["verdict"]


def test_sd_6_a_claim_that_was_not_asked_for_is_not_given_to_the_verifier(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    check_taken(ask.answered(ask.presented(held, [*SHOWN, "given_name", "learner_identification"])))
    ((shown,),) = ask.outcome()["verdict"]["claims"].values()
    assert set(SHOWN) <= set(shown)
    assert not {"given_name", "learner_identification"} & set(shown)


def test_vp_13_an_answered_request_takes_no_other_answer(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    presentation = ask.presented(held)
    check_taken(ask.answered(presentation))
    for again in (ask.answered(presentation), ask.sent(error="access_denied")):
        check_error(again, again.json()["error"], 409)
    assert ask.outcome()["state"] == "verified"


def test_vp_16_of_answers_at_once_one_is_taken(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    presentation = ask.presented(held)
    with ThreadPoolExecutor(RIVALS) as rivals:
        answers = list(rivals.map(lambda _: ask.answered(presentation), range(RIVALS)))
    check_one_won(answers, 409, "request_answered")


def test_vp_16_a_refused_answer_leaves_the_learner_another_try(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    assert ask.answered(ask.presented(held, nonce="another-nonce-of-enough-length")).status_code == 400
    check_taken(ask.answered(ask.presented(held)))
    assert ask.outcome()["state"] == "verified"


def test_vp_16_one_wrong_presentation_refuses_the_whole_answer(parties: Parties, held: Held) -> None:
    vct = f"{parties.urls['catalog']}/vct/mikromerit/1"
    both = [{"id": id_, "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}} for id_ in ("a", "b")]
    optional = [{"options": [["a"]]}, {"options": [["b"]], "required": False}]
    body = {"dcql_query": {"credentials": both, "credential_sets": optional}}
    told = created(parties, body).raise_for_status().json()
    fetched = parties.http.get(told["request_uri"]).text
    ask = Asked(parties, told, fetched, opened_by_leaf(fetched))
    good, bad = ask.presented(held, []), ask.presented(held, [], nonce="another-nonce-of-enough-length")
    assert ask.sent(vp_token=json.dumps({"a": [good], "b": [bad]})).status_code == 400
    assert ask.sent(vp_token=json.dumps({"b": [good]})).status_code == 400
    check_taken(ask.sent(vp_token=json.dumps({"a": [good]})))


def test_vp_7_an_expired_request_can_be_neither_fetched_nor_answered(
    parties: Parties, held: Held, short: Asked
) -> None:
    good = json.dumps({short.query_id: [short.presented(held)]})
    assert eventually(lambda: short.outcome()["state"] == "expired")
    for answer in (short.sent(vp_token=good), parties.http.get(short.created["request_uri"])):
        check_error(answer, "request_expired", 410)
