"""Certificate chains: the one that holds, and each way in which another does not."""

from __future__ import annotations

import base64
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kompetenspass.openid.jose import (
    JoseError,
    header_x5c,
    leaf_key,
    load_anchors,
    san_uris,
    sign_jws,
    verify_chain,
    verify_jws,
    x5c_of,
    x509_hash,
)
from kompetenspass.testing.keys import TestSigner

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URI = "https://issuer.example/issuers/a"


class Authority:
    """Makes certificates with any defect."""

    def __init__(self, name: str, by: Authority | None = None, **options: Any) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (by or self).make(self.name, self.key.public_key(), **{"ca": True, **options})

    def make(self, subject: x509.Name, key: Any, **options: Any) -> x509.Certificate:
        start = options.get("start", NOW - timedelta(days=1))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(options.get("end", NOW + timedelta(days=1)))
        )
        if options.get("ca") is not None:
            basic = x509.BasicConstraints(options["ca"], options.get("path_length"))
            builder = builder.add_extension(basic, critical=True)
        for extension, critical in options.get("extensions", ()):
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, options.get("hash", hashes.SHA256()))

    def leaf(self, **options: Any) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
        key = options.pop("key", None) or ec.generate_private_key(ec.SECP256R1()).public_key()
        return self.make(name, key, **{"ca": False, **options})


ROOT = Authority("root")
MIDDLE = Authority("middle", ROOT, path_length=0)
LEAF = MIDDLE.leaf(extensions=[(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URI)]), False)])


def code(*chain: x509.Certificate, anchors: Any = (ROOT.certificate,), now: datetime = NOW, **options: Any) -> str:
    try:
        verify_chain(x5c_of(chain), anchors, now, **options)
    except JoseError as error:
        return error.code
    return "accepted"


def test_a_chain_to_an_anchor_gives_its_leaf_and_its_key() -> None:
    leaf = verify_chain(x5c_of([LEAF, MIDDLE.certificate]), [ROOT.certificate], NOW, san_uri=URI)
    assert leaf == LEAF
    assert leaf_key(leaf) == LEAF.public_key()
    assert san_uris(leaf) == [URI]


def test_a_leaf_directly_under_the_anchor_is_accepted() -> None:
    assert code(ROOT.leaf()) == "accepted"
    assert code(LEAF, anchors=(ROOT.certificate, MIDDLE.certificate)) == "accepted"


def test_the_test_signers_chain_holds() -> None:
    signer = TestSigner(uris=[URI], hosts=["verifier.example"])
    anchors = load_anchors(signer.anchor.root_pem.encode())
    leaf = verify_chain(signer.x5c, anchors, NOW, san_uri=URI, san_dns="VERIFIER.example")
    assert leaf_key(leaf) == signer.public_key
    assert len(x509_hash(leaf)) == 43


def test_trap_5_the_anchor_inside_is_refused() -> None:
    assert code(LEAF, MIDDLE.certificate, ROOT.certificate) == "untrusted_chain"
    assert code(LEAF, MIDDLE.certificate, anchors=(MIDDLE.certificate,)) == "untrusted_chain"


def test_trap_5_a_self_signed_leaf_is_refused() -> None:
    alone = Authority("alone", ca=None)
    assert code(alone.certificate) == "untrusted_chain"
    assert code(alone.certificate, anchors=(alone.certificate,)) == "untrusted_chain"


def test_a_leaf_that_is_itself_an_anchor_is_refused() -> None:
    assert code(LEAF, anchors=(LEAF, ROOT.certificate)) == "untrusted_chain"


def test_an_authority_as_leaf_is_refused() -> None:
    assert code(MIDDLE.certificate) == "untrusted_chain"


def test_a_wrong_order_or_a_gap_is_refused() -> None:
    low = Authority("low", Authority("high", ROOT))
    assert code(MIDDLE.certificate, LEAF) == "untrusted_chain"
    assert code(LEAF) == "untrusted_chain"
    assert code(low.leaf(), low.certificate) == "untrusted_chain"


def test_a_stranger_of_the_same_name_is_refused() -> None:
    false_root, false_middle = Authority("root"), Authority("middle", ROOT)
    assert code(false_root.leaf()) == "untrusted_chain"
    assert code(LEAF, false_middle.certificate) == "untrusted_chain"
    assert code(LEAF, MIDDLE.certificate, anchors=()) == "untrusted_chain"


def test_times_of_every_certificate_count() -> None:
    past: dict[str, Any] = {"start": NOW - timedelta(days=9), "end": NOW - timedelta(days=2)}
    future: dict[str, Any] = {"start": NOW + timedelta(days=2), "end": NOW + timedelta(days=9)}
    for options, expected in ((past, "expired"), (future, "not_yet_valid")):
        middle, root = Authority("m", ROOT, **options), Authority("r", **options)
        assert code(ROOT.leaf(**options)) == expected
        assert code(middle.leaf(), middle.certificate) == expected
        assert code(root.leaf(), anchors=(root.certificate,)) == expected


def test_skew_is_the_callers_choice() -> None:
    late = ROOT.leaf(end=NOW - timedelta(seconds=30))
    assert code(late) == "expired"
    assert code(late, skew=timedelta(minutes=1)) == "accepted"


def test_an_issuer_that_is_no_authority_is_refused() -> None:
    for middle in (Authority("m", ROOT, ca=False), Authority("m", ROOT, ca=None)):
        assert code(middle.leaf(), middle.certificate) == "untrusted_chain"


def test_a_chain_longer_than_an_authority_allows_is_refused() -> None:
    low = Authority("low", MIDDLE)
    assert code(low.leaf(), low.certificate, MIDDLE.certificate) == "untrusted_chain"


