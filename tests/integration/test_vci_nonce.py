"""The nonce endpoint over HTTP: VCI-26 of the checklist. Source: OpenID4VCI 1.0, section 7."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from kompetenspass.core.ids import random_token
from tests.integration.parties import Parties
from tests.integration.stranger import SOBONA, Stranger, check_error, check_one_won

RIVALS = 4


def test_vci_26_a_nonce_is_given_without_token_and_is_not_stored(kommun: Stranger) -> None:
    answer = kommun.post("nonce")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"c_nonce"}


def test_vci_26_nonces_are_unpredictable(kommun: Stranger) -> None:
    nonces = [kommun.nonce() for _ in range(20)]
    assert len(set(nonces)) == len(nonces)
    assert all(len(nonce) >= 22 for nonce in nonces)
    starts = {nonce[:16] for nonce in nonces}
    ends = {nonce[-16:] for nonce in nonces}
    assert len(starts) == len(nonces) or len(ends) == len(nonces)


@pytest.mark.parametrize("change", ["unknown", "empty part", "cut", "longer", "changed"])
def test_vci_26_a_nonce_that_was_not_given_out_is_invalid_nonce(kommun: Stranger, change: str) -> None:
    nonce = kommun.nonce()
    other = "B" if nonce[5] == "A" else "A"
    forged = {
        "unknown": random_token(),
        "empty part": " ",
        "cut": nonce[:-1],
        "longer": nonce + "A",
        "changed": nonce[:5] + other + nonce[6:],
    }[change]
    answer = kommun.credential(kommun.access_token(), kommun.request(kommun.proof(nonce=forged)))
    check_error(answer, "invalid_nonce")


def test_vci_26_a_nonce_of_another_issuer_is_invalid_nonce(kommun: Stranger, parties: Parties) -> None:
    foreign = Stranger(parties, SOBONA).nonce()
    answer = kommun.credential(kommun.access_token(), kommun.request(kommun.proof(nonce=foreign)))
    check_error(answer, "invalid_nonce")


def test_vci_26_a_nonce_is_good_once_whatever_key_and_token_it_comes_with(kommun: Stranger) -> None:
    nonce, token = kommun.nonce(), kommun.access_token()
    proof = kommun.proof(nonce=nonce)
    assert kommun.credential(token, kommun.request(proof)).status_code == 200
    check_error(kommun.credential(token, kommun.request(proof)), "invalid_nonce")
    check_error(kommun.credential(token, kommun.request(kommun.proof(nonce=nonce))), "invalid_nonce")
    other = kommun.access_token(kommun.offered(kommun.achieved()))
    check_error(kommun.credential(other, kommun.request(kommun.proof(nonce=nonce))), "invalid_nonce")


def test_vci_26_of_requests_at_once_with_one_proof_one_is_answered(kommun: Stranger) -> None:
    token, request = kommun.access_token(), kommun.request(kommun.proof())
    with ThreadPoolExecutor(RIVALS) as rivals:
        answers = list(rivals.map(lambda _: kommun.credential(token, request), range(RIVALS)))
    check_one_won(answers, 400, "invalid_nonce")


def test_vci_26_an_issuer_that_does_not_exist_gives_no_nonce(parties: Parties) -> None:
    answer = parties.ask("post", "issuance", "/issuers/nobody/nonce")
    check_error(answer, answer.json()["error"], 404)
