"""The one credential type of the platform, `{catalog}/vct/mikromerit/1`: its type metadata and disclosure rules.

A published document never changes: another set of claims or rules is `/2`. Source: SD-JWT VC, type metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kompetenspass.core.digest import canonical_json, integrity

VCT_PATH = "/vct/mikromerit/1"
"""Where the catalog serves the document, below its base URL."""

SD = Literal["always", "never", "allowed"]
Path = tuple[str | None, ...]
"""A claims path: a member's name, or None for each element of an array."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of the type: where it stands, how people read it, and whether it may be kept back."""

    path: Path
    sv: str
    en: str
    sd: SD
    mandatory: bool = False


def _never(name: str, sv: str, en: str, *, mandatory: bool = True) -> Claim:
    return Claim((name,), sv, en, "never", mandatory)


def _always(name: str, sv: str, en: str, *, mandatory: bool = False) -> Claim:
    return Claim((name,), sv, en, "always", mandatory)


CLAIMS: tuple[Claim, ...] = (
    _never("vct", "Typ av bevis", "Credential type"),
    _never("vct#integrity", "Typens kontrollsumma", "Integrity of the credential type"),
    _never("iss", "Utfärdare", "Issuer"),
    _never("iat", "Signerat", "Signed at"),
    _never("exp", "Bevisets tekniska slutdatum", "Technical end of the credential", mandatory=False),
    _never("cnf", "Innehavarens nyckel", "Holder key"),
    _never("status", "Status", "Status"),
    _never("jti", "Bevisets nummer", "Credential number"),
    _never("issuing_authority", "Utfärdande organisation", "Issuing authority"),
    _never("issuing_country", "Utfärdarens land", "Issuing country"),
    _never("issuing_region", "Utfärdarens region", "Issuing region", mandatory=False),
    _never("achievement_title", "Mikromerit", "Micro-credential"),
    _never("date_of_issuance", "Utfärdandedatum", "Date of issuance"),
    _never("date_awarded", "Tilldelad", "Date awarded"),
    _never("date_of_expiry", "Giltig till och med", "Date of expiry", mandatory=False),
    _never("definition", "Beskrivning", "Definition"),
    _never("definition_version", "Beskrivningens version", "Version of the definition"),
    _never("awarding_body", "Tilldelande organ", "Awarding body"),
    _never("creator", "Skapare", "Creator", mandatory=False),
    _never("quality_assurance_body", "Kvalitetssäkrare", "Quality assurance body", mandatory=False),
    _never("recognition_level", "Nivå av erkännande (R1-R6)", "Recognition level (R1-R6)"),
    _never("language_of_classes", "Språk", "Language"),
    _never("form_of_participation", "Form för deltagande", "Form of participation"),
    _never("nqf_level", "Nivå i SeQF", "Level in SeQF", mandatory=False),
    _never("level_placement", "Nivåplacering", "Level placement", mandatory=False),
    _always("family_name", "Efternamn", "Family name", mandatory=True),
    _always("given_name", "Förnamn", "Given name"),
    _always("birth_date", "Födelsedatum", "Date of birth"),
    _always("learner_identification", "Innehavarens beteckning", "Learner identification", mandatory=True),
    _always("assessment_grade", "Resultat", "Assessment result"),
    _always("pass_threshold", "Gräns för godkänt", "Pass threshold"),
    _always("learning_outcomes", "Läranderesultat", "Learning outcomes", mandatory=True),
    _always("learning_outcomes_structured", "Läranderesultat, uppdelade", "Learning outcomes, structured"),
    _always("expected_study_time", "Förväntad arbetsinsats", "Expected study time", mandatory=True),
    _always("level_of_learning_experience", "Nivå i EQF", "Level in EQF"),
    _always("types_of_quality_assurance", "Kvalitetssäkring", "Types of quality assurance", mandatory=True),
    _always("prerequisites_to_enroll", "Förkunskapskrav", "Prerequisites"),
    _always("integration_stackability_options", "Kan byggas på", "Stackable"),
    _always("assessment_types", "Bedömningsformer", "Types of assessment", mandatory=True),
    _always("supervision_and_id_verification", "Tillsyn och id-kontroll", "Supervision and identity verification"),
    _always("part_of", "Ingår i", "Part of"),
    Claim(("has_part",), "Består av", "Consists of", "allowed"),
    Claim(("has_part", None), "Ingående mikromerit", "Constituent micro-credential", "always"),
    Claim(("achievement_description",), "Om mikromeriten", "About the micro-credential", "allowed"),
    Claim(("ects",), "Högskolepoäng (ECTS)", "ECTS credits", "allowed"),
    Claim(("esco_skills",), "Färdigheter i ESCO", "ESCO skills", "allowed"),
)
"""Every claim of the type, in the order in which a wallet shows them."""

DISCLOSABLE: frozenset[Path] = frozenset(claim.path for claim in CLAIMS if claim.sd == "always")
"""What an issuer must make selectively disclosable; `("has_part", None)` is each element of the array."""

NEVER_SD: frozenset[str] = frozenset(str(claim.path[0]) for claim in CLAIMS if claim.sd == "never")
"""Top-level claims that always stand in the open."""

MANDATORY_OPEN: frozenset[str] = frozenset(
    str(claim.path[0]) for claim in CLAIMS if claim.sd == "never" and claim.mandatory
)
"""Top-level claims that every presentation of the type shows."""

_DISPLAY = (
    ("sv", "Mikromerit", "Ett bevis på läranderesultat som har bedömts efter en kort insats."),
    ("en", "Micro-credential", "Proof of learning outcomes that were assessed after a small effort."),
)


def vct(catalog_base_url: str) -> str:
    """Return the `vct` of every credential of the type, as the catalog at that base URL publishes it."""
    return catalog_base_url + VCT_PATH


def type_metadata(catalog_base_url: str) -> bytes:
    """Return the document that the catalog serves at VCT_PATH: the same bytes for the same base URL, for good."""
    return canonical_json(
        {
            "vct": vct(catalog_base_url),
            "name": "Mikromerit",
            "description": "Type metadata of micro-credentials (mikromeriter) in Kompetenspass.",
            "display": [_display(locale, name, text) for locale, name, text in _DISPLAY],
            "claims": [_described(claim) for claim in CLAIMS],
        }
    )


def type_integrity(catalog_base_url: str) -> str:
    """Return `vct#integrity` for credentials of the type. Source: SD-JWT VC, document integrity."""
    return integrity(type_metadata(catalog_base_url))


def _display(locale: str, name: str, description: str) -> dict[str, object]:
    colours = {"background_color": "#0b3d5c", "text_color": "#ffffff"}
    return {"locale": locale, "name": name, "description": description, "rendering": {"simple": colours}}


def _described(claim: Claim) -> dict[str, object]:
    return {
        "path": list(claim.path),
        "display": [{"locale": "sv", "label": claim.sv}, {"locale": "en", "label": claim.en}],
        "mandatory": claim.mandatory,
        "sd": claim.sd,
    }
