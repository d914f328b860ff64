"""A stranger with the specifications in hand: an office's offers and a wallet of our own, by plain HTTP.

What the platform answers is read with other libraries than its own, so that no fault of ours hides behind itself.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto import jwk, jws

from kompetenspass.core.clock import system_clock
from kompetenspass.openid.oid4vci import proof
from kompetenspass.testing.keys import TestSigner
from tests.integration.parties import PRE_AUTHORIZED, Parties, asked_again

JSON = dict[str, Any]
_PAUSE_SECONDS, _PATIENCE_SECONDS = 0.05, 120.0


@dataclass(frozen=True)
class Office:
    """One organisation that assesses, awards and issues, with one of its definitions."""

    slug: str
    definition: str

    @property
    def org(self) -> str:
        """Its id."""
        return f"org:{self.slug}"


KOMMUN, SOBONA = Office("skelleftea-kommun", "sko-ys-01"), Office("sobona", "sob-tex-02")
TEXTIL = Office("nordiska-textilakademin", "nta-02")
HANDEL, KRAFT = Office("handelsradet", "han-01"), Office("skelleftea-kraft", "skk-val-03")


@dataclass(frozen=True)
class Offer:
    """An offer as the office was told it."""

    told: JSON

    @cached_property
    def document(self) -> JSON:
        """The credential offer by value."""
        parameters = parse_qs(urlsplit(self.told["offer_uri"]).query, strict_parsing=True)
        assert list(parameters) == ["credential_offer"]
        return dict(json.loads(parameters["credential_offer"][0]))

    @property
    def grant(self) -> JSON:
        """The pre-authorized code grant."""
        return dict(self.document["grants"][PRE_AUTHORIZED])

    @property
    def code(self) -> str:
        """The pre-authorized code."""
        return str(self.grant["pre-authorized_code"])

    @property
    def tx_code(self) -> str:
        """The transaction code, which went another way."""
        return str(self.told["tx_code"])

    @property
    def credential_id(self) -> str:
        """The id of the credential, which only the office knows."""
        return str(self.told["credential_id"])


@dataclass(frozen=True)
class Held:
    """A credential in a wallet of ours, with all that the wallet knows."""

    credential: str
    credential_id: str
    access_token: str
    answer: JSON
    key: TestSigner
    position: str

    @property
    def payload(self) -> JSON:
        """The payload of the Issuer-signed JWT, read by another library."""
        return json_of(self.credential.split(".")[1])

    @property
    def status(self) -> JSON:
        """Where its status stands."""
        return dict(self.payload["status"]["status_list"])


@dataclass
class Stranger:
    """Asks one office for offers, and its issuer for everything that a wallet asks for."""

    parties: Parties
    office: Office
    _achievement: str = field(default="", init=False)

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return f"{self.parties.urls['issuance']}/issuers/{self.office.slug}"

    def achieved(self) -> str:
        """Return a new confirmed achievement."""
        token = self.parties.token(self.office.org, "awarding_body", "provider")
        definition = self.parties.ask("get", "catalog", f"/v1/definitions/{self.office.definition}").json()["content"]
        learner = {"given_name": "Åsa", "family_name": "Öberg"}
        plan = {"definition_id": self.office.definition, "route": "course", "learner": learner}
        path = f"/v1/achievements/{self.parties.must('issuance', '/v1/achievements', token, plan)['achievement_id']}"
        criteria = [outcome["id"] for outcome in definition["learning_outcomes"]]
        results = [
            {"instrument": kind["uri"], "score_percent": 92, "criteria_met": criteria}
            for kind in definition["assessment"]["types"]
        ]
        found = {"results": results, "assessor_ref": f"assessor:{self.office.slug}-1"}
        self.parties.must("issuance", f"{path}/results", token, found)
        self.parties.must("issuance", f"{path}/confirm", token, {})
        return path.rpartition("/")[2]

    def offered(self, achievement_id: str = "", *, tx_code: bool = False) -> Offer:
        """Return a new offer: of this achievement, or of one that is offered again and again."""
        if not achievement_id:
            self._achievement = achievement_id = self._achievement or self.achieved()
        token = self.parties.token(self.office.org, "awarding_body")
        path = f"/v1/achievements/{achievement_id}/offers"
        return Offer(self.parties.must("issuance", path, token, {"tx_code": tx_code}))

    def post(self, endpoint: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """Return what an endpoint of the issuer answers."""
        return self.parties.ask("post", "issuance", f"/issuers/{self.office.slug}/{endpoint}", token, **options)

    def token(self, code: str, **form: str) -> httpx2.Response:
        """Return what the token endpoint answers to a code."""
        return self.post("token", data={"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code, **form})

    def access_token(self, offer: Offer | None = None) -> str:
        """Return an access token for an offer without transaction code."""
        return str(self.token((offer or self.offered()).code).raise_for_status().json()["access_token"])

    def nonce(self) -> str:
        """Return a fresh c_nonce."""
        return str(self.post("nonce").raise_for_status().json()["c_nonce"])

    def proof(self, key: TestSigner | None = None, nonce: str | None = None) -> str:
        """Return a sound key proof."""
        return proof.build(
            key or TestSigner(), issuer=self.issuer, now=system_clock(), nonce=self.nonce() if nonce is None else nonce
        )

    def request(self, *proofs: str) -> JSON:
        """Return a credential request."""
        return {"credential_configuration_id": self.office.definition, "proofs": {"jwt": list(proofs)}}

    def credential(self, token: str | None, body: object) -> httpx2.Response:
        """Return what the credential endpoint answers."""
        return self.post("credential", token, json=body)

    def received(self, offer: Offer | None = None) -> Held:
        """Return a credential that our wallet fetched: the offer's, or that of a new achievement."""
        offer, key = offer or self.offered(self.achieved()), TestSigner()
        return self.received_again(self.access_token(offer), offer.credential_id, key)

    def received_again(self, token: str, credential_id: str, key: TestSigner) -> Held:
        """Return a credential fetched with an access token."""
        response = asked_again(lambda: self.credential(token, self.request(self.proof(key)))).raise_for_status()
        answer = response.json()
        copy = answer["credentials"][0]["credential"]
        return Held(copy, credential_id, token, answer, key, response.headers["log-position"])

    def change(self, held: Held, command: str, reason: str) -> httpx2.Response:
        """Return what the registry answers to the issuer who revokes, suspends or reinstates."""
        return self.ordered(held, command, {"reason_code": reason}, self.parties.token(self.office.org, "issuer"))

    def ordered(self, held: Held, command: str, body: object, token: str | None) -> httpx2.Response:
        """Return what the registry answers to a command about a credential, once it has heard of it."""
        self.parties.reached("registry", held.position)
        path = f"/v1/credentials/{held.credential_id}/{command}"
        return self.parties.ask("post", "registry", path, token, json=body)


