"""The judgement of pasted text at /v1/verify: VP-16, SD-1, SD-4 and SD-8 of the checklist, and problem+json."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kompetenspass.core.clock import system_clock
from kompetenspass.openid.jose import sign_jws
from kompetenspass.openid.sdjwt import digest_of_copy, present
from kompetenspass.testing.keys import TestSigner
from tests.integration.parties import Parties, check_problem
from tests.integration.stranger import JSON, Held, json_of
from tests.integration.verifier import asked


def verdict_on(parties: Parties, credential: str) -> JSON:
    answer = parties.ask("post", "verification", "/v1/verify", json={"credential": credential})
    return dict(answer.raise_for_status().json())


def failed(verdict: JSON) -> list[str]:
    return [check["code"] for check in verdict["checks"] if check["ok"] is False]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"credential": ""},
        {"credential": 7},
        {"credential": ["x"]},
        {"credential": "x" * 200_001},
        {"credential": "x", "more": 1},
        [],
        "x",
    ],
)
def test_vp_16_a_body_that_is_no_question_is_a_problem(parties: Parties, body: object) -> None:
    check_problem(parties.ask("post", "verification", "/v1/verify", json=body), 400)


GARBAGE: dict[str, Callable[[Held], str]] = {
    "a word": lambda _: "garbage",
    "spaces": lambda _: "  ",
    "tildes": lambda _: "~~~~",
    "dots": lambda _: "...~",
    "letters of other alphabets": lambda _: "åäö~ß~",
    "HTML": lambda _: "<script>alert(1)</script>",
    "JSON": lambda _: '{"credential": "x"}',
    "no tilde": lambda held: held.credential.split("~")[0],
    "cut": lambda held: held.credential[: len(held.credential) // 2],
    "two": lambda held: held.credential + held.credential,
    "many tildes": lambda held: held.credential + "~" * 50_000,
    "no chain": lambda held: sign_jws({"alg": "ES256", "typ": "dc+sd-jwt"}, held.payload, TestSigner()) + "~",
    "no claims": lambda held: sign_jws(json_of(held.credential.split(".")[0]), {}, TestSigner()) + "~",
}


@pytest.mark.parametrize("text", GARBAGE)
def test_vp_16_sd_1_garbage_is_judged_and_refused_as_such(parties: Parties, held: Held, text: str) -> None:
    verdict = verdict_on(parties, GARBAGE[text](held))
    assert verdict["outcome"] == "refused"
    assert failed(verdict) == ["form"]
    assert {check["ok"] for check in verdict["checks"][1:]} == {None}
    assert verdict["credentials"] == []


def test_sd_8_trap_30_a_foreign_signature_under_the_right_chain_is_refused(parties: Parties, held: Held) -> None:
    header = json_of(held.credential.split(".")[0])
    payload = held.payload | {"iat": int(system_clock().timestamp())}
    verdict = verdict_on(parties, sign_jws(header, payload, TestSigner()) + "~")
    assert failed(verdict) == ["signature"]
    signer = TestSigner(uris=[held.payload["iss"]])
    verdict = verdict_on(parties, sign_jws(header | {"x5c": list(signer.x5c)}, payload, signer) + "~")
    assert failed(verdict) == ["chain"]


def test_sd_4_an_invented_disclosure_is_refused(parties: Parties, held: Held) -> None:
    assert failed(verdict_on(parties, f"{held.credential}WyJzYWx0IiwibmFtZSIsInZhbHVlIl0~")) == ["signature"]


@pytest.mark.parametrize("shown", [[], ["family_name"]])
def test_vp_16_a_credential_that_holds_is_verified_whatever_it_shows(
    parties: Parties, held: Held, shown: list[str]
) -> None:
    for text in (present(held.credential, shown), held.credential, f"\n {held.credential} \n"):
        verdict = verdict_on(parties, text)
        assert verdict["outcome"] == "verified", verdict
        assert all(check["ok"] is True for check in verdict["checks"])
        assert verdict["credentials"] == [
            {
                "issuer": held.payload["iss"],
                "definition": "urn:mikromerit:demo:sko-ys-01",
                "definition_version": held.payload["definition_version"],
                "digest": digest_of_copy(held.credential),
            }
        ]


def test_vp_16_a_presentation_for_another_is_judged_with_its_key_binding(parties: Parties, held: Held) -> None:
    ask = asked(parties)
    assert verdict_on(parties, ask.presented(held))["outcome"] == "verified"
    assert failed(verdict_on(parties, ask.presented(held, signer=TestSigner()))) == ["key_binding"]
