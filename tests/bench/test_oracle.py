"""The oracle refuses every token that was spoilt, whatever it says about itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.driver.oracle import Oracle
from bench.driver.wallet import Held, HolderKey, payload_of
from bench.of_crypto.credentials import Bound, Credentials, made
from bench.peers import sdjwt
from kompetenspass.core.digest import b64u


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """Return two credentials of a pilot's definition, with certificates in their header."""
    _, pilot = made(tmp_path_factory.mktemp("issued"), 2)
    return pilot


@pytest.fixture
def oracle(issued: Credentials) -> Oracle:
    return Oracle(sdjwt.public(issued.signer.public_jwk))


def held(one: Bound, compact: str | None = None) -> Held:
    key = HolderKey()
    key.public_jwk = one.holder.public_jwk
    return Held(one.credential.compact if compact is None else compact, key)


def without_one(compact: str) -> str:
    jwt, _, *others = compact.split("~")
    return "~".join([jwt, *others])


def with_another(compact: str) -> str:
    return compact + b64u(json.dumps(["salt", "given_name", "Annan"]).encode()) + "~"


def with_rubbish(compact: str) -> str:
    jwt, *disclosures, _ = compact.split("~")
    return "~".join([jwt, *("AAAA" for _ in disclosures), ""])


def with_one_changed(compact: str) -> str:
    jwt, first, *others = compact.split("~")
    return "~".join([jwt, first[:-3] + ("AAA" if first[-3:] != "AAA" else "BBB"), *others])


def with_one_twice(compact: str) -> str:
    jwt, first, *others = compact.split("~")
    return "~".join([jwt, first, first, *others])


def with_another_payload(compact: str) -> str:
    jwt, *rest = compact.split("~")
    header, _, signature = jwt.split(".")
    payload = b64u(json.dumps({**payload_of(compact), "iss": "https://annan.example"}).encode())
    return "~".join([f"{header}.{payload}.{signature}", *rest])


def with_another_signature(compact: str) -> str:
    jwt, *rest = compact.split("~")
    signed, _, signature = jwt.rpartition(".")
    return "~".join([f"{signed}.{signature[::-1]}", *rest])


def unsigned(compact: str) -> str:
    jwt, *rest = compact.split("~")
    return "~".join([f"{b64u(json.dumps({'alg': 'none'}).encode())}.{jwt.split('.')[1]}.", *rest])


def test_what_was_issued_is_accepted(issued: Credentials, oracle: Oracle) -> None:
    condition = oracle.condition([held(one) for one in issued.pool])
    assert (condition.held, condition.shown) == (True, "2 of 2")


@pytest.mark.parametrize(
    "spoil",
    [
        without_one,
        with_another,
        with_rubbish,
        with_one_changed,
        with_one_twice,
        with_another_payload,
        with_another_signature,
        unsigned,
        lambda compact: "",
        lambda compact: compact.split("~")[0],
    ],
)
def test_a_spoilt_credential_is_refused(issued: Credentials, oracle: Oracle, spoil: Callable[[str], str]) -> None:
    first, second = issued.pool
    condition = oracle.condition([held(first, spoil(first.credential.compact)), held(second)])
    assert (condition.held, condition.shown) == (False, "1 of 2")


def test_a_disclosure_of_another_credential_is_refused(issued: Credentials, oracle: Oracle) -> None:
    first, second = ([*one.credential.compact.split("~")] for one in issued.pool)
    assert not oracle.accepts(held(issued.pool[0], "~".join([first[0], second[1], *first[2:]])))


def test_an_issuer_with_certificates_of_its_own_making_is_refused(oracle: Oracle, tmp_path: Path) -> None:
    _, forger = made(tmp_path, 1)
    (forged,) = forger.pool
    assert sdjwt.verified(forged.credential.compact, sdjwt.public(forger.signer.public_jwk))
    assert not oracle.accepts(held(forged))


def test_a_credential_bound_to_another_wallets_key_is_refused(issued: Credentials, oracle: Oracle) -> None:
    first, second = issued.pool
    assert not oracle.accepts(held(first, second.credential.compact))


def test_nothing_judged_is_not_taken_for_everything_accepted(oracle: Oracle) -> None:
    assert not oracle.condition([]).held
