"""The issuers' keys in a folder: `{slug}/key.pem` and `{slug}/chain.pem`, read when first needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.keys.file import FileSigner, create_key, load_key

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


class SignerFolder:
    """Hands out signers by slug; a chain that is replaced (a renewed certificate) is read again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[int, FileSigner]] = {}

    def key_path(self, slug: str) -> Path:
        """Return where the private key of an issuer lies. Raises ValueError for what is not a slug."""
        return self._place(slug) / "key.pem"

    def chain_path(self, slug: str) -> Path:
        """Return where the certificate chain of an issuer lies. Raises ValueError for what is not a slug."""
        return self._place(slug) / "chain.pem"

    def of(self, slug: str) -> FileSigner:
        """Return the signer. Raises Problem `no_issuer_key` before a key is enrolled, `key_unusable`."""
        try:
            changed = self.chain_path(slug).stat().st_mtime_ns
        except (OSError, ValueError) as error:
            raise Problem(
                "no_issuer_key",
                "The issuer has no key here.",
                kind=Kind.UNAVAILABLE,
                remedy="The operator enrols one: python -m services.issuance keys enrol ORG.",
            ) from error
        known = self._read.get(slug)
        if known is None or known[0] != changed:
            known = self._read[slug] = (changed, FileSigner(self.key_path(slug), self.chain_path(slug)))
        return known[1]

    def made(self, slug: str, certify: Callable[[ec.EllipticCurvePublicKey], str]) -> FileSigner:
        """Return the signer, making its key and having it certified if that was not done before.

        `certify` returns the chain as PEM, leaf first, without the anchor. Raises ValueError for what is not a slug.
        """
        key_path, chain_path = self.key_path(slug), self.chain_path(slug)
        public_key = load_key(key_path).public_key() if key_path.exists() else create_key(key_path)
        if not chain_path.exists():
            unfinished = chain_path.with_suffix(".new")
            unfinished.write_text(certify(public_key))
            unfinished.replace(chain_path)
        return self.of(slug)

    def _place(self, slug: str) -> Path:
        if not _SLUG.match(slug):
            raise ValueError("not a slug")
        return self._folder / slug
