from __future__ import annotations

import json

from kompetenspass.core.digest import integrity, sha256_hex
from kompetenspass.openid.mikromerit import DISCLOSABLE, MANDATORY_OPEN, NEVER_SD, type_integrity, type_metadata

BASE = "https://catalog.example"


def test_the_published_type_metadata_never_changes() -> None:
    assert sha256_hex(type_metadata(BASE)) == "00ffb46528bcd09abbfb6b5e87f3771fbe7846d9af431bd3c39c4feba414722f"


def test_the_integrity_is_that_of_the_served_bytes() -> None:
    assert type_integrity(BASE) == integrity(type_metadata(BASE))


def test_the_document_describes_each_claim_once_with_sv_and_en() -> None:
    document = json.loads(type_metadata(BASE))
    assert document["vct"] == f"{BASE}/vct/mikromerit/1"
    assert [entry["locale"] for entry in document["display"]] == ["sv", "en"]
    paths = [tuple(claim["path"]) for claim in document["claims"]]
    assert len(paths) == len(set(paths))
    for claim in document["claims"]:
        assert [entry["locale"] for entry in claim["display"]] == ["sv", "en"]
        assert claim["sd"] in ("always", "never", "allowed")
    assert "extends" not in document


def test_what_is_always_and_never_disclosable_does_not_overlap() -> None:
    assert len(DISCLOSABLE) == 17
    assert len(NEVER_SD) == 25
    assert MANDATORY_OPEN < NEVER_SD
    assert not {path[0] for path in DISCLOSABLE} & NEVER_SD
