"""Credential offers over HTTP: VCI-1 to VCI-5 of the checklist. Source: OpenID4VCI 1.0, section 4."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from kompetenspass.core.ids import random_token
from tests.integration.parties import PRE_AUTHORIZED, Parties, check_problem
from tests.integration.stranger import Stranger


@pytest.mark.parametrize("path", ["", "/qr.svg", "/qr.txt"])
def test_vci_3_an_offer_that_nobody_made_is_not_found(parties: Parties, path: str) -> None:
    check_problem(parties.ask("get", "issuance", f"/offers/{random_token()}{path}"), 404)


def test_vci_3_an_offer_by_reference_that_is_used_or_withdrawn_is_gone(kommun: Stranger) -> None:
    used, withdrawn = kommun.offered(), kommun.offered(kommun.achieved())
    kommun.access_token(used)
    token = kommun.parties.token(kommun.office.org, "awarding_body")
    kommun.parties.must("issuance", f"/v1/offers/{withdrawn.told['offer_id']}/withdraw", token, {})
    for offer in (used, withdrawn):
        url = offer.told["qr_svg_url"].removesuffix("/qr.svg")
        check_problem(kommun.parties.http.get(url), 404)
    assert kommun.token(withdrawn.code).json()["error"] == "invalid_grant"


def test_vci_3_each_offer_has_an_unguessable_address_of_its_own(kommun: Stranger) -> None:
    references = {kommun.offered().told["qr_svg_url"].split("/")[-2] for _ in range(3)}
    assert len(references) == 3
    assert all(len(reference) >= 22 for reference in references)


def test_vci_1_an_offer_names_its_issuer_and_configurations_of_its_metadata(kommun: Stranger) -> None:
    document = kommun.offered().document
    assert set(document) == {"credential_issuer", "credential_configuration_ids", "grants"}
    assert document["credential_issuer"] == kommun.issuer
    assert document["credential_configuration_ids"] == [kommun.office.definition]
    path = f"/.well-known/openid-credential-issuer/issuers/{kommun.office.slug}"
    known = kommun.parties.ask("get", "issuance", path).json()["credential_configurations_supported"]
    assert set(document["credential_configuration_ids"]) <= set(known)


def test_vci_2_an_offer_is_by_value_or_by_reference_and_never_both(kommun: Stranger) -> None:
    told = kommun.offered().told
    for name, parameter in (("offer_uri", "credential_offer"), ("offer_uri_by_reference", "credential_offer_uri")):
        parts = urlsplit(told[name])
        assert (parts.scheme, parts.netloc, parts.path) == ("openid-credential-offer", "", "")
        assert list(parse_qs(parts.query, strict_parsing=True)) == [parameter]


def test_vci_3_the_reference_answers_the_same_offer_as_plain_json(kommun: Stranger) -> None:
    offer = kommun.offered(tx_code=True)
    url = parse_qs(urlsplit(offer.told["offer_uri_by_reference"]).query)["credential_offer_uri"][0]
    for _ in range(2):
        answer = kommun.parties.http.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == offer.document


def test_vci_5_a_tx_code_object_stands_in_the_offer_only_where_one_is_needed(kommun: Stranger) -> None:
    plain, secured = kommun.offered(), kommun.offered(tx_code=True)
    assert list(plain.document["grants"]) == [PRE_AUTHORIZED]
    assert set(plain.grant) == {"pre-authorized_code"}
    assert plain.told["tx_code"] is None
    assert secured.grant["tx_code"] == {"input_mode": "numeric", "length": len(secured.tx_code)}
    assert secured.tx_code.isdecimal()
    assert secured.tx_code not in secured.told["offer_uri"] + secured.told["offer_uri_by_reference"]
