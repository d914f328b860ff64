"""Sealing: AES-256-GCM with the nonce in front, under a key in a file or one that is itself kept sealed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import random_bytes
from kompetenspass.keys.file import write_private

KEY_BYTES = 32
_NONCE_BYTES = 12


def kept_secret(path: Path) -> bytes:
    """Return the 256-bit key of a file that only its owner reads, made at the first call.

    Raises Problem `key_unusable` for a file that holds anything else.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        write_private(path, random_bytes(KEY_BYTES))
    secret = path.read_bytes()
    if len(secret) != KEY_BYTES:
        raise Problem(
            "key_unusable",
            "A key file is not usable.",
            kind=Kind.UNAVAILABLE,
            remedy="The operator restores the key file that the log names.",
            detail=f"{path} does not hold {KEY_BYTES} bytes",
        )
    return secret


def seal(key: bytes, plain: bytes, bound_to: str) -> bytes:
    """Return `plain` sealed under a 256-bit key; it opens only where `bound_to` is the same."""
    nonce = random_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def unseal(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """Return what was sealed. Raises Problem `vault_unreadable` for another key, another place or changed bytes."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to.encode())
    except InvalidTag as error:
        raise Problem(
            "vault_unreadable",
            "What is kept sealed does not open with the key of this service.",
            kind=Kind.UNAVAILABLE,
            remedy="The operator restores the key that belongs to the database.",
        ) from error
