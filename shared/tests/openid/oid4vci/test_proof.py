"""Key proofs of type jwt."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kompetenspass.openid import jose
from kompetenspass.openid.oauth import OAuthError
from kompetenspass.openid.oid4vci import proof
from kompetenspass.testing.keys import TestSigner

ISSUER = "https://kompetens.example/issuers/skelleftea-kommun"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOLDER = TestSigner()
OTHER = TestSigner()
EXAMPLE = (
    "eyJ0eXAiOiJvcGVuaWQ0dmNpLXByb29mK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4Ijoi"
    "blVXQW9BdjNYWml0aDhFN2kxOU9kYXhPTFlGT3dNLVoyRXVNMDJUaXJUNCIsInkiOiJIc2tIVThCalVpMVU5WHFpN1N3bWo4Z3dBS18weGtj"
    "RGpFV183MVNvc0VZIn19.eyJhdWQiOiJodHRwczovL2NyZWRlbnRpYWwtaXNzdWVyLmV4YW1wbGUuY29tIiwiaWF0IjoxNzAxOTYwNDQ0LCJ"
    "ub25jZSI6IkxhclJHU2JtVVBZdFJZTzZCUTR5bjgifQ.-a3EDsxClUB4O3LeDD5DVGEnNMT01FCQW4P6-2-BNBqc_Zxf0Qw4CWayLEpqkAom"
    "lkLb9zioZoipdP-jvh1WlA"
)


def made(header: dict[str, Any] | None = None, signer: TestSigner = HOLDER, **claims: Any) -> str:
    """A sound proof but for what is handed in; a claim or header member that is None is left out."""
    head = {"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": dict(HOLDER.public_jwk)} | (header or {})
    payload = {"aud": ISSUER, "iat": int(NOW.timestamp()), "nonce": "n-1"} | claims
    return jose.sign_jws(
        {name: value for name, value in head.items() if value is not None},
        {name: value for name, value in payload.items() if value is not None},
        signer,
    )


def code_of(*proofs: str, **options: Any) -> str:
    defaults: dict[str, Any] = {"issuer": ISSUER, "now": NOW}
    with pytest.raises(OAuthError) as refused:
        proof.verify(proofs, **(defaults | options))
    return refused.value.code


def seconds(offset: float) -> float:
    return NOW.timestamp() + offset


def test_vci_37_the_specifications_example_proof_is_verified() -> None:
    then = datetime.fromtimestamp(1701960444, UTC)
    (verified,) = proof.verify([EXAMPLE], issuer="https://credential-issuer.example.com", now=then)
    assert verified.nonce == "LarRGSbmUPYtRYO6BQ4yn8"
    assert verified.jwk == {
        "kty": "EC",
        "crv": "P-256",
        "x": "nUWAoAv3XZith8E7i19OdaxOLYFOwM-Z2EuM02TirT4",
        "y": "HskHU8BjUi1U9Xqi7Swmj8gwAK_0xkcDjEW_71SosEY",
    }


def test_vci_37_a_wallets_proof_is_verified_and_gives_key_thumbprint_and_nonce() -> None:
    built = proof.build(HOLDER, issuer=ISSUER, now=NOW, nonce="n-1")
    assert proof.verify([built], issuer=ISSUER, now=NOW) == (
        proof.VerifiedProof(dict(HOLDER.public_jwk), HOLDER.kid, "n-1"),
    )


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"jwk": None},
        {"kid": "0"},
        {"jwk": None, "kid": "did:example:ebfeb1f712ebc6f1c276e12ec21/keys/1"},
        {"jwk": None, "x5c": list(HOLDER.x5c)},
        {"x5c": list(HOLDER.x5c)},
        {"jwk": "text"},
        {"jwk": dict(HOLDER.public_jwk) | {"d": "AAAA"}},
        {"jwk": dict(HOLDER.public_jwk) | {"crv": "secp256k1"}},
        {"jwk": dict(HOLDER.public_jwk) | {"use": "enc"}},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"crit": ["b64"], "b64": False},
    ],
)
def test_vci_37_a_wrong_header_is_an_invalid_proof(header: dict[str, Any]) -> None:
    assert code_of(made(header)) == "invalid_proof"


def test_vci_37_and_trap_30_a_proof_signed_by_another_key_than_it_names_is_refused() -> None:
    assert code_of(made(signer=OTHER)) == "invalid_proof"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "...", EXAMPLE[:-4], EXAMPLE + "A"])
def test_vci_37_what_is_not_a_signed_jwt_is_refused(token: str) -> None:
    assert code_of(token) == "invalid_proof"


@pytest.mark.parametrize("aud", [None, f"{ISSUER}/", [ISSUER], "https://kompetens.example", 7])
def test_vci_37_the_audience_is_the_issuer_identifier_and_nothing_else(aud: object) -> None:
    assert code_of(made(aud=aud)) == "invalid_proof"


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": seconds(-365 * 86400)},
        {"iat": seconds(-361)},
        {"iat": seconds(61)},
        {"exp": seconds(-61)},
        {"nbf": seconds(61)},
    ],
)
def test_vci_37_a_proof_from_another_time_is_refused(claims: dict[str, Any]) -> None:
    assert code_of(made(**claims)) == "invalid_proof"


@pytest.mark.parametrize("offset", [-299.5, 0.25, 59.0])
def test_vci_37_an_iat_in_the_window_passes_even_with_a_fraction(offset: float) -> None:
    assert proof.verify([made(iat=seconds(offset))], issuer=ISSUER, now=NOW)


@pytest.mark.parametrize("nonce", [None, "", 7])
def test_vci_33_a_proof_without_a_nonce_is_an_invalid_proof_and_not_an_invalid_nonce(nonce: object) -> None:
    assert code_of(made(nonce=nonce)) == "invalid_proof"


def test_vci_33_without_a_nonce_endpoint_no_nonce_is_needed() -> None:
    (verified,) = proof.verify([made(nonce=None)], issuer=ISSUER, now=NOW, nonce_required=False)
    assert verified.nonce is None


def test_vci_37_iss_is_the_client_or_absent_for_an_anonymous_wallet() -> None:
    assert code_of(made(iss="wallet")) == "invalid_proof"
    assert code_of(made(iss="other"), client_id="wallet") == "invalid_proof"
    built = proof.build(HOLDER, issuer=ISSUER, now=NOW, nonce="n", client_id="wallet")
    assert proof.verify([built], issuer=ISSUER, now=NOW, client_id="wallet")


def test_vci_37_every_proof_of_a_batch_counts_and_their_order_is_kept() -> None:
    second = proof.build(OTHER, issuer=ISSUER, now=NOW, nonce="n-2")
    verified = proof.verify([made(), second], issuer=ISSUER, now=NOW)
    assert [found.nonce for found in verified] == ["n-1", "n-2"]
    assert code_of(made(), proof.build(OTHER, issuer=ISSUER, now=NOW, nonce=None)) == "invalid_proof"
    assert code_of(made(), proof.build(OTHER, issuer="https://a", now=NOW, nonce="n")) == "invalid_proof"


def test_vci_32_one_key_is_proved_once() -> None:
    assert code_of(made(nonce="n-1"), made(nonce="n-2")) == "invalid_proof"


def test_vci_28_no_proofs_at_all_are_an_invalid_proof() -> None:
    assert code_of() == "invalid_proof"


def test_vci_37_an_algorithm_that_the_metadata_does_not_list_is_refused() -> None:
    assert code_of(made(), algs=("ES384",)) == "invalid_proof"


def test_a_proof_built_today_is_too_old_tomorrow() -> None:
    built = proof.build(HOLDER, issuer=ISSUER, now=NOW, nonce="n")
    assert code_of(built, now=NOW + timedelta(days=1)) == "invalid_proof"


def test_nonces_do_not_stand_in_the_text_of_a_proof_or_its_refusal() -> None:
    (verified,) = proof.verify([made(nonce="secret-nonce")], issuer=ISSUER, now=NOW)
    assert "secret-nonce" not in repr(verified)
