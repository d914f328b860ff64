"""One issuer, one holder and one credential, shared by the tests of SD-JWT."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from kompetenspass.openid.jose import sign_jws
from kompetenspass.openid.sdjwt import SDJWT, Path, issue
from kompetenspass.testing.keys import TestSigner

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def issuer() -> TestSigner:
    return TestSigner(uris=["https://issuer.example/issuers/a"])


@pytest.fixture(scope="session")
def holder() -> TestSigner:
    return TestSigner()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def claims() -> dict[str, object]:
    return {
        "vct": "https://catalog.example/vct/mikromerit/1",
        "iss": "https://issuer.example/issuers/a",
        "exp": int(NOW.timestamp()) + 3600,
        "given_name": "Åsa",
        "address": {"city": "Skellefteå", "street": "Storgatan 1"},
        "has_part": [{"definition": "a"}, {"definition": "b"}],
    }


@pytest.fixture
def credential(claims: dict[str, object], issuer: TestSigner, holder: TestSigner) -> SDJWT:
    paths: list[str | Path] = ["given_name", "address", ("address", "city"), ("has_part", None)]
    return issue(claims, disclosable=paths, signer=issuer, random=secrets.token_bytes, holder_jwk=holder.public_jwk)


@pytest.fixture
def signed(issuer: TestSigner) -> Callable[..., str]:
    """Sign any payload as an SD-JWT VC with any disclosures: the way to build defects."""

    def build(payload: dict[str, object], *disclosures: str, typ: str = "dc+sd-jwt") -> str:
        jwt = sign_jws({"typ": typ}, {"vct": "urn:example:type", **payload}, issuer)
        return "~".join((jwt, *disclosures, ""))

    return build
