"""An SD-JWT that was taken apart before is verified as its text is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.openid.sdjwt import SDJWT, KeyBinding, digest_of_copy, open_sd_jwt, present, verify, verify_kb
from kompetenspass.testing.keys import TestSigner


def test_what_it_says_is_read_once_and_is_what_is_verified(
    credential: SDJWT, issuer: TestSigner, holder: TestSigner, now: datetime
) -> None:
    binding = KeyBinding(aud="verifier", nonce="n", issued_at=now, signer=holder)
    shown = present(credential.compact, ["given_name"], kb=binding)
    opened = open_sd_jwt(shown)
    verified = verify(opened, issuer_key=issuer.public_key, now=now)
    assert verified == verify(shown, issuer_key=issuer.public_key, now=now)
    assert (verified.payload, verified.parts) == (opened.jwt.payload, opened.parts)
    assert opened.digest == verified.digest == digest_of_copy(credential.compact)
    verify_kb(verified, aud="verifier", nonce="n", now=now)


def test_another_key_a_changed_signature_and_a_late_moment_are_refused(
    credential: SDJWT, issuer: TestSigner, now: datetime
) -> None:
    head, _, rest = credential.compact.rpartition(".")
    forged = open_sd_jwt(f"{head}.{'B' if rest[0] == 'A' else 'A'}{rest[1:]}")
    opened = open_sd_jwt(credential.compact)
    for one, key, moment, code in (
        (forged, issuer.public_key, now, "invalid_signature"),
        (opened, TestSigner().public_key, now, "invalid_signature"),
        (opened, issuer.public_key, now + timedelta(days=1), "expired"),
    ):
        with pytest.raises(Problem) as refused:
            verify(one, issuer_key=key, now=moment)
        assert refused.value.code == code


@pytest.mark.parametrize("compact", ["", "~", "a.b.c", "a.b.c~", "e30.W10.AA~", None])
def test_what_cannot_be_read_is_not_opened(compact: object) -> None:
    with pytest.raises(Problem):
        open_sd_jwt(compact)
