"""Bearer tokens at protected endpoints, and the shape of errors."""

import pytest

from kompetenspass.core.errors import Kind
from kompetenspass.openid.oauth import (
    OAuthError,
    access_token,
    invalid_grant,
    invalid_token,
    wrong_tx_code,
)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_vci_34_the_scheme_may_be_written_in_any_case(scheme: str) -> None:
    assert access_token([f"{scheme} czZCaGRSa3F0MzpnWDFmQmF0M2JW"]) == "czZCaGRSa3F0MzpnWDFmQmF0M2JW"


@pytest.mark.parametrize("headers", [[], [""], ["Bearer"], ["Bearer "], ["Basic abc"], ["Bearer a b"], ["Bearer å"]])
def test_vci_34_without_a_usable_token_the_answer_is_401_with_a_challenge(headers: list[str]) -> None:
    with pytest.raises(OAuthError) as refused:
        access_token(headers)
    assert refused.value.kind is Kind.UNAUTHENTICATED
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


def test_vci_34_an_unknown_token_is_named_in_the_challenge() -> None:
    assert invalid_token().headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_vci_36_a_token_in_the_query_is_refused_even_beside_a_header() -> None:
    with pytest.raises(OAuthError) as refused:
        access_token(["Bearer abc"], "a=1&access_token=")
    assert refused.value.code == "invalid_request"


def test_two_authorization_headers_are_refused() -> None:
    with pytest.raises(OAuthError) as refused:
        access_token(["Bearer abc", "Bearer abc"])
    assert refused.value.code == "invalid_request"


def test_vci_33_a_refusals_texts_hold_only_what_error_description_may_hold() -> None:
    refusal = OAuthError("invalid_grant", 'The "kod" är fel \\ slut.', remedy="Försök igen.")
    assert (refusal.title, refusal.remedy) == ("The 'kod' ?r fel ? slut.", "F?rs?k igen.")


def test_vci_23_a_wrong_code_of_either_kind_is_an_invalid_grant() -> None:
    assert {wrong_tx_code().code, invalid_grant().code} == {"invalid_grant"}
