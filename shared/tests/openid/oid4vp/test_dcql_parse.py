"""Which DCQL queries are valid, and which may be sent."""

import copy
from typing import Any

import pytest

from kompetenspass.openid.oid4vp.dcql import InvalidQuery, definition_query, parse, parse_sendable

VCT = {"vct_values": ["https://credentials.example.com/identity_credential"]}
NAMES = [{"path": ["family_name"]}, {"path": ["given_name"]}, {"path": ["address", "street_address"]}]
SIMPLE: dict[str, Any] = {"credentials": [{"id": "my_credential", "format": "dc+sd-jwt", "meta": VCT, "claims": NAMES}]}
CLAIMS_ALTERNATIVES: dict[str, Any] = {
    "credentials": [
        {
            "id": "pid",
            "format": "dc+sd-jwt",
            "meta": VCT,
            "claims": [
                {"id": "a", "path": ["family_name"]},
                {"id": "b", "path": ["postal_code"]},
                {"id": "c", "path": ["locality"]},
                {"id": "d", "path": ["region"]},
                {"id": "e", "path": ["date_of_birth"]},
            ],
            "claim_sets": [["a", "c", "d", "e"], ["a", "b", "e"]],
        }
    ]
}
MULTI: dict[str, Any] = {
    "credentials": [
        {"id": "pid", "format": "dc+sd-jwt", "meta": VCT, "claims": NAMES},
        {
            "id": "mdl",
            "format": "mso_mdoc",
            "meta": {"doctype_value": "org.iso.7367.1.mVRC"},
            "claims": [
                {"path": ["org.iso.7367.1", "vehicle_holder"]},
                {"path": ["org.iso.18013.5.1", "given_name"]},
            ],
        },
    ]
}
VALUES: dict[str, Any] = {
    "credentials": [
        {
            "id": "my_credential",
            "format": "dc+sd-jwt",
            "meta": VCT,
            "claims": [
                {"path": ["family_name"], "values": ["Doe"]},
                {"path": ["given_name"]},
                {"path": ["address", "street_address"]},
                {"path": ["postal_code"], "values": ["90210", "90211"]},
            ],
        }
    ]
}


