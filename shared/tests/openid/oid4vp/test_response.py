"""Authorization responses by direct_post: form, structure, errors."""

import json
from urllib.parse import parse_qs, urlencode

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vp import (
    ErrorResponse,
    VPTokenResponse,
    check_state,
    error_form,
    invalid_request,
    parse_response,
    parse_response_answer,
    presentations,
    response_answer,
    vp_token_form,
)
from kompetenspass.openid.oid4vp.dcql import not_held, parse

QUERY = parse(
    {
        "credentials": [
            {"id": "my_credential", "format": "dc+sd-jwt", "meta": {}},
            {"id": "several", "format": "dc+sd-jwt", "meta": {}, "multiple": True},
        ]
    }
)


def posted(**parameters: str) -> bytes:
    return urlencode(parameters).encode()


def token(vp_token: object) -> bytes:
    return posted(vp_token=json.dumps(vp_token), state="s")


def refused(body: bytes) -> OAuthError:
    with pytest.raises(OAuthError) as error:
        read(body)
    return error.value


def read(body: bytes) -> dict[str, tuple[str, ...]]:
    response = parse_response(body)
    assert isinstance(response, VPTokenResponse)
    return presentations(response, QUERY)


def test_vp_13_the_specifications_example_vp_tokens_are_read() -> None:
    one = parse_response(token({"my_credential": ["eyJhbGci...QMA"]}))
    assert one == VPTokenResponse({"my_credential": ["eyJhbGci...QMA"]}, "s")
    many = VPTokenResponse({"several": ["eyJhbGci...QMA", "eyJhbGci...QMB"]})
    assert presentations(many, QUERY) == {"several": ("eyJhbGci...QMA", "eyJhbGci...QMB")}


def test_vp_13_the_specifications_example_error_is_read_and_its_text_is_dropped() -> None:
    body = b"error=invalid_request&error_description=unsupported%20client_id_prefix&state=eyJhb...6-sVA"
    assert parse_response(body) == ErrorResponse("invalid_request", "eyJhb...6-sVA")


def test_vp_13_what_a_wallet_writes_a_verifier_reads() -> None:
    form = vp_token_form({"my_credential": ["a~b~c"]}, "s")
    assert parse_response(form.encode()) == VPTokenResponse({"my_credential": ["a~b~c"]}, "s")
    assert set(parse_qs(vp_token_form({"my_credential": ["a~"]}, None))) == {"vp_token"}


def test_vp_13_unknown_parameters_are_ignored() -> None:
    body = token({"my_credential": ["a"]}) + b"&presentation_submission=%7B%7D&iss=x"
    assert isinstance(parse_response(body), VPTokenResponse)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        posted(state="s"),
        posted(vp_token="{}", error="access_denied"),
        posted(response="a.b.c.d.e"),
        posted(error="bad\ncode"),
        posted(error="x" * 65),
        posted(vp_token="eyJ.a.b"),
        posted(vp_token='["a"]'),
        posted(vp_token='"a"'),
        posted(vp_token='{"my_credential":["a"],"my_credential":["b"]}'),
        posted(vp_token='{"my_credential":["a"]}') + b"&vp_token=%7B%7D",
        token({}),
        token({"my_credential": "a"}),
        token({"my_credential": []}),
        token({"my_credential": ["a", "b"]}),
        token({"my_credential": [{"a": 1}]}),
        token({"my_credential": [None]}),
        token({"unasked": ["a"]}),
        b"vp_token=%ff",
    ],
)
def test_vp_16_and_trap_22_a_response_of_the_wrong_structure_is_refused(body: bytes) -> None:
    assert refused(body).code == "invalid_request"


@pytest.mark.parametrize("state", [None, "", "other", "å"])
def test_vp_2_a_missing_or_foreign_state_is_refused(state: str | None) -> None:
    check_state(VPTokenResponse({}, "s"), "s")
    check_state(ErrorResponse("access_denied", "s"), "s")
    for response in (VPTokenResponse({}, state), ErrorResponse("access_denied", state)):
        with pytest.raises(OAuthError) as error:
            check_state(response, "s")
        assert error.value.code == "invalid_request"


def test_vp_24_a_wallets_refusal_has_a_code_that_the_specification_knows() -> None:
    assert parse_qs(error_form(not_held(), "s")) == {
        "error": ["access_denied"],
        "error_description": ["The wallet does not hold what the request needs."],
        "state": ["s"],
    }
    assert parse_qs(error_form(invalid_request("No."), None))["error"] == ["invalid_request"]
    assert parse_qs(error_form(OAuthError("our_own_code", "No."), None))["error"] == ["invalid_request"]


def test_vp_13_the_verifiers_answer_is_an_object_with_at_most_a_redirect() -> None:
    assert response_answer() == {}
    assert response_answer("https://v.example/#a") == {"redirect_uri": "https://v.example/#a"}
    assert parse_response_answer(b"{}") is None
    assert parse_response_answer(b'{"redirect_uri":"https://v.example/#a","x":1}') == "https://v.example/#a"
    for broken in (b"", b"[]", b'{"redirect_uri":1}'):
        with pytest.raises(Problem):
            parse_response_answer(broken)


def test_presentations_do_not_stand_in_the_text_of_a_response() -> None:
    assert "eyJ" not in repr(VPTokenResponse({"my_credential": ["eyJ"]}, "eyJ"))
