"""Key binding: the holder's signature over exactly this presentation, for this verifier, now."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.openid.jose import sign_jws
from kompetenspass.openid.sdjwt import (
    SDJWT,
    KeyBinding,
    issue,
    parse,
    present,
    refuse_kb,
    verify,
    verify_kb,
    verify_presentation,
)
from kompetenspass.openid.sdjwt.issue import sha256_b64u
from kompetenspass.openid.sdjwt.present import bind
from kompetenspass.testing.keys import TestSigner

AUD = "x509_hash:abc"
NONCE = "n-0S6_WzA2Mj"


class Story:
    """One presentation with the parts of its key binding exchanged at will."""

    def __init__(self, credential: SDJWT, issuer: TestSigner, holder: TestSigner, now: datetime) -> None:
        self.shown = present(credential.compact, ["given_name"])
        self.issuer, self.holder, self.now = issuer, holder, now
        self.header: dict[str, object] = {"alg": "ES256", "typ": "kb+jwt"}
        self.claims: dict[str, object] = {
            "iat": int(now.timestamp()),
            "aud": AUD,
            "nonce": NONCE,
            "sd_hash": sha256_b64u(self.shown),
        }

    def code(self) -> str:
        return self.judge(self.shown + sign_jws(self.header, self.claims, self.holder))

    def judge(self, compact: str) -> str:
        try:
            verify_presentation(compact, issuer_key=self.issuer.public_key, aud=AUD, nonce=NONCE, now=self.now)
        except Problem as problem:
            return problem.code
        return "accepted"


@pytest.fixture
def story(credential: SDJWT, issuer: TestSigner, holder: TestSigner, now: datetime) -> Story:
    return Story(credential, issuer, holder, now)


def test_sd_5_the_holders_own_binding_is_accepted(
    credential: SDJWT, issuer: TestSigner, holder: TestSigner, now: datetime
) -> None:
    kb = KeyBinding(AUD, NONCE, now, holder, {"transaction_data_hashes": ["x"]})
    shown = present(credential.compact, ["given_name"], kb=kb)
    verified = verify_presentation(shown, issuer_key=issuer.public_key, aud=AUD, nonce=NONCE, now=now)
    assert verified.claims["given_name"] == "Åsa"
    binding = verify_kb(verified, aud=AUD, nonce=NONCE, now=now)
    assert binding.payload["transaction_data_hashes"] == ["x"]
    assert binding.header == {"alg": "ES256", "typ": "kb+jwt"}


def test_sd_5_the_binding_built_by_hand_is_accepted(story: Story) -> None:
    assert story.code() == "accepted"


def test_sd_1_a_presentation_without_its_binding_is_refused(story: Story) -> None:
    assert story.judge(story.shown) == "kb_jwt_missing"


@pytest.mark.parametrize("typ", ["JWT", "dc+sd-jwt", None, 7])
def test_sd_5_a_binding_of_another_typ_is_refused(typ: object, story: Story) -> None:
    story.header["typ"] = typ
    assert story.code() == "wrong_typ"


@pytest.mark.parametrize("aud", ["abc", "https://verifier.example", [AUD], None, "x509_hash:ABC"])
def test_sd_5_a_binding_for_another_verifier_is_refused(aud: object, story: Story) -> None:
    story.claims["aud"] = aud
    assert story.code() == "kb_aud_mismatch"


@pytest.mark.parametrize("nonce", ["other", "", None, 1, [NONCE]])
def test_sd_5_a_binding_for_another_request_is_refused(nonce: object, story: Story) -> None:
    story.claims["nonce"] = nonce
    assert story.code() == "kb_nonce_mismatch"


def test_sd_5_a_binding_over_another_presentation_is_refused(story: Story, credential: SDJWT) -> None:
    story.claims["sd_hash"] = sha256_b64u(credential.compact)
    assert story.code() == "kb_sd_hash_mismatch"


def test_trap_23_nothing_is_bound_without_the_last_tilde(holder: TestSigner, now: datetime) -> None:
    with pytest.raises(Problem, match="sd_jwt_malformed"):
        bind("a.b.c", "hash", KeyBinding(AUD, NONCE, now, holder))


def test_trap_23_the_hash_includes_the_last_tilde(story: Story) -> None:
    story.claims["sd_hash"] = sha256_b64u(story.shown.rstrip("~"))
    assert story.code() == "kb_sd_hash_mismatch"


def test_sd_5_a_disclosure_added_after_the_binding_is_refused(
    credential: SDJWT, holder: TestSigner, now: datetime, story: Story
) -> None:
    bound = present(credential.compact, [], kb=KeyBinding(AUD, NONCE, now, holder))
    more = present(credential.compact, ["given_name"])
    assert story.judge(more + str(parse(bound).kb_jwt)) == "kb_sd_hash_mismatch"


def test_sd_5_a_stale_binding_is_refused(story: Story) -> None:
    story.claims["iat"] = int((story.now - timedelta(days=365)).timestamp())
    assert story.code() == "too_old"


def test_sd_5_a_binding_from_the_future_is_refused(story: Story) -> None:
    story.claims["iat"] = int((story.now + timedelta(days=365)).timestamp())
    assert story.code() == "not_yet_valid"


def test_sd_5_a_binding_without_a_time_is_refused(story: Story) -> None:
    del story.claims["iat"]
    assert story.code() == "missing_claim"


def test_sd_5_an_expired_binding_is_refused(story: Story) -> None:
    story.claims["exp"] = int(story.now.timestamp()) - 3600
    assert story.code() == "expired"


def test_trap_30_a_binding_by_a_foreign_key_is_refused(story: Story) -> None:
    story.holder = TestSigner()
    assert story.code() == "invalid_signature"


def test_sd_5_a_credential_without_cnf_cannot_be_bound(
    claims: dict[str, object], issuer: TestSigner, story: Story
) -> None:
    plain = issue(claims, disclosable=["given_name"], signer=issuer, random=secrets.token_bytes)
    story.shown = present(plain.compact, ["given_name"])
    story.claims["sd_hash"] = sha256_b64u(story.shown)
    assert story.code() == "holder_key_missing"


def test_a_holder_refuses_an_issued_credential_with_a_binding(
    credential: SDJWT, issuer: TestSigner, holder: TestSigner, now: datetime
) -> None:
    bound = present(credential.compact, [], kb=KeyBinding(AUD, NONCE, now, holder))
    with pytest.raises(Problem, match="kb_jwt_unexpected"):
        refuse_kb(verify(bound, issuer_key=issuer.public_key, now=now))
    refuse_kb(verify(credential.compact, issuer_key=issuer.public_key, now=now))
    with pytest.raises(Problem, match="kb_jwt_unexpected"):
        present(bound, ["given_name"])