def changed(example: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The example with members of its first credential query changed; one that is ... is left out."""
    query = copy.deepcopy(example)
    first = query["credentials"][0] | members
    query["credentials"][0] = {name: value for name, value in first.items() if value is not ...}
    return query


def fault(query: object, reader: Any = parse) -> tuple[str, str]:
    with pytest.raises(InvalidQuery) as refused:
        reader(query)
    assert refused.value.code == "invalid_dcql_query"
    assert refused.value.members == {"reason": refused.value.fault.value, "path": refused.value.path}
    return refused.value.fault.value, refused.value.path


@pytest.mark.parametrize("example", [SIMPLE, CLAIMS_ALTERNATIVES, MULTI, VALUES])
def test_vp_8_the_specifications_examples_are_valid_and_may_be_sent(example: dict[str, Any]) -> None:
    assert parse(example) == parse_sendable(example)


def test_vp_8_the_defaults_are_one_credential_with_holder_binding() -> None:
    (credential,) = parse(SIMPLE).credentials
    assert (credential.multiple, credential.require_cryptographic_holder_binding) == (False, True)
    assert not parse(SIMPLE).needs_state
    assert parse(changed(SIMPLE, require_cryptographic_holder_binding=False)).needs_state


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([], ("not_an_object", "")),
        (None, ("not_an_object", "")),
        ({}, ("missing", "/credentials")),
        ({"credentials": []}, ("empty", "/credentials")),
        ({"credentials": {}}, ("wrong_type", "/credentials")),
        ({"credentials": ["a"]}, ("not_an_object", "/credentials/0")),
        (changed(SIMPLE, id=...), ("missing", "/credentials/0/id")),
        (changed(SIMPLE, id=""), ("empty", "/credentials/0/id")),
        (changed(SIMPLE, id="a b"), ("invalid_id", "/credentials/0/id")),
        (changed(SIMPLE, id="a\n"), ("invalid_id", "/credentials/0/id")),
        (changed(SIMPLE, id="å"), ("invalid_id", "/credentials/0/id")),
        (changed(SIMPLE, id=7), ("wrong_type", "/credentials/0/id")),
        (changed(SIMPLE, format=...), ("missing", "/credentials/0/format")),
        (changed(SIMPLE, meta=...), ("missing", "/credentials/0/meta")),
        (changed(SIMPLE, meta=None), ("not_an_object", "/credentials/0/meta")),
        (changed(SIMPLE, meta={"vct_values": []}), ("empty", "/credentials/0/meta/vct_values")),
        (changed(SIMPLE, meta={"vct_values": [1]}), ("wrong_type", "/credentials/0/meta/vct_values/0")),
        (changed(SIMPLE, meta={"doctype_value": 1}), ("wrong_type", "/credentials/0/meta/doctype_value")),
        (changed(SIMPLE, meta={"type_values": ["A"]}), ("wrong_type", "/credentials/0/meta/type_values/0")),
        (changed(SIMPLE, multiple="yes"), ("wrong_type", "/credentials/0/multiple")),
        (
            changed(SIMPLE, require_cryptographic_holder_binding=1),
            ("wrong_type", "/credentials/0/require_cryptographic_holder_binding"),
        ),
        (changed(SIMPLE, trusted_authorities=[]), ("empty", "/credentials/0/trusted_authorities")),
        (
            changed(SIMPLE, trusted_authorities=[{"type": "aki"}]),
            ("missing", "/credentials/0/trusted_authorities/0/values"),
        ),
        (
            changed(SIMPLE, trusted_authorities=[{"type": "aki", "values": []}]),
            ("empty", "/credentials/0/trusted_authorities/0/values"),
        ),
        ({"credentials": SIMPLE["credentials"] * 2}, ("duplicate_id", "/credentials/1/id")),
    ],
)
def test_vp_8_a_broken_credential_query_is_refused_with_its_place(query: object, expected: tuple[str, str]) -> None:
    assert fault(query) == expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"claims": []}, ("empty", "claims")),
        ({"claims": {}}, ("wrong_type", "claims")),
        ({"claims": [[]]}, ("not_an_object", "claims/0")),
        ({"claims": [{}]}, ("missing", "claims/0/path")),
        ({"claims": [{"path": []}]}, ("empty", "claims/0/path")),
        ({"claims": [{"path": "a"}]}, ("wrong_type", "claims/0/path")),
        ({"claims": [{"path": ["a", -1]}]}, ("invalid_path", "claims/0/path/1")),
        ({"claims": [{"path": ["a", 1.5]}]}, ("invalid_path", "claims/0/path/1")),
        ({"claims": [{"path": [True]}]}, ("invalid_path", "claims/0/path/0")),
        ({"claims": [{"path": ["a"], "id": "a.b"}]}, ("invalid_id", "claims/0/id")),
        ({"claims": [{"path": ["a"], "values": []}]}, ("empty", "claims/0/values")),
        ({"claims": [{"path": ["a"], "values": [None]}]}, ("invalid_value", "claims/0/values/0")),
        ({"claims": [{"path": ["a"], "values": [1.5]}]}, ("invalid_value", "claims/0/values/0")),
        ({"claims": [{"path": ["a"], "id": "x"}, {"path": ["b"], "id": "x"}]}, ("duplicate_id", "claims/1/id")),
        ({"claims": ..., "claim_sets": [["a"]]}, ("claim_sets_without_claims", "claim_sets")),
        ({"claims": [{"path": ["a"]}], "claim_sets": [["a"]]}, ("claim_id_missing", "claims/0/id")),
        ({"claim_sets": []}, ("empty", "claim_sets")),
        ({"claim_sets": [[]]}, ("empty", "claim_sets/0")),
        ({"claim_sets": [["a", "z"]]}, ("unknown_id", "claim_sets/0/1")),
        ({"claim_sets": ["a"]}, ("wrong_type", "claim_sets/0")),
    ],
)
def test_vp_9_broken_claims_and_claim_sets_are_refused_with_their_place(
    members: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert fault(changed(CLAIMS_ALTERNATIVES, **members)) == (expected[0], f"/credentials/0/{expected[1]}")


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([], ("empty", "/credential_sets")),
        ([{}], ("missing", "/credential_sets/0/options")),
        ([{"options": []}], ("empty", "/credential_sets/0/options")),
        ([{"options": [[]]}], ("empty", "/credential_sets/0/options/0")),
        ([{"options": [["pid"], ["other"]]}], ("unknown_id", "/credential_sets/0/options/1/0")),
        ([{"options": [["pid"]], "required": "no"}], ("wrong_type", "/credential_sets/0/required")),
    ],
)
def test_vp_10_broken_credential_sets_are_refused_with_their_place(sets: Any, expected: tuple[str, str]) -> None:
    assert fault(MULTI | {"credential_sets": sets}) == expected


def test_vp_8_unknown_members_are_ignored_when_read() -> None:
    query = changed(SIMPLE, purpose="x")
    query["credentials"][0]["claims"] = [{"path": ["a"], "intent_to_retain": True}]
    assert parse(query | {"other": 1}).credentials[0].claims[0].path == ("a",)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (SIMPLE | {"purpose": "x"}, ("unknown_member", "/purpose")),
        (changed(SIMPLE, purpose="x"), ("unknown_member", "/credentials/0/purpose")),
        (changed(SIMPLE, **{"a/b~c": 1}), ("unknown_member", "/credentials/0/a~1b~0c")),
        (changed(SIMPLE, meta={}), ("missing", "/credentials/0/meta/vct_values")),
        (changed(MULTI, format="mso_mdoc", meta={}), ("missing", "/credentials/0/meta/doctype_value")),
        (changed(SIMPLE, format="vc+sd-jwt"), ("unknown_format", "/credentials/0/format")),
        (changed(SIMPLE, claims=[{"path": ["vct"]}]), ("never_disclosable", "/credentials/0/claims/0/path")),
        (changed(SIMPLE, claims=[{"path": ["cnf", "jwk"]}]), ("never_disclosable", "/credentials/0/claims/0/path")),
        (changed(SIMPLE, claims=[*NAMES, NAMES[0]]), ("duplicate_claim", "/credentials/0/claims/3/path")),
        (changed(CLAIMS_ALTERNATIVES, claim_sets=[["a", "b", "c", "d"]]), ("unused_claim", "/credentials/0/claims/4")),
        (
            changed(SIMPLE, trusted_authorities=[{"type": "x", "values": ["y"]}]),
            ("unknown_authority_type", "/credentials/0/trusted_authorities/0/type"),
        ),
        (
            MULTI | {"credential_sets": [{"options": [["pid"]], "purpose": "x"}]},
            ("unknown_member", "/credential_sets/0/purpose"),
        ),
    ],
)
def test_vp_12_and_trap_22_what_a_strict_wallet_would_refuse_is_not_sent(
    query: object, expected: tuple[str, str]
) -> None:
    parse(query)
    assert fault(query, parse_sendable) == expected


def test_h_11_known_types_of_authority_may_be_sent() -> None:
    kinds = ("aki", "etsi_tl", "openid_federation")
    query = changed(SIMPLE, trusted_authorities=[{"type": kind, "values": ["x"]} for kind in kinds])
    assert [entry.type for entry in parse_sendable(query).credentials[0].trusted_authorities] == list(kinds)


def test_vp_9_a_verifier_asks_for_this_definition_by_its_value() -> None:
    query = definition_query(
        vct="https://c.example/vct/mikromerit/1", definition="urn:a", claims=[("family_name",), ("definition",)]
    )
    (credential,) = parse_sendable(query).credentials
    assert credential.meta == {"vct_values": ["https://c.example/vct/mikromerit/1"]}
    assert [(claim.path, claim.values) for claim in credential.claims] == [
        (("definition",), ("urn:a",)),
        (("family_name",), None),
    ]
