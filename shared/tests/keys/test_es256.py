"""Both providers of ES256 judge alike: what one signs the other accepts, and both refuse the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.core.digest import b64u_decode
from kompetenspass.core.errors import Problem
from kompetenspass.keys import es256
from kompetenspass.keys.aws_lc import AwsLcKey
from kompetenspass.keys.es256 import Crypto
from kompetenspass.keys.file import FileSigner, create_key

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
PROVIDERS: tuple[Crypto, ...] = ("cryptography", "aws-lc")
KEY = ec.derive_private_key(0x1F2E3D4C5B6A79880706050403020100FFEEDDCCBBAA99887766554433221100, ec.SECP256R1())
POINT = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
X, Y = POINT[1:33], POINT[33:]
MESSAGE = b"the message"


def signer(name: Crypto, key: ec.EllipticCurvePrivateKey = KEY) -> Callable[[bytes], bytes]:
    """Return what signs with a key by the named provider."""
    with es256.using(name):
        return es256.signing(key)


def verdicts(signature: bytes, message: bytes = MESSAGE, point: bytes = POINT) -> list[bool]:
    """Return what each provider says of a signature."""
    found = []
    for name in PROVIDERS:
        with es256.using(name):
            found.append(es256.holds(es256.public_key(point), signature, message))
    return found


def raw(r: int, s: int) -> bytes:
    """Return r and s in 64 bytes."""
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


SIGNED = signer("cryptography")(MESSAGE)
R, S = int.from_bytes(SIGNED[:32], "big"), int.from_bytes(SIGNED[32:], "big")
BAD = {
    "nothing": b"", "a byte short": SIGNED[:-1], "a byte long": SIGNED + b"\0", "a zero before": b"\0" + SIGNED,
    "in DER": encode_dss_signature(R, S), "in DER, cut to 64": encode_dss_signature(R, S)[:64],
    "r is 0": raw(0, S), "s is 0": raw(R, 0), "both are 0": raw(0, 0), "both are 1": raw(1, 1),
    "r is n": raw(N, S), "s is n": raw(R, N), "both are n": raw(N, N), "r is n + 1": raw(N + 1, S),
    "r above n": raw(2**256 - 1, S), "s is the largest": raw(R, 2**256 - 1),
    "r is p": raw(P, S), "r negated": raw(N - R, S), "exchanged": raw(S, R),
}  # fmt: skip


@settings(deadline=None)
@given(message=st.binary(max_size=3000), secret=st.integers(1, N - 1))
def test_each_accepts_what_the_other_signed_and_no_other_message_or_key(message: bytes, secret: int) -> None:
    key = ec.derive_private_key(secret, ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    for name in PROVIDERS:
        signature = signer(name, key)(message)
        assert len(signature) == 64
        assert verdicts(signature, message, point) == [True, True]
        assert verdicts(signature, message + b"\0", point) == [False, False]
        assert verdicts(signature, message) == [point == POINT] * 2


@pytest.mark.parametrize("case", BAD)
def test_both_refuse_the_same(case: str) -> None:
    assert verdicts(SIGNED) == [True, True]
    assert verdicts(BAD[case]) == [False, False]


def test_both_refuse_a_signature_with_any_bit_changed() -> None:
    for bit in range(512):
        changed = int.from_bytes(SIGNED, "big") ^ 1 << bit
        assert verdicts(changed.to_bytes(64, "big")) == [False, False], bit


@settings(deadline=None)
@given(signature=st.binary(max_size=80) | st.binary(min_size=64, max_size=64))
def test_both_refuse_what_is_no_signature(signature: bytes) -> None:
    assert verdicts(signature) == [False, False]


def test_both_accept_the_other_s_of_a_signature_as_es256_does() -> None:
    assert verdicts(raw(R, N - S)) == [True, True]


@pytest.mark.parametrize("nonce", [1, 2, 3, N // 2, N - 2, N - 1])
@pytest.mark.parametrize("secret", [1, 2, N - 2, N - 1, "s=1", "s=2", "s=n-1", "s=n-2"])
def test_both_compute_the_extreme_cases_rightly(secret: int | str, nonce: int) -> None:
    digest = int.from_bytes(sha256(MESSAGE).digest(), "big")
    r = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers().x % N
    if isinstance(secret, str):  # the key for which this nonce gives that s
        wanted = {"s=1": 1, "s=2": 2, "s=n-1": N - 1, "s=n-2": N - 2}[secret]
        secret = (wanted * nonce - digest) * pow(r, -1, N) % N
    s = (digest + r * secret) * pow(nonce, -1, N) % N
    point = ec.derive_private_key(secret, ec.SECP256R1()).public_key()
    encoded = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert verdicts(raw(r, s), MESSAGE, encoded) == [True, True]
    assert verdicts(raw(r, s + 1), MESSAGE, encoded) == [False, False]


def test_both_refuse_where_the_sum_is_the_point_at_infinity() -> None:
    digest = int.from_bytes(sha256(MESSAGE).digest(), "big")
    opposite = ec.derive_private_key(-digest * pow(R, -1, N) % N, ec.SECP256R1()).public_key()
    encoded = opposite.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert [verdicts(raw(R, s), MESSAGE, encoded) for s in (1, S, N - 1)] == [[False, False]] * 3


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    "point",
    [b"", b"\0", b"\0" * 65, POINT[:-1], POINT + b"\0", b"\2" + X, b"\3" + X, b"\2" + POINT[1:], b"\6" + POINT[1:],
     b"\7" + POINT[1:], b"\4" + bytes(64), b"\4" + X + X, b"\4" + Y + X, POINT[:-1] + bytes([POINT[-1] ^ 1]),
     b"\4" + X + bytes(32), b"\4" + P.to_bytes(32, "big") + Y, b"\4" + X + P.to_bytes(32, "big"), b"\4" + b"\xff" * 64],
    ids=lambda point: point[:3].hex() + f"-{len(point)}",
)  # fmt: skip
def test_only_an_uncompressed_point_on_the_curve_is_a_key(name: Crypto, point: bytes) -> None:
    with es256.using(name), pytest.raises(ValueError):
        es256.public_key(point)


def test_a_coordinate_is_the_smallest_of_its_numbers() -> None:
    small = next(x for x in range(1, 99) if pow(x**3 - 3 * x + B, (P - 1) // 2, P) == 1)
    y = pow(small**3 - 3 * small + B, (P + 1) // 4, P)
    for name in PROVIDERS:
        with es256.using(name):
            es256.public_key(b"\4" + raw(small, y))
            with pytest.raises(ValueError):
                es256.public_key(b"\4" + raw(small + P, y))


def test_installed_is_not_switched_on() -> None:
    assert isinstance(es256.public_key(POINT), ec.EllipticCurvePublicKey)
    with es256.using("aws-lc"):
        assert isinstance(es256.public_key(POINT), AwsLcKey)
        assert isinstance(es256.adopted(KEY.public_key()), AwsLcKey)
    assert isinstance(es256.adopted(KEY.public_key()), ec.EllipticCurvePublicKey)


def test_a_key_file_signs_with_what_was_switched_on_when_it_was_read(tmp_path: Path) -> None:
    create_key(tmp_path / "a.key")
    for name in PROVIDERS:
        with es256.using(name):
            read = FileSigner(tmp_path / "a.key")
        x, y = (int.from_bytes(b64u_decode(read.public_jwk[each]), "big") for each in "xy")
        assert verdicts(read.sign(MESSAGE), MESSAGE, b"\4" + raw(x, y)) == [True, True]


def test_a_process_has_one_provider_until_the_last_has_left() -> None:
    with es256.using("aws-lc"):
        with es256.using("aws-lc"), pytest.raises(Problem, match="crypto_of_two_kinds"), es256.using("cryptography"):
            pass
        assert isinstance(es256.public_key(POINT), AwsLcKey)
    with es256.using("cryptography"):
        assert not isinstance(es256.public_key(POINT), AwsLcKey)


def test_without_the_extra_it_cannot_be_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kompetenspass.keys.aws_lc", raising=False)
    monkeypatch.setitem(sys.modules, "awscrt.crypto", None)
    with pytest.raises(Problem, match="crypto_not_installed"), es256.using("aws-lc"):
        pass
    with es256.using("cryptography"):
        assert isinstance(es256.public_key(POINT), ec.EllipticCurvePublicKey)
