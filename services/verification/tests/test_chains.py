"""Certificate chains are verified once and remembered, but never beyond what they were verified for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.openid import jose
from kompetenspass.testing.keys import TestAnchor, TestSigner
from services.verification.service.chains import Chains
from services.verification.tests.world import ISSUER, World


def test_a_chain_is_read_once_and_trusted_within_its_time(world: World) -> None:
    chains = Chains(lambda: [world.anchor.certificate])
    chain = chains.read(list(world.issuer.x5c))
    trusted = chains.trusted(chain, world.clock())
    assert chains.read(list(world.issuer.x5c)) is chain
    assert chains.trusted(chain, world.clock() + timedelta(seconds=1)) is trusted
    assert ISSUER in trusted.uris
    assert trusted.key is chain.key


def test_a_remembered_chain_is_refused_outside_its_time(world: World) -> None:
    chains = Chains(lambda: [world.anchor.certificate])
    chain = chains.read(list(world.issuer.x5c))
    trusted = chains.trusted(chain, world.clock())
    for moment in (trusted.since - timedelta(seconds=1), trusted.until + timedelta(seconds=1)):
        with pytest.raises(jose.JoseError):
            chains.trusted(chain, moment)


def test_a_chain_that_is_not_trusted_is_refused_each_time(world: World) -> None:
    chains = Chains(lambda: [world.anchor.certificate])
    stranger = chains.read(list(TestSigner(uris=[ISSUER], anchor=TestAnchor()).x5c))
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            chains.trusted(stranger, world.clock())
        assert refused.value.code == "untrusted_chain"
    assert chains.read(list(stranger.x5c)) is not stranger


@pytest.mark.parametrize("x5c", [None, [], [1], "text", ["no certificate"], [["nested"]]])
def test_what_is_no_chain_is_not_read(x5c: object) -> None:
    for _ in range(2):
        with pytest.raises(jose.JoseError, match="bad_x5c"):
            Chains(list).read(x5c)


def test_of_many_chains_not_all_are_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.verification.service.chains._MOST", 2)
    chains = Chains(lambda: [world.anchor.certificate])
    many = [list(TestSigner(uris=[ISSUER], anchor=world.anchor).x5c) for _ in range(3)]
    read = [chains.read(x5c) for x5c in many]
    for chain in read:
        chains.trusted(chain, world.clock())
    assert chains.read(many[2]) is read[2]
    assert chains.read(many[0]) is not read[0]
