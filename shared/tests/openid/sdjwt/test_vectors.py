"""The example credentials of RFC 9901 and of SD-JWT VC."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kompetenspass.openid.jose import JoseError, public_key
from kompetenspass.openid.sdjwt import holder_key, parse, verify_kb, verify_sd_jwt
from kompetenspass.openid.sdjwt.parse import digester, read_disclosure

VECTORS = Path(__file__).parents[2] / "vectors"
KEYS = json.loads((VECTORS / "sdjwt_keys.json").read_text())
EXAMPLES = sorted((VECTORS / "sdjwt").glob("*.json"))
WHILE_VALID = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(request.param.read_text())
    return loaded


def test_the_presentation_gives_the_processed_payload(example: dict[str, Any]) -> None:
    issuer = public_key(KEYS["issuer"])
    verified = verify_sd_jwt(example["presentation"], issuer_key=issuer, now=WHILE_VALID, typ=None)
    assert verified.payload == example["payload"]
    assert verified.claims == example["processed"]


def test_the_issued_form_discloses_all_and_has_no_gap(example: dict[str, Any]) -> None:
    issuer = public_key(KEYS["issuer"])
    verified = verify_sd_jwt(example["sd_jwt"], issuer_key=issuer, now=WHILE_VALID, typ=None)
    assert len(verified.disclosed) == len(verified.parts.disclosures)
    assert "_sd" not in json.dumps(verified.claims)


def test_the_holders_key_does_not_verify_the_issuers_part(example: dict[str, Any]) -> None:
    with pytest.raises(JoseError) as refused:
        verify_sd_jwt(example["sd_jwt"], issuer_key=public_key(KEYS["holder"]), now=WHILE_VALID, typ=None)
    assert refused.value.code == "invalid_signature"


@pytest.mark.parametrize("name", ["simple", "arf_pid", "jsonld", "vc_01"])
def test_the_key_binding_holds(name: str) -> None:
    example = json.loads((VECTORS / "sdjwt" / f"{name}.json").read_text())
    bound, now = example["key_binding"], datetime.fromtimestamp(example["key_binding"]["iat"], UTC)
    issuer = public_key(KEYS["issuer"])
    verified = verify_sd_jwt(example["presentation"], issuer_key=issuer, now=now, typ=None)
    binding = verify_kb(verified, aud=bound["aud"], nonce=bound["nonce"], now=now)
    assert binding.payload == bound
    assert holder_key(verified) == public_key(KEYS["holder"])


@pytest.mark.parametrize(
    ("disclosure", "content", "digest"),
    [
        (  # RFC 9901, section 4.2.1 and 4.2.3
            "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
            ["_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius"],
            "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0",
        ),
        (  # RFC 9901, sections 4.2.2 and 4.2.4.2
            "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0",
            ["lklxF5jMYlGTPUovMNIvCA", "FR"],
            "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs",
        ),
    ],
)
def test_sd_2_the_digest_is_over_the_encoded_disclosure(disclosure: str, content: list[str], digest: str) -> None:
    assert read_disclosure(disclosure) == content
    assert digester({})(disclosure) == digest


@pytest.mark.parametrize(
    "spelling",
    [
        "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd",
        "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTcO2Yml1cyJd",
        "WwoiXzI2YmM0TFQtYWM2cTJLSTZjQlc1ZXMiLAoiZmFtaWx5X25hbWUiLAoiTcO2Yml1cyIKXQ",
    ],
)
def test_sd_3_white_space_and_escapes_in_a_disclosure_do_not_matter(spelling: str) -> None:
    assert read_disclosure(spelling) == ["_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius"]


def test_the_main_example_has_its_parts() -> None:
    example = json.loads((VECTORS / "sdjwt" / "simple.json").read_text())
    parts = parse(example["presentation"])
    assert (len(parts.disclosures), parts.kb_jwt is not None) == (4, True)
    assert example["digests"]["2GLC42sKQveCfGfryNRN9w"] in example["payload"]["_sd"]
