"""What signing and reading a status list cannot do without: compress and sign once; verify, decode twice, inflate.

Reading has two: the reference, by zlib and Python's own base64, and the floor, by the quickest of the packages here.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass

import deflate
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pydantic_core import SchemaValidator, core_schema

from kompetenspass.core.digest import b64u_decode

QUICK = 6
_ES256 = ec.ECDSA(hashes.SHA256())
_quickly_decoded = SchemaValidator(core_schema.bytes_schema(), {"val_json_bytes": "base64"}).validate_python


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
    """A token taken apart beforehand, so that only what is named is in the time. `size`: bytes of its list."""

    signing_input: bytes
    signature: bytes
    payload: str
    lst: str
    size: int
    key: ec.EllipticCurvePublicKey

    @classmethod
    def of(cls, token: str, key: ec.EllipticCurvePublicKey) -> Read:
        """Take a token apart."""
        signing_input, _, tail = token.rpartition(".")
        raw, payload = b64u_decode(tail), signing_input.partition(".")[2]
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        lst = json.loads(b64u_decode(payload))["status_list"]["lst"]
        size = len(zlib.decompress(b64u_decode(lst)))
        return cls(signing_input.encode(), signature, payload, lst, size, key)

    def reference(self) -> bytes:
        """Verify once, decode twice, inflate: as the goal names them, with zlib."""
        self.key.verify(self.signature, self.signing_input, _ES256)
        _decoded(self.payload)
        return zlib.decompress(_decoded(self.lst))

    def floor(self) -> bytes:
        """Do the same by the decoder and by the inflater that take the least."""
        self.key.verify(self.signature, self.signing_input, _ES256)
        _quickly_decoded(self.payload)
        return bytes(deflate.zlib_decompress(_quickly_decoded(self.lst), self.size))


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
