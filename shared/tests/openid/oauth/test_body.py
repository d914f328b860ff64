"""Strict JSON bodies."""

import pytest

from kompetenspass.openid.oauth import OAuthError, invalid_request, json_object


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