def usage(**allowed: bool) -> tuple[x509.KeyUsage, bool]:
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    names += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names}), True


def test_key_usage_must_fit() -> None:
    assert code(ROOT.leaf(extensions=[usage(digital_signature=True)])) == "accepted"
    assert code(ROOT.leaf(extensions=[usage(crl_sign=True)])) == "wrong_subject"
    middle = Authority("m", ROOT, extensions=[usage(digital_signature=True)])
    assert code(middle.leaf(), middle.certificate) == "untrusted_chain"


def test_an_unknown_critical_extension_is_refused() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    assert code(ROOT.leaf(extensions=[(unknown, True)])) == "untrusted_chain"
    assert code(ROOT.leaf(extensions=[(unknown, False)])) == "accepted"
    constraints = x509.NameConstraints([x509.DNSName("example")], None)
    middle = Authority("m", ROOT, extensions=[(constraints, True)])
    assert code(middle.leaf(), middle.certificate) == "untrusted_chain"


@pytest.mark.parametrize("uri", [URI + "/", URI.upper(), "https://issuer.example/issuers/b", ""])
def test_the_leaf_must_be_for_this_uri(uri: str) -> None:
    assert code(LEAF, MIDDLE.certificate, san_uri=uri) == "wrong_subject"


def test_the_leaf_must_be_for_this_host_and_a_wildcard_is_none() -> None:
    named = ROOT.leaf(extensions=[(x509.SubjectAlternativeName([x509.DNSName("*.example")]), False)])
    assert code(named, san_dns="a.example") == "wrong_subject"
    assert code(ROOT.leaf(), san_dns="a.example") == "wrong_subject"
    assert code(named, san_dns="*.example") == "accepted"


def test_the_leaf_must_be_for_this_purpose() -> None:
    wanted = ExtendedKeyUsageOID.CODE_SIGNING
    other = ROOT.leaf(extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)])
    fitting = ROOT.leaf(extensions=[(x509.ExtendedKeyUsage([wanted]), False)])
    assert code(fitting, extended_key_usage=wanted) == "accepted"
    assert code(other, extended_key_usage=wanted) == "wrong_subject"
    assert code(ROOT.leaf(), extended_key_usage=wanted) == "wrong_subject"


@pytest.mark.parametrize("x5c", [None, [], "text", ["%%%"], [7], ["AAAA"], {"a": 1}, [None], x5c_of([LEAF]) * 7])
def test_what_is_not_a_chain_is_refused(x5c: object) -> None:
    with pytest.raises(JoseError) as refused:
        verify_chain(x5c, [ROOT.certificate], NOW)
    assert refused.value.code == "bad_x5c"


@settings(deadline=None, max_examples=400)
@example(place=15, value=128)
@given(place=st.integers(0, len(LEAF.public_bytes(Encoding.DER)) - 1), value=st.integers(1, 255))
def test_a_certificate_with_one_byte_changed_is_refused_by_a_code(place: int, value: int) -> None:
    der = bytearray(LEAF.public_bytes(Encoding.DER))
    der[place] ^= value
    x5c = [base64.b64encode(der).decode(), *x5c_of([MIDDLE.certificate])]
    with pytest.raises(JoseError):
        verify_chain(x5c, [ROOT.certificate], NOW)


@pytest.mark.parametrize("first", [0x80, 0xFF])
def test_a_serial_number_that_is_not_positive_is_refused_without_a_warning(first: int) -> None:
    der = bytearray(LEAF.public_bytes(Encoding.DER))
    assert der[13:14] == b"\x02"
    der[15] = first
    x5c = [base64.b64encode(der).decode(), *x5c_of([MIDDLE.certificate])]
    with warnings.catch_warnings(record=True, action="always") as warned, pytest.raises(JoseError, match="bad_x5c"):
        verify_chain(x5c, [ROOT.certificate], NOW)
    assert warned == []


def test_a_signature_that_is_not_whole_octets_is_refused() -> None:
    while (leaf := ROOT.leaf()).signature[-1] & 1:  # the lowest bit must be free to be called unused
        pass
    der = bytearray(leaf.public_bytes(Encoding.DER))
    der[-len(leaf.signature) - 1] = 1
    with pytest.raises(JoseError, match="bad_x5c"):
        verify_chain([base64.b64encode(der).decode()], [ROOT.certificate], NOW)


def test_base64url_is_not_accepted_where_base64_is_due() -> None:
    spelled = [x5c_of([LEAF])[0].replace("+", "-").replace("/", "_") + "-"]
    with pytest.raises(JoseError, match="bad_x5c"):
        verify_chain(spelled, [ROOT.certificate], NOW)


def test_a_header_without_a_chain_and_a_key_that_does_not_sign_are_refused() -> None:
    with pytest.raises(JoseError, match="bad_x5c"):
        header_x5c({"alg": "ES256"})
    with pytest.raises(JoseError, match="bad_x5c"):
        leaf_key(ROOT.leaf(key=ed448.Ed448PrivateKey.generate().public_key()))
    with pytest.raises(JoseError, match="bad_x5c"):
        load_anchors(b"no certificate")


def test_trap_30_a_foreign_key_under_the_right_x5c_is_refused() -> None:
    signer = TestSigner(uris=[URI])
    forged = sign_jws({"typ": "t+jwt", "x5c": list(signer.x5c)}, {"iss": URI}, TestSigner(uris=[URI]))
    leaf = verify_chain(signer.x5c, [signer.anchor.certificate], NOW, san_uri=URI)
    with pytest.raises(JoseError, match="invalid_signature"):
        verify_jws(forged, leaf_key(leaf), typ="t+jwt")