def json_of(part: str) -> JSON:
    """Return what a base64url part says."""
    assert "=" not in part
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def chain_of(header: Mapping[str, Any]) -> list[x509.Certificate]:
    """Return the certificates of an `x5c` header."""
    return [x509.load_der_x509_certificate(base64.b64decode(entry)) for entry in header["x5c"]]


def check_chain(chain: Sequence[x509.Certificate], root: x509.Certificate) -> None:
    """Check that a chain leads to an anchor that is not in it, and that its leaf is not self-signed."""
    assert chain[0].issuer != chain[0].subject
    assert root not in chain
    assert all(certificate.issuer != certificate.subject for certificate in chain)
    for below, above in zip(chain, [*chain[1:], root], strict=True):
        below.verify_directly_issued_by(above)


def leaf_key(compact: str) -> Any:
    """Return the public key in the leaf of a JWS's `x5c`, for jwcrypto."""
    public = chain_of(json_of(compact.split(".")[0]))[0].public_key()
    return jwk.JWK.from_pem(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def opened_by_leaf(compact: str) -> JSON:
    """Return the payload of a JWS that the leaf of its `x5c` signed; jwcrypto checks the signature."""
    token = jws.JWS()
    token.deserialize(compact, leaf_key(compact), alg="ES256")
    return dict(json.loads(token.payload))


def check_error(answer: httpx2.Response, code: str, status: int = 400) -> None:
    """Check the protocol's own error object: `error` on top, plain ASCII in it, never stored (trap 26)."""
    assert (answer.status_code, answer.json().get("error")) == (status, code), answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) <= {"error", "error_description"}
    description = answer.json().get("error_description", "")
    assert description.isascii()
    assert description.isprintable()
    assert not set('"\\') & set(description)


def check_one_won(answers: Sequence[httpx2.Response], lost: int, code: str) -> None:
    """Check that of rivals one was answered, and the others refused: as too late, or after they waited in vain."""
    assert [answer.status_code for answer in answers].count(200) == 1, answers
    for answer in answers:
        if answer.status_code not in (200, 503):  # 503: the winner's commit took longer than a rival waits for a row
            check_error(answer, code, lost)


def eventually(holds: Callable[[], bool]) -> bool:
    """Return whether something comes true, however busy the machine is; how soon, `make bench` measures."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)
    return found
