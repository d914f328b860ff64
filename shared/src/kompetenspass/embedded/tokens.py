"""A development issuer of access tokens: for trials it mints what an identity provider would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.core.digest import b64u
from kompetenspass.core.ids import random_token
from kompetenspass.keys.file import create_key, load_key
from kompetenspass.keys.public import public_jwk, thumbprint

AUDIENCE = "kompetenspass"
_CLIENT = "kompetenspass-development"


class DevelopmentTokenIssuer:
    """One P-256 key in a folder, made once; `jwks_path` is what the services are told to trust."""

    def __init__(self, folder: Path, issuer_url: str, *, clock: Clock = system_clock) -> None:
        self.issuer_url = issuer_url
        self.jwks_path = folder / "jwks.json"
        self._clock = clock
        key_path = folder / "token.key"
        if not key_path.exists():
            create_key(key_path)
        private = load_key(key_path)
        public = public_jwk(private.public_key())
        self._kid = thumbprint(public)
        scalar = b64u(private.private_numbers().private_value.to_bytes(32, "big"))
        self._key = ECKey.import_key({**public, "d": scalar})
        published = {"keys": [{**public, "kid": self._kid, "alg": "ES256", "use": "sig"}]}
        unfinished = self.jwks_path.with_suffix(".json.new")  # a service may be reading the present one
        unfinished.write_text(json.dumps(published, indent=2) + "\n")
        unfinished.replace(self.jwks_path)

    def mint(self, org: str, roles: Sequence[str], subject: str, ttl_seconds: int = 3600) -> str:
        """Return an access token (`at+jwt`) for one organisation and its roles. Source: RFC 9068, section 2."""
        issued_at = int(self._clock().timestamp())
        claims = {
            "iss": self.issuer_url,
            "sub": subject,
            "aud": AUDIENCE,
            "exp": issued_at + ttl_seconds,
            "iat": issued_at,
            "jti": random_token(),
            "client_id": _CLIENT,
            "org": org,
            "roles": list(roles),
        }
        return jwt.encode({"typ": "at+jwt", "alg": "ES256", "kid": self._kid}, claims, self._key)

    def __repr__(self) -> str:
        return f"DevelopmentTokenIssuer(issuer_url={self.issuer_url!r})"
