"""Notes and checkpoints: the specifications' examples, what is written is read, and nothing else is."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kompetenspass.log.merkle.note import (
    Checkpoint,
    NoteRefused,
    Verifier,
    checkpoint_of,
    parsed,
    signed,
    verified,
    verified_checkpoint,
    verifier_of,
)

POEM = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""  # noqa: E501  the example of the specification
SOFA = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""  # noqa: E501  the example of the specification
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANNS = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""
KEY, OTHER = Ed25519PrivateKey.from_private_bytes(b"k" * 32), Ed25519PrivateKey.from_private_bytes(b"o" * 32)
OURS = Verifier("log.example/a", KEY.public_key().public_bytes_raw())
THEIRS = Verifier("witness.example", OTHER.public_key().public_bytes_raw())
HEAD = Checkpoint("log.example/a/1", 7, b"r" * 32, ("one line",))


def ours(text: str = "a text\n") -> bytes:
    return str(signed(text, (OURS, KEY.sign))).encode()


def test_the_examples_of_the_specifications_are_read_and_written_again() -> None:
    for example in (POEM, SOFA, NEUMANNS):
        assert str(parsed(example.encode())) == example
    poem = parsed(POEM.encode())
    assert poem.text.endswith("sole:\n\ned è subito sera.\n")
    assert [signature.name for signature in poem.signatures] == ["quasimodo.example/salvatore"]
    sofa = checkpoint_of(parsed(SOFA.encode()).text)
    assert (sofa.origin, sofa.size, len(sofa.root)) == ("example.com/behind-the-sofa", 20852163, 32)
    assert sofa.text() == parsed(SOFA.encode()).text


def test_a_note_that_another_implementation_signed_verifies() -> None:
    verifier = verifier_of(NEUMANN)
    assert (verifier.name, verifier.line()) == ("PeterNeumann", NEUMANN)
    assert verified(NEUMANNS.encode(), [verifier]).text.startswith("If you think")
    with pytest.raises(NoteRefused, match="wrong"):
        verified(NEUMANNS.replace("answer", "problem").encode(), [verifier])


def test_a_checkpoint_that_is_signed_by_several_is_verified_by_each() -> None:
    note = str(signed(HEAD.text(), (OURS, KEY.sign), (THEIRS, OTHER.sign))).encode()
    for known in ([OURS], [THEIRS], [OURS, THEIRS]):
        assert verified_checkpoint(note, known) == HEAD


def test_a_note_needs_a_signature_of_a_known_key_and_no_wrong_one() -> None:
    stranger = Verifier("log.example/b", OURS.public_key)
    with pytest.raises(NoteRefused, match="not signed"):
        verified(ours(), [THEIRS, stranger])
    forged = str(signed("a text\n", (OURS, OTHER.sign), (THEIRS, OTHER.sign))).encode()
    assert verified(forged, [THEIRS]).text == "a text\n"
    with pytest.raises(NoteRefused, match="wrong"):
        verified(forged, [OURS, THEIRS])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"a text\n", b"a text\n\n", ours()[:-1], ours() + b"\n", ours() + b"x\n",
        ours().replace(b"\xe2\x80\x94", b"-"),
        ours().replace(b"log.example/a", b"log example/a"), ours().replace(b"log.example/a", b"log+example"),
        ours().replace(b"a text", b"a\ttext"), ours().replace(b"a text", b"a\rtext"),
        ours().replace(b"a text", b"\xff"),
        ours().replace(b"\n\n", b"\n"), ours()[:-3] + b"!\n", "a\n\n— a AAAAAA==\n".encode(), b"x" * 70_000,
        b"a\n\n" + "— a AAAAAAA=\n".encode() * 65,
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(content: bytes) -> None:
    with pytest.raises(NoteRefused):
        verified(content, [OURS])


@pytest.mark.parametrize(
    "text",
    ["a\n1\n", "a\n01\nROOT\n", "a\n-1\nROOT\n", "a\n1\nROO=\n", "\n1\nROOT\n", "a\n1\nROOT\n\nx\n",
     "a\n1\nROOT", "a\n+1\nROOT\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    with pytest.raises(NoteRefused):
        checkpoint_of(text.replace("ROOT", root))


@pytest.mark.parametrize(
    "line",
    [NEUMANN[:-4], NEUMANN.replace("c74f", "c74e"), NEUMANN.replace("Peter", "Pet er"),
     NEUMANN.replace("+AR", "+BB"), "x"],
)  # fmt: skip
def test_what_is_no_key_is_refused(line: str) -> None:
    with pytest.raises(NoteRefused):
        verifier_of(line)


def test_what_could_not_be_read_again_is_not_signed() -> None:
    for text in ("no newline", "a\x00\n"):
        with pytest.raises(NoteRefused):
            signed(text, (OURS, KEY.sign))
    with pytest.raises(NoteRefused):
        signed("a\n", (Verifier("two words", OURS.public_key), KEY.sign))
    with pytest.raises(NoteRefused):
        Checkpoint("two\nlines", 1, b"r" * 32).text()
