"""Signed notes and checkpoints, written and read strictly. Sources: C2SP signed-note and tlog-checkpoint; RFC 8032."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = b"\x01"
"""The signature type, as the first byte of an encoded public key."""
_SIGNATURES = 64  # more than anybody needs: a note from elsewhere does not make us verify without end
_NOTE_BYTES = 64 * 1024
_KEY_BYTES, _SIGNATURE_BYTES, _ID_BYTES, _ROOT_BYTES = 32, 64, 4, 32
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME = re.compile(r"[^\s+]+")
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_KEY_LINE = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteRefused(ValueError):
    """A note, a checkpoint or a key line is not well formed, or not signed by a known key."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line: who says to have signed, the key's id of 4 bytes, and the signature itself."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """Return the line with its newline."""
        return f"— {self.name} {to_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends with a newline, and its signatures in order."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """Return the signed note as it is sent."""
        return self.text + "\n" + "".join(signature.line() for signature in self.signatures)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A name and the Ed25519 public key of 32 bytes that signs under it."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The key's id: the first 4 bytes of the hash over name, type and key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:_ID_BYTES]

    def line(self) -> str:
        """Return the verifier key in one line: name, id in hexadecimal, type and key in base64, with `+` between."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(ED25519 + self.public_key)}"

    def holds(self, signature: Signature, text: str) -> bool:
        """Return whether a signature is this key's over a text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature.value, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def verifier_of(line: str) -> Verifier:
    """Return the verifier of a key line. Raises NoteRefused: badly written, of another type, or with another id."""
    match = _KEY_LINE.fullmatch(line)
    if match is None:
        raise NoteRefused("not a verifier key")
    encoded = _bytes(match[3])
    if encoded[:1] != ED25519 or len(encoded) != 1 + _KEY_BYTES:
        raise NoteRefused("not an Ed25519 key")
    verifier = Verifier(match[1], encoded[1:])
    if verifier.key_id.hex() != match[2]:
        raise NoteRefused("the id is another key's")
    return verifier


def signed(text: str, *signers: tuple[Verifier, Callable[[bytes], bytes]]) -> Note:
    """Return a note over a text, signed by each of the signers. Raises NoteRefused for a text that cannot be one."""
    _checked(text)
    for verifier, _ in signers:
        if not _NAME.fullmatch(verifier.name):
            raise NoteRefused("not a key's name")
    return Note(text, tuple(Signature(key.name, key.key_id, sign(text.encode())) for key, sign in signers))


def parsed(content: bytes) -> Note:
    """Return the note of some bytes, its signatures not verified yet. Raises NoteRefused."""
    if len(content) > _NOTE_BYTES:
        raise NoteRefused("longer than any note")
    try:
        written = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteRefused("not UTF-8") from error
    text, blank, lines = written.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise NoteRefused("without signatures")
    text += "\n"
    _checked(text)
    signatures = lines[:-1].split("\n")
    if len(signatures) > _SIGNATURES:
        raise NoteRefused("more signatures than any note has")
    return Note(text, tuple(_signature(line) for line in signatures))


def verified(content: bytes, verifiers: Sequence[Verifier]) -> Note:
    """Return the note if one of the keys has signed it and none of their signatures is wrong. Raises NoteRefused.

    Signatures by other keys are left alone, as the specification asks.
    """
    note, known = parsed(content), {(key.name, key.key_id): key for key in verifiers}
    found = False
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if len(signature.value) != _SIGNATURE_BYTES or not key.holds(signature, note.text):
            raise NoteRefused("the signature of a known key is wrong")
        found = True
    if not found:
        raise NoteRefused("not signed by a known key")
    return note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says it is: its origin, how many leaves, their root, and further lines that mean nothing to us."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the note text. Raises NoteRefused for an origin or a line that cannot stand in one."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        text = "".join(f"{line}\n" for line in lines)
        if checkpoint_of(text) != self:
            raise NoteRefused("not a checkpoint")
        return text


def checkpoint_of(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is. Raises NoteRefused."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise NoteRefused("not the lines of a checkpoint")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size):
        raise NoteRefused("not the size of a tree")
    if len(encoded := _bytes(root)) != _ROOT_BYTES:
        raise NoteRefused("not the root of a tree")
    return Checkpoint(origin, int(size), encoded, tuple(extensions))


def verified_checkpoint(content: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Return the checkpoint in a signed note, if one of the keys has signed it. Raises NoteRefused."""
    return checkpoint_of(verified(content, verifiers).text)


def _checked(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteRefused("not the text of a note")


def _signature(line: str) -> Signature:
    match = _LINE.fullmatch(line)
    if match is None:
        raise NoteRefused("not a signature line")
    value = _bytes(match[2])
    if len(value) <= _ID_BYTES:
        raise NoteRefused("a signature without a value")
    return Signature(match[1], value[:_ID_BYTES], value[_ID_BYTES:])


def to_base64(content: bytes) -> str:
    """Return bytes in standard base64, as notes and proofs have them."""
    return base64.b64encode(content).decode("ascii")


def _bytes(text: str) -> bytes:
    """Return the bytes of standard base64, written in the one way there is. Raises NoteRefused."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRefused("not base64") from error
    if to_base64(content) != text:
        raise NoteRefused("not the canonical base64")
    return content
