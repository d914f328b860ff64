"""Credentials to measure with: a short one and one of a pilot's own definitions, each for many holders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from bench.platform import ROOT
from kompetenspass.core.digest import content_digest
from kompetenspass.core.ids import random_bytes
from kompetenspass.embedded.certificates import Issuer, authority, leaf, subject_name
from kompetenspass.keys import es256
from kompetenspass.keys.file import FileSigner, create_key, load_key
from kompetenspass.openid import mikromerit, sdjwt
from services.issuance.domain.authority import Definition, Organisation
from services.issuance.domain.claims import CopyRefs, Earned, Learner, Parties, Token, claims_of_copy, claims_of_merit

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
AUD = "x509_san_dns:verifier.example"
SHOWN = ("family_name", "given_name", "learner_identification", "learning_outcomes", "expected_study_time")
_PILOT = ROOT / "demo" / "pilots" / "02_skelleftea_kommun_yrkessvenska.yaml"
_CATALOG = "https://catalog.example"
_DAYS = 365


@dataclass(frozen=True)
class Bound:
    """One holder, what is issued to them, and what they answer `nonce` with."""

    holder: FileSigner
    claims: Mapping[str, Any]
    credential: sdjwt.SDJWT
    nonce: str
    presentation: str


class Credentials:
    """One kind of credential: an issuer's key, and a pool of holders whose keys, salts and indices all differ."""

    disclosable: Collection[sdjwt.Path] = mikromerit.DISCLOSABLE

    def __init__(
        self, name: str, merit: Mapping[str, Any], signer: FileSigner, key: ec.EllipticCurvePrivateKey
    ) -> None:
        self.name = name
        self._merit = merit
        self.signer = signer
        self.key = key
        self.pool: Sequence[Bound] = ()

    @cached_property
    def public_key(self) -> es256.PublicKey:
        """The issuer's public key, loaded by what computed ES256 when it was first asked for."""
        return es256.adopted(self.key.public_key())

    def fill(self, holders: Sequence[FileSigner]) -> None:
        """Issue one credential for each holder, and have it shown."""
        self.pool = [self._bound(number, holder) for number, holder in enumerate(holders)]

    def issue(self, claims: Mapping[str, Any], holder_jwk: Mapping[str, str]) -> sdjwt.SDJWT:
        """Issue a credential as the issuance service does."""
        return sdjwt.issue(
            claims, disclosable=self.disclosable, signer=self.signer, random=random_bytes, holder_jwk=holder_jwk
        )

    def _bound(self, number: int, holder: FileSigner) -> Bound:
        claims = claims_of_copy(dict(self._merit), _token(), CopyRefs(UUID(int=number), f"{_CATALOG}/status/1", number))
        credential, nonce = self.issue(claims, holder.public_jwk), f"n-{number:024}"
        kb = sdjwt.KeyBinding(AUD, nonce, NOW, holder)
        return Bound(holder, claims, credential, nonce, sdjwt.present(credential.compact, SHOWN, kb=kb))

    @property
    def sizes(self) -> str:
        """How large the first credential and its presentation are."""
        first = self.pool[0]
        return (
            f"credential {len(first.credential.compact)} B with {len(first.credential.disclosures)} disclosures, "
            f"presentation of {len(SHOWN)} {len(first.presentation)} B"
        )


def made(folder: Path, holders: int) -> tuple[Credentials, Credentials]:
    """Return a short credential without a certificate chain, and a pilot's with one, for as many holders."""
    definition = _definition()
    short = Credentials("short", _merit(_shortened(definition)), *_issuer(folder / "short", chain=False))
    pilot = Credentials("pilot", _merit(definition), *_issuer(folder / "pilot", chain=True))
    keys = [_holder(folder / f"{number}.pem") for number in range(holders)]
    for credentials in (short, pilot):
        credentials.fill(keys)
    return short, pilot


def _definition() -> dict[str, Any]:
    content = yaml.safe_load(_PILOT.read_text("utf-8"))
    found: dict[str, Any] = next(one for one in content["definitions"] if one["id"] == "sko-ys-09")
    return found


def _shortened(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition with one learning outcome of one sentence, and nothing that may be left out."""
    outcome = definition["learning_outcomes"][0]
    short = {"id": outcome["id"], "category": outcome["category"], "statement": {"sv": "Kan ge återkoppling."}}
    kept = {name: value for name, value in definition.items() if name not in ("description", "esco_skills", "validity")}
    return {**kept, "title": {"sv": "Återkoppling"}, "learning_outcomes": [short]}


def _merit(content: Mapping[str, Any]) -> Mapping[str, Any]:
    municipality = Organisation("org:kommun", "kommun", {"sv": "Skellefteå kommun"}, "212000-2643", "SE")
    definition = Definition(content["id"], content["urn"], 1, content_digest(content), "o", "o", "o", content)
    earned = Earned(84.0, date(2026, 11, 20), "på plats", "R4")
    parties = Parties(municipality, municipality, None, None)
    return claims_of_merit(definition, parties, Learner("Demo", "Elev", "p" * 22), earned, ("urn:mikromerit:demo:p",))


def _token() -> Token:
    integrity = mikromerit.type_integrity(_CATALOG)
    return Token(f"{_CATALOG}/issuers/kommun", mikromerit.vct(_CATALOG), integrity, NOW, timedelta(days=_DAYS))


def _holder(path: Path) -> FileSigner:
    create_key(path)
    return FileSigner(path)


def _issuer(folder: Path, *, chain: bool) -> tuple[FileSigner, ec.EllipticCurvePrivateKey]:
    public = create_key(folder / "key.pem")
    if chain:
        (folder / "chain.pem").write_bytes(_chain(public))
    return FileSigner(folder / "key.pem", folder / "chain.pem" if chain else None), load_key(folder / "key.pem")


def _chain(public: ec.EllipticCurvePublicKey) -> bytes:
    """Return a leaf and the authority below the anchor, as an enrolled issuer has them."""
    root, middle = (Issuer(subject_name(name), ec.generate_private_key(ec.SECP256R1())) for name in ("root", "issuing"))
    between = authority(middle.name, middle.key.public_key(), by=root, path_length=0, now=NOW, days=_DAYS)
    last = leaf(subject_name("issuer"), public, by=middle, names=[], server=False, now=NOW, days=_DAYS)
    return last.public_bytes(Encoding.PEM) + between.public_bytes(Encoding.PEM)
