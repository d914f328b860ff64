"""What signing and reading a status list cannot do without: compress and sign once; verify, decode twice, inflate."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass

import deflate
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

QUICK = 6
_ES256 = ec.ECDSA(hashes.SHA256())


def parts_of_signing(values: bytearray, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Compress with libdeflate at level 6, sign once."""
    return key.sign(bytes(deflate.zlib_compress(values, QUICK)), _ES256)


def reference(values: bytearray, key: ec.EllipticCurvePrivateKey) -> str:
    """Return a token as the draft's own reference makes it: zlib at level 9, base64, JSON, base64, one signature."""
    lst = _encoded(zlib.compress(values, 9)).decode()
    claims = json.dumps({"sub": "https://example", "status_list": {"bits": 1, "lst": lst}})
    signed = b".".join((_encoded(b'{"alg":"ES256"}'), _encoded(claims.encode())))
    return (signed + b"." + _encoded(key.sign(signed, _ES256))).decode()


@dataclass(frozen=True)
class Read:
    """A token taken apart beforehand, so that only what is named is in the time."""

    signing_input: bytes
    signature: bytes
    payload: bytes
    lst: bytes
    key: ec.EllipticCurvePublicKey

    @classmethod
    def of(cls, token: str, key: ec.EllipticCurvePublicKey) -> Read:
        """Take a token apart."""
        head, payload, tail = token.encode().split(b".")
        raw = _decoded(tail)
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        lst = json.loads(_decoded(payload))["status_list"]["lst"].encode()
        return cls(head + b"." + payload, signature, payload, lst, key)

    def parts(self) -> bytes:
        """Verify once, decode twice, inflate."""
        self.key.verify(self.signature, self.signing_input, _ES256)
        _decoded(self.payload)
        return zlib.decompress(_decoded(self.lst))


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(data: bytes) -> bytes:
    return base64.urlsafe_b64decode(data + b"==")
