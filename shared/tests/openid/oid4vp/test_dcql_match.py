"""Claims path pointers, and whether a credential meets a query."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kompetenspass.openid.oid4vp.dcql import (
    Credential,
    Match,
    NothingSelected,
    QueryNotMet,
    authority_key_ids,
    evaluate_path,
    match,
    parse,
)
from kompetenspass.openid.sdjwt import UNDISCLOSED
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.keys import TestAnchor, TestSigner

TYPE = "https://credentials.example.com/identity_credential"
ARTHUR: dict[str, Any] = {
    "name": "Arthur Dent",
    "address": {"street_address": "42 Market Street", "locality": "Milliways", "postal_code": "12345"},
    "degrees": [
        {"type": "Bachelor of Science", "university": "University of Betelgeuse"},
        {"type": "Master of Science", "university": "University of Betelgeuse"},
    ],
    "nationalities": ["British", "Betelgeusian"],
    "age": 42,
    "alive": True,
}


def credential(claims: dict[str, Any] | None = None, **members: Any) -> Credential:
    defaults: dict[str, Any] = {"format": "dc+sd-jwt", "types": frozenset({TYPE}), "claims": claims or ARTHUR}
    return Credential(**(defaults | members))


def meeting(held: Credential, *claims: dict[str, Any], **members: Any) -> Match:
    entry: dict[str, Any] = {"id": "q", "format": "dc+sd-jwt", "meta": {"vct_values": [TYPE]}} | members
    entry |= {"claims": list(claims)} if claims else {}
    return match(parse({"credentials": [entry]}).credentials[0], held)


def reason(held: Credential, *claims: dict[str, Any], **members: Any) -> str:
    with pytest.raises(QueryNotMet) as refused:
        meeting(held, *claims, **members)
    assert refused.value.members == {"reason": refused.value.reason.value, "path": refused.value.path}
    return refused.value.reason.value


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        (("name",), ["Arthur Dent"]),
        (("address",), [ARTHUR["address"]]),
        (("address", "street_address"), ["42 Market Street"]),
        (("degrees", None, "type"), ["Bachelor of Science", "Master of Science"]),
        (("nationalities", 1), ["Betelgeusian"]),
        (("nationalities", None), ["British", "Betelgeusian"]),
    ],
)
def test_vp_11_the_specifications_example_pointers_select_what_it_says(path: Any, selected: list[Any]) -> None:
    assert [value for _, value in evaluate_path(ARTHUR, path)] == selected


@pytest.mark.parametrize(
    "path",
    [
        ("missing",),
        ("name", "first"),
        ("name", None),
        ("name", 0),
        ("address", None),
        ("address", 0),
        ("degrees", "type"),
        ("nationalities", 2),
        ("degrees", None, "grade"),
        ("degrees", 0, "type", "x"),
    ],
)
def test_vp_11_a_wrong_type_aborts_and_an_empty_selection_is_none(path: Any) -> None:
    with pytest.raises(NothingSelected):
        evaluate_path(ARTHUR, path)


def test_vp_11_an_element_without_the_key_is_left_out_but_one_of_another_type_aborts() -> None:
    assert [value for _, value in evaluate_path({"a": [{"b": 1}, {}]}, ("a", None, "b"))] == [1]
    with pytest.raises(NothingSelected):
        evaluate_path({"a": [{"b": 1}, 7]}, ("a", None, "b"))


def test_vp_11_the_paths_of_selected_elements_have_indices_for_nulls() -> None:
    found = evaluate_path(ARTHUR, ("degrees", None, "type"))
    assert [path for path, _ in found] == [("degrees", 0, "type"), ("degrees", 1, "type")]


def test_vp_11_an_undisclosed_element_keeps_its_index_and_is_never_selected() -> None:
    claims = {"has_part": [UNDISCLOSED, {"definition": "b"}]}
    assert [path for path, _ in evaluate_path(claims, ("has_part", None, "definition"))] == [
        ("has_part", 1, "definition")
    ]
    with pytest.raises(NothingSelected):
        evaluate_path(claims, ("has_part", 0))


def test_vp_23_without_claims_only_what_is_always_shown_is_disclosed() -> None:
    assert meeting(credential()).paths == ()


def test_vp_23_the_match_names_exactly_the_claims_that_were_asked_for() -> None:
    found = meeting(credential(), {"path": ["name"]}, {"path": ["degrees", None, "type"]}, {"path": ["name"]})
    assert found.paths == (("name",), ("degrees", 0, "type"), ("degrees", 1, "type"))


def test_vp_8_format_and_type_must_be_those_asked_for() -> None:
    assert reason(credential(format="mso_mdoc")) == "format"
    assert reason(credential(types=frozenset({"other"}))) == "type"
    assert meeting(credential(types=frozenset({"urn:extending", TYPE})))
    assert meeting(credential(types=frozenset({"other"})), meta={})


def test_vp_8_doctypes_and_w3c_types_are_compared_as_their_formats_have_it() -> None:
    mdoc = credential({"org.iso.18013.5.1": {"age": 1}}, format="mso_mdoc", types=frozenset({"org.iso.18013.5.1.mDL"}))
    asked: dict[str, Any] = {"format": "mso_mdoc", "meta": {"doctype_value": "org.iso.18013.5.1.mDL"}}
    assert meeting(mdoc, {"path": ["org.iso.18013.5.1", "age"]}, **asked)
    assert reason(mdoc, **(asked | {"meta": {"doctype_value": "org.iso.7367.1.mVRC"}})) == "type"
    w3c = credential(format="ldp_vc", types=frozenset({"VC", "Degree"}))
    assert meeting(w3c, format="ldp_vc", meta={"type_values": [["Other"], ["VC", "Degree"]]})
    assert reason(w3c, format="ldp_vc", meta={"type_values": [["VC", "Other"]]}) == "type"


def test_vp_16_holder_binding_is_needed_unless_the_query_waives_it() -> None:
    assert reason(credential(holder_bound=False)) == "holder_binding"
    assert meeting(credential(holder_bound=False), require_cryptographic_holder_binding=False)


@pytest.mark.parametrize(
    ("values", "met"),
    [
        ({"path": ["age"], "values": [41, 42]}, True),
        ({"path": ["age"], "values": ["42"]}, False),
        ({"path": ["alive"], "values": [True]}, True),
        ({"path": ["alive"], "values": [1]}, False),
        ({"path": ["alive"], "values": ["true"]}, False),
        ({"path": ["name"], "values": ["arthur dent"]}, False),
        ({"path": ["address"], "values": ["42 Market Street"]}, False),
    ],
)
def test_vp_9_type_and_value_must_both_match_exactly(values: dict[str, Any], met: bool) -> None:
    if met:
        assert meeting(credential(), values)
    else:
        assert reason(credential(), values) == "value"


def test_vp_9_a_whole_number_with_a_fraction_part_is_not_an_integer() -> None:
    assert reason(credential({"age": 42.0}), {"path": ["age"], "values": [42]}) == "value"


def test_vp_9_of_an_array_only_the_elements_with_an_asked_value_are_disclosed() -> None:
    found = meeting(credential(), {"path": ["nationalities", None], "values": ["Betelgeusian"]})
    assert found.paths == (("nationalities", 1),)


def test_vp_9_the_first_claim_set_that_can_be_satisfied_is_taken() -> None:
    claims = [{"id": "a", "path": ["name"]}, {"id": "b", "path": ["email"]}, {"id": "c", "path": ["age"]}]
    assert meeting(credential(), *claims, claim_sets=[["a", "b"], ["a", "c"], ["a"]]).paths == (("name",), ("age",))
    assert reason(credential(), *claims, claim_sets=[["b"], ["a", "b"]]) == "claim"


def test_h_11_an_authority_key_identifier_in_the_chain_is_enough() -> None:
    anchor, other = TestAnchor(), TestAnchor()
    held = credential(authority_key_ids=authority_key_ids([TestSigner(anchor=anchor).leaf]))
    (ours,) = held.authority_key_ids
    (theirs,) = authority_key_ids([TestSigner(anchor=other).leaf])
    assert meeting(held, trusted_authorities=[{"type": "aki", "values": [theirs, ours]}])
    assert reason(held, trusted_authorities=[{"type": "aki", "values": [theirs]}]) == "authority"
    assert (
        reason(held, trusted_authorities=[{"type": "etsi_tl", "values": ["https://lotl.example.com"]}]) == "authority"
    )


def test_h_11_a_certificate_that_names_no_authority_gives_none() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOON, NOON + timedelta(days=1))
    bare = builder.sign(key, hashes.SHA256())
    by_name = builder.add_extension(x509.AuthorityKeyIdentifier(None, [x509.DNSName("a.example")], 1), critical=False)
    assert authority_key_ids([bare, by_name.sign(key, hashes.SHA256())]) == frozenset()


def test_claims_do_not_stand_in_the_text_of_a_credential_or_a_refusal() -> None:
    assert "Arthur" not in repr(credential())
    with pytest.raises(QueryNotMet) as refused:
        meeting(credential(), {"path": ["name"], "values": ["Ford"]})
    assert "Arthur" not in json.dumps([refused.value.title, refused.value.members])
