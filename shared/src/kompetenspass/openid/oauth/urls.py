"""URLs of identifiers, endpoints and well-known documents."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit, urlunsplit

from kompetenspass.openid.oauth.body import Refuse

CREDENTIAL_ISSUER = "openid-credential-issuer"
AUTHORIZATION_SERVER = "oauth-authorization-server"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def well_known_url(issuer: str, name: str) -> str:
    """Return where the document `name` about `issuer` lies: the well-known segment goes between host and path.

    A trailing slash is kept for `openid-credential-issuer` and stripped for `oauth-authorization-server`.
    Source: OpenID4VCI, section 12.2.2; RFC 8414, section 3.1.
    """
    parts = urlsplit(issuer)
    path = parts.path if name == CREDENTIAL_ISSUER else parts.path.removesuffix("/")
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{name}{path}", "", ""))


def checked_url(url: str, refuse: Refuse, *, allow_loopback_http: bool = False) -> str:
    """Return `url` if it is https (or http to a loopback host, where allowed), has a host and no fragment or user.

    Raises what `refuse` makes. Source: OpenID4VCI, section 12.2.4; RFC 8414, section 2.
    """
    parts = _split(url, refuse)
    if parts.scheme == "http" and not (allow_loopback_http and parts.hostname in _LOOPBACK):
        raise refuse("A URL does not use https.")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise refuse("A URL does not use https.")
    if "#" in url or "@" in parts.netloc:
        raise refuse("A URL has a fragment or user information.")
    return url


def checked_identifier(url: str, refuse: Refuse, *, allow_loopback_http: bool = False) -> str:
    """Return `url` if it may be an issuer identifier: as `checked_url`, and without a query.

    Raises what `refuse` makes. Source: OpenID4VCI, section 12.2.1; RFC 8414, section 2.
    """
    if "?" in url:
        raise refuse("An issuer identifier has a query.")
    return checked_url(url, refuse, allow_loopback_http=allow_loopback_http)


def _split(url: str, refuse: Refuse) -> SplitResult:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise refuse("A URL holds characters that it may not.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise refuse("A URL cannot be read.") from error
    return parts
