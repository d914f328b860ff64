"""A verifier's request over HTTP: VP-1 to VP-12 of the checklist. Source: OpenID4VP 1.0, sections 5 and 6."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kompetenspass.core.clock import system_clock
from tests.integration.parties import STRANGER, VERIFIER, Parties, check_problem
from tests.integration.stranger import JSON, chain_of, check_chain, check_error, json_of, opened_by_leaf
from tests.integration.verifier import Asked, asked, created

MEMBERS = {
    "client_id", "response_type", "response_mode", "response_uri", "nonce", "state", "aud", "dcql_query",
    "client_metadata", "iat", "exp",
}  # fmt: skip
URL_SAFE = re.compile(r"[A-Za-z0-9_-]{22,43}")
NOBODYS = "01a1fde6-be00-7295-8528-9eefcf3f4a98"
NEVER_ASKED = {"iss", "nbf", "exp", "cnf", "vct", "status"}


@pytest.fixture(scope="module")
def request_(parties: Parties) -> Asked:
    return asked(parties)


def vct(parties: Parties) -> str:
    return f"{parties.urls['catalog']}/vct/mikromerit/1"


def query(parties: Parties, **changes: object) -> JSON:
    credential = {"id": "a", "format": "dc+sd-jwt", "meta": {"vct_values": [vct(parties)]}}
    return {"credentials": [{name: value for name, value in (credential | changes).items() if value is not None}]}


@pytest.mark.parametrize("path", ["/requests/x", f"/requests/{NOBODYS}", f"/responses/{NOBODYS}", "/responses/x"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_vp_6_a_request_that_nobody_made_is_not_found(parties: Parties, path: str, method: str) -> None:
    form = {"vp_token": '{"a":["x"]}', "state": "x"} if method == "post" else None
    answer = parties.ask(method, "verification", path, data=form)
    assert answer.status_code == (405 if (method, path[:4]) == ("get", "/res") else 404)
    assert isinstance(answer.json()["error"], str)


def test_vp_6_a_request_is_fetched_by_a_form_or_not_at_all(parties: Parties) -> None:
    request = created(parties, {"definition_id": "sko-ys-01"}).json()
    for answer in (
        parties.http.post(request["request_uri"], json={"wallet_nonce": "x"}),
        parties.http.post(request["request_uri"], data={"wallet_nonce": ["x", "y"]}),
        parties.http.post(request["request_uri"], data={"wallet_nonce": "x" * 5000}),
    ):
        check_error(answer, "invalid_request")
    assert parties.http.get(request["request_uri"]).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "å"},
        {"id": ""},
        {"format": None},
        {"meta": None},
        {"meta": {}},
        {"meta": {"vct_values": []}},
        {"meta": {"vct_values": "x"}},
        {"claims": []},
        {"claims": [{"path": []}]},
        {"claims": [{"path": ["a", -1]}]},
        {"claims": [{"path": ["a", 1.5]}]},
        {"claims": [{"path": ["a", True]}]},
        {"claims": [{"path": ["a"]}, {"path": ["a"]}]},
        {"claims": [{"path": ["a"], "values": []}]},
        {"claims": [{"id": "å", "path": ["a"]}]},
        {"claim_sets": [["a"]]},
        {"claims": [{"path": ["a"]}], "claim_sets": [["a"]]},
        {"claims": [{"id": "a", "path": ["a"]}], "claim_sets": [["b"]]},
        {"claims": [{"id": "a", "path": ["a"]}, {"id": "a", "path": ["b"]}]},
        {"trusted_authorities": []},
        {"trusted_authorities": [{"type": "aki"}]},
        {"multiple": "yes"},
        {"require_cryptographic_holder_binding": 1},
        *({"claims": [{"path": [name]}]} for name in sorted(NEVER_ASKED)),
    ],
)
def test_vp_8_vp_9_vp_12_a_query_that_may_not_be_sent_is_refused(parties: Parties, change: JSON) -> None:
    check_problem(created(parties, {"dcql_query": query(parties, **change)}), 400)


@pytest.mark.parametrize(
    "change",
    [
        {"credentials": []},
        {"credentials": "x"},
        {"credential_sets": []},
        {"credential_sets": [{"options": []}]},
        {"credential_sets": [{"options": [[]]}]},
        {"credential_sets": [{"options": [["b"]]}]},
        {"credential_sets": [{"options": [["a"]], "required": "no"}]},
    ],
)
def test_vp_10_sets_of_what_was_not_asked_are_refused(parties: Parties, change: JSON) -> None:
    check_problem(created(parties, {"dcql_query": query(parties) | change}), 400)


def test_vp_8_two_queries_of_one_name_are_refused(parties: Parties) -> None:
    twice = query(parties)["credentials"] * 2
    check_problem(created(parties, {"dcql_query": {"credentials": twice}}), 400)


@pytest.mark.parametrize("body", [{}, {"definition_id": "x", "dcql_query": {}}, {"definition_id": "x", "more": 1}, []])
def test_vp_3_a_request_is_for_one_definition_or_one_query(parties: Parties, body: object) -> None:
    check_problem(created(parties, body), 400)


def test_vp_3_a_request_for_a_definition_that_nobody_published_is_refused(parties: Parties) -> None:
    check_problem(created(parties, {"definition_id": "never-published"}), 404)


def test_vp_15_another_verifier_cannot_read_a_request(parties: Parties, request_: Asked) -> None:
    path = f"/v1/requests/{request_.created['request_id']}"
    check_problem(parties.ask("get", "verification", path, parties.token(STRANGER, "verifier")), 404)
    check_problem(parties.ask("get", "verification", path, parties.token(VERIFIER, "issuer")), 403)
    check_problem(parties.ask("get", "verification", path), 401)


def test_vp_1_vp_4_the_object_is_typed_and_signed_by_the_key_that_the_client_id_names(
    request_: Asked, root: x509.Certificate
) -> None:
    header = json_of(request_.token.split(".")[0])
    assert set(header) <= {"alg", "typ", "kid", "x5c"}
    assert (header["typ"], header["alg"]) == ("oauth-authz-req+jwt", "ES256")
    chain = chain_of(header)
    check_chain(chain, root)
    digest = hashlib.sha256(chain[0].public_bytes(Encoding.DER)).digest()
    expected = "x509_hash:" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert request_.said["client_id"] == expected == request_.created["client_id"]
    assert request_.said["aud"] == "https://self-issued.me/v2"


def test_vp_2_vp_3_vp_7_the_object_has_what_it_must_and_nothing_else(request_: Asked, parties: Parties) -> None:
    said, now = request_.said, system_clock().timestamp()
    assert set(said) == MEMBERS
    assert (said["response_type"], said["response_mode"]) == ("vp_token", "direct_post")
    assert said["response_uri"].startswith(f"{parties.urls['verification']}/responses/")
    assert "#" not in said["response_uri"]
    assert URL_SAFE.fullmatch(said["nonce"])
    assert URL_SAFE.fullmatch(said["state"])
    assert len(set(said["nonce"])) > 10
    assert (type(said["iat"]), type(said["exp"])) == (int, int)
    assert now - 60 < said["iat"] <= now + 1 < said["exp"]


def test_vp_2_nonce_and_state_are_fresh_for_each_request(parties: Parties) -> None:
    objects = [asked(parties).said for _ in range(3)]
    for name in ("nonce", "state", "response_uri"):
        assert len({said[name] for said in objects}) == 3


def test_vp_5_client_metadata_has_the_formats_and_no_leftovers(request_: Asked) -> None:
    assert request_.said["client_metadata"] == {
        "vp_formats_supported": {"dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}}
    }


def test_vp_7_the_url_has_the_client_and_where_the_request_lies(request_: Asked) -> None:
    parts = urlsplit(request_.created["uri"])
    parameters = parse_qs(parts.query, strict_parsing=True)
    assert parts.scheme == "openid4vp"
    assert set(parameters) <= {"client_id", "request_uri", "request_uri_method"}
    assert parameters["client_id"] == [request_.said["client_id"]]
    assert parameters["request_uri"] == [request_.created["request_uri"]]


def check_object(answer: httpx2.Response) -> JSON:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/oauth-authz-req+jwt")
    assert answer.headers["cache-control"] == "no-store"
    return opened_by_leaf(answer.text)


def test_vp_6_a_posted_wallet_nonce_comes_back_and_an_unposted_one_does_not(parties: Parties) -> None:
    request = created(parties, {"definition_id": "sko-ys-01"}).json()
    form = {"wallet_nonce": "from-the-wallet", "wallet_metadata": '{"a":1}', "unknown": "x"}
    posted = check_object(parties.http.post(request["request_uri"], data=form))
    assert posted["wallet_nonce"] == "from-the-wallet"
    got = check_object(parties.http.get(request["request_uri"]))
    assert "wallet_nonce" not in got
    assert (posted["nonce"], posted["state"]) == (got["nonce"], got["state"])


def test_vp_7_trap_10_a_request_is_fetched_twice_and_no_more(parties: Parties) -> None:
    request = asked(parties)
    assert parties.http.get(request.created["request_uri"]).status_code == 200
    third = parties.http.get(request.created["request_uri"])
    check_error(third, third.json()["error"], 410)


def test_vp_8_vp_9_vp_12_the_query_for_a_definition_asks_for_its_urn_and_the_claims(
    request_: Asked, parties: Parties
) -> None:
    (credential,) = request_.said["dcql_query"]["credentials"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", credential["id"])
    assert credential["format"] == "dc+sd-jwt"
    assert credential["meta"] == {"vct_values": [vct(parties)]}
    assert {"path": ["definition"], "values": ["urn:mikromerit:demo:sko-ys-01"]} in credential["claims"]
    paths = [tuple(claim["path"]) for claim in credential["claims"]]
    assert {("family_name",), ("assessment_grade",)} <= set(paths)
    assert len(set(paths)) == len(paths)
    assert not {path[0] for path in paths} & NEVER_ASKED
    assert all(set(claim) <= {"id", "path", "values"} for claim in credential["claims"])


def test_vp_8_a_query_of_the_verifiers_own_is_sent_as_it_is(parties: Parties) -> None:
    own = query(parties, claims=[{"id": "n", "path": ["family_name"]}], claim_sets=[["n"]], multiple=False)
    own["credential_sets"] = [{"options": [["a"]], "required": True}]
    request = created(parties, {"dcql_query": own}).raise_for_status().json()
    assert check_object(parties.http.get(request["request_uri"]))["dcql_query"] == own
