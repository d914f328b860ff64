"""Signatures as Standard Webhooks writes them, checked by what is written from the specification alone."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from kompetenspass.subscriptions.signing import Scheme, WebhookKey, new_secret, signed_headers
from kompetenspass.testing.webhooks import verified

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
BODY = b'{"type":"x"}'


def test_a_shared_secret_signs_as_the_published_example_does() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent = datetime.fromtimestamp(1614265330, UTC)
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, b'{"test": 2432232314}', [WebhookKey("hmac", secret)]
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_key_pair_signs_as_the_first_vector_of_rfc_8032_does() -> None:
    key = WebhookKey("ed25519", bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert key.sign(b"") == f"v1a,{base64.b64encode(signature).decode()}"
    assert key.handed_out() == f"whpk_{base64.b64encode(public).decode()}"


@pytest.mark.parametrize("scheme", ["hmac", "ed25519"])
def test_each_key_verifies_its_own_signature_and_no_other(scheme: Scheme) -> None:
    first, second, other = (WebhookKey(scheme, new_secret()) for _ in range(3))
    headers = signed_headers("id", AT, BODY, [first, second])
    assert [verified(key.handed_out(), headers, BODY) for key in (first, second, other)] == [True, True, False]


@pytest.mark.parametrize("scheme", ["hmac", "ed25519"])
@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body"])
def test_what_is_changed_on_the_way_is_noticed(scheme: Scheme, changed: str) -> None:
    key = WebhookKey(scheme, new_secret())
    headers = signed_headers("id", AT, BODY, [key])
    body = BODY + b" " if changed == "body" else BODY
    sent = headers | ({changed: headers[changed] + "1"} if changed in headers else {})
    assert not verified(key.handed_out(), sent, body)


def test_an_id_with_a_full_stop_is_refused() -> None:
    with pytest.raises(ValueError, match="full stop"):
        signed_headers("a.b", AT, BODY, [WebhookKey("hmac", new_secret())])


def test_a_key_does_not_show_its_secret() -> None:
    secret = new_secret()
    assert repr(secret) not in repr(WebhookKey("hmac", secret))
