"""The key that a log's checkpoints are signed with: Ed25519, its seed in a file that only the service reads."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kompetenspass.keys.sealing import kept_secret
from kompetenspass.log.merkle.note import Note, Verifier, signed


class LogSigner:
    """Signs notes under a name; the key file is read, or made, when it is first needed."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._key: Ed25519PrivateKey | None = None

    async def open(self) -> None:
        """Read the key, or make it. Raises Problem `key_unusable`: a service whose key is broken does not start."""
        self._opened()

    @property
    def verifier(self) -> Verifier:
        """What verifies the notes. Raises Problem `key_unusable`."""
        return Verifier(self.name, self._opened().public_key().public_bytes_raw())

    def sign(self, text: str) -> Note:
        """Return the signed note over a text. Raises Problem `key_unusable`, NoteRefused."""
        return signed(text, (self.verifier, self._opened().sign))

    def _opened(self) -> Ed25519PrivateKey:
        if self._key is None:
            self._key = Ed25519PrivateKey.from_private_bytes(kept_secret(self._path))
        return self._key
