"""Strict JSON bodies, and forms."""

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.openid.oauth import OAuthError, form_parameters, invalid_request, json_object


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\u0000"}',
        b'{"a":["\\u0000"]}',
        b'{"\\u0000":1}',
        b"\xff\xfe",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_not_one_plain_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthError) as refused:
        json_object(body, invalid_request)
    assert refused.value.code == "invalid_request"


def test_a_plain_object_is_read_with_its_escapes() -> None:
    assert json_object(b'{"a":"\\u00e5 \\ud83d\\ude00","b":"\\\\u0000"}', invalid_request) == {
        "a": "å 😀",
        "b": "\\u0000",
    }


def test_a_text_that_cannot_be_utf_8_is_refused() -> None:
    with pytest.raises(OAuthError):
        json_object('{"a":"\ud800"}', invalid_request)


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.dictionaries(TEXTS, TEXTS.filter(bool), max_size=8))
def test_a_form_is_read_as_it_was_meant(parameters: dict[str, str]) -> None:
    assert form_parameters(urlencode(parameters).encode(), invalid_request) == parameters


@given(st.text('aé%2=&+7C3;"', max_size=30))
def test_a_form_is_read_as_the_standard_library_reads_it(form: str) -> None:
    try:
        pairs = parse_qsl(form, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        pairs = None
    if (
        pairs is None
        or len({name for name, _ in pairs}) != len(pairs)
        or any("\0" in part for p in pairs for part in p)
    ):
        with pytest.raises(OAuthError):
            form_parameters(form.encode(), invalid_request)
    else:
        assert form_parameters(form.encode(), invalid_request) == {name: value for name, value in pairs if value}


@pytest.mark.parametrize(
    "form", [b"a=%ff", b"a=\xff", b"\xc3=1&a=\xa9", b"a=\xc3%a9", b"a=1&a=2", b"a&" * 64, b"a=%00"]
)
def test_a_form_that_is_not_utf_8_or_repeats_a_name_or_has_too_many_is_refused(form: bytes) -> None:
    with pytest.raises(OAuthError):
        form_parameters(form, invalid_request)
