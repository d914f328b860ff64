"""Enrolment of an issuer key, against a registry that verifies what it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.pki import DevelopmentCA, Kind
from kompetenspass.keys.folder import SignerFolder
from kompetenspass.openid.jose import leaf_key, load_anchors, san_uris, verify_chain, verify_jws
from kompetenspass.testing.clock import FixedClock
from services.issuance.service.enrolment import PROOF_TYP, Enrolment
from services.issuance.tests.rig import BASE

ISSUER = f"{BASE}/issuers/alfa"


@dataclass
class Registry:
    """Stands in for another service: does what the real one does with a chain and a proof."""

    anchors: Any
    clock: FixedClock
    audience: str = "https://registry.example"
    registered: list[str] = field(default_factory=list)

    async def organisation(self, org_id: str) -> dict[str, Any]:
        return {"org_id": org_id, "slug": "alfa", "legal_name": {"sv": "Alfa AB"}}

    async def challenge(self, org_id: str, token: str) -> str:
        return "challenge-1"

    async def register_key(self, org_id: str, x5c: Sequence[str], proof: str, token: str) -> dict[str, Any]:
        leaf = verify_chain(list(x5c), self.anchors, self.clock())
        claims = verify_jws(proof, leaf_key(leaf), typ=PROOF_TYP).payload
        assert claims["aud"] == self.audience
        assert (claims["challenge"], claims["org_id"]) == ("challenge-1", org_id)
        assert list(san_uris(leaf)) == [ISSUER]
        self.registered.append(str(x5c[0]))
        return {}


@pytest.fixture
def enrolment(tmp_path: Path) -> tuple[Enrolment, Registry, SignerFolder]:
    clock = FixedClock()
    ca = DevelopmentCA(tmp_path / "ca", clock=clock)
    clock.advance(timedelta(minutes=1))
    registry = Registry(load_anchors(ca.root_pem.encode()), clock)
    folder = SignerFolder(tmp_path / "issuers")

    def certify(name: str, issuer: str, key: Any) -> str:
        return ca.issue(Kind.ISSUER, name, (issuer,), key)

    return Enrolment(registry, folder, certify, lambda slug: f"{BASE}/issuers/{slug}", clock), registry, folder


async def test_a_key_is_made_certified_and_registered(enrolment: tuple[Enrolment, Registry, SignerFolder]) -> None:
    enrol, registry, folder = enrolment
    kid = await enrol.enrol("org:alfa", "token")
    assert folder.of("alfa").kid == kid
    assert registry.registered == [folder.of("alfa").x5c[0]]
    assert folder.key_path("alfa").stat().st_mode & 0o777 == 0o600


async def test_enrolling_again_registers_the_same_key(enrolment: tuple[Enrolment, Registry, SignerFolder]) -> None:
    enrol, registry, _ = enrolment
    assert await enrol.enrol("org:alfa", "token") == await enrol.enrol("org:alfa", "token")
    assert registry.registered[0] == registry.registered[1]


def test_an_issuer_without_a_key_is_told_how_to_get_one(tmp_path: Path) -> None:
    for slug in ("alfa", "../alfa"):
        with pytest.raises(Problem, match="no_issuer_key") as refused:
            SignerFolder(tmp_path).of(slug)
        assert "enrol" in refused.value.remedy
