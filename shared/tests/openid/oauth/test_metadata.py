"""Well-known paths and authorization server metadata."""

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.openid.oauth import (
    AUTHORIZATION_SERVER,
    CREDENTIAL_ISSUER,
    authorization_server_metadata,
    checked_identifier,
    checked_url,
    invalid_request,
    parse_authorization_server_metadata,
    well_known_url,
)

ISSUER = "https://kompetens.example/issuers/skelleftea-kommun"


def built(**changes: object) -> dict[str, object]:
    metadata = authorization_server_metadata(ISSUER, token_endpoint=f"{ISSUER}/token", jwks_uri=f"{ISSUER}/jwks")
    return metadata.to_json() | changes


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://issuer.example.com/tenant", "https://issuer.example.com/.well-known/openid-credential-issuer/tenant"),
        ("https://tenant.issuer.example.com", "https://tenant.issuer.example.com/.well-known/openid-credential-issuer"),
        ("https://issuer.example.com/a/", "https://issuer.example.com/.well-known/openid-credential-issuer/a/"),
        ("https://issuer.example.com:8443/a", "https://issuer.example.com:8443/.well-known/openid-credential-issuer/a"),
        ("https://issuer.example.com/", "https://issuer.example.com/.well-known/openid-credential-issuer/"),
    ],
)
def test_vci_7_the_well_known_segment_goes_between_host_and_path_and_a_slash_is_kept(
    issuer: str, expected: str
) -> None:
    assert well_known_url(issuer, CREDENTIAL_ISSUER) == expected


@pytest.mark.parametrize("issuer", ["https://as.example/a", "https://as.example/a/"])
def test_vci_16_a_trailing_slash_is_stripped_for_the_authorization_server(issuer: str) -> None:
    assert well_known_url(issuer, AUTHORIZATION_SERVER) == "https://as.example/.well-known/oauth-authorization-server/a"


def test_vci_16_the_authorization_server_at_the_root_has_no_slash_after_the_segment() -> None:
    expected = "https://as.example/.well-known/oauth-authorization-server"
    assert well_known_url("https://as.example/", AUTHORIZATION_SERVER) == expected


def test_vci_17_the_metadata_says_what_is_offered_and_no_more() -> None:
    assert built() == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:pre-authorized_code"],
        "token_endpoint_auth_methods_supported": ["none"],
        "pre-authorized_grant_anonymous_access_supported": True,
    }


def test_vci_18_authorization_details_are_named_where_they_are_served() -> None:
    metadata = authorization_server_metadata(
        ISSUER, token_endpoint=f"{ISSUER}/token", jwks_uri=f"{ISSUER}/jwks", authorization_details=True
    )
    assert metadata.to_json()["authorization_details_types_supported"] == ["openid_credential"]


def test_a_wallet_reads_back_what_was_built() -> None:
    metadata = parse_authorization_server_metadata(built(unknown_member=1), issuer=ISSUER)
    assert metadata.token_endpoint == f"{ISSUER}/token"
    assert metadata.pre_authorized_grant_anonymous_access_supported


@pytest.mark.parametrize(
    "document",
    [
        built(issuer=f"{ISSUER}/"),
        built(issuer="https://KOMPETENS.example/issuers/skelleftea-kommun"),
        built(token_endpoint="http://kompetens.example/token"),
        built(token_endpoint=7),
        {"issuer": ISSUER},
    ],
)
def test_vciw_1_other_or_broken_server_metadata_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(Problem) as refused:
        parse_authorization_server_metadata(document, issuer=ISSUER)
    assert refused.value.code == "invalid_metadata"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a",
        "ftp://example.com/a",
        "https:///a",
        "https://example.com/a#b",
        "https://user@example.com/a",
        "https://example.com:port/",
        "https://example.com/å",
        "https://exa mple.com",
        "https://[::1",
        "",
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(url: str) -> None:
    with pytest.raises(Problem):
        checked_url(url, invalid_request, allow_loopback_http=True)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
def test_http_to_a_loopback_host_passes_only_where_it_is_allowed(host: str) -> None:
    url = f"http://{host}/issuers/a"
    assert checked_url(url, invalid_request, allow_loopback_http=True) == url
    with pytest.raises(Problem):
        checked_url(url, invalid_request)


def test_vci_9_an_identifier_has_no_query() -> None:
    assert checked_identifier(ISSUER, invalid_request) == ISSUER
    with pytest.raises(Problem):
        checked_identifier(f"{ISSUER}?a=b", invalid_request)
