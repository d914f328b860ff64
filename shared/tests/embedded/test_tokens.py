"""The development issuer of access tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import KeySet

from kompetenspass.embedded.tokens import DevelopmentTokenIssuer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "http://127.0.0.1:8100/tokens"


def issuer(folder: Path) -> DevelopmentTokenIssuer:
    return DevelopmentTokenIssuer(folder, URL, clock=lambda: NOW)


def test_a_token_verifies_by_the_published_keys(tmp_path: Path) -> None:
    minter = issuer(tmp_path)
    token = minter.mint("org:one", ["issuer"], "person", ttl_seconds=60)
    keys = KeySet.import_key_set(json.loads(minter.jwks_path.read_text()))
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    assert decoded.header["typ"] == "at+jwt"
    assert decoded.claims["aud"] == "kompetenspass"
    assert decoded.claims["exp"] - decoded.claims["iat"] == 60
    assert (decoded.claims["org"], decoded.claims["roles"]) == ("org:one", ["issuer"])


def test_a_token_of_before_a_restart_still_verifies(tmp_path: Path) -> None:
    token = issuer(tmp_path).mint("org:one", [], "person")
    keys = KeySet.import_key_set(json.loads(issuer(tmp_path).jwks_path.read_text()))
    assert jwt.decode(token, keys, algorithms=["ES256"]).claims["sub"] == "person"


def test_two_tokens_have_two_ids(tmp_path: Path) -> None:
    minter = issuer(tmp_path)
    assert minter.mint("org:one", [], "person") != minter.mint("org:one", [], "person")


def test_the_published_keys_hold_no_private_part(tmp_path: Path) -> None:
    assert '"d"' not in issuer(tmp_path).jwks_path.read_text()


def test_the_tokens_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    issuer(tmp_path)
    assert (tmp_path / "token.key").stat().st_mode & 0o777 == 0o600
