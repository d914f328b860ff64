"""The phrases that rules and proofs are told with, in Swedish and English, and how titles and numbers go into them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from kompetenspass.pathway.rule import Age

Language = Literal["sv", "en"]
Titles = Mapping[str, Mapping[str, str]]
"""Titles of definitions and pathways, names of organisations: id, then language. What has none is told by its id."""

SWEDISH: Mapping[str, str] = {
    "and": " och ",
    "or": " eller ",
    "credential": "Mikromeriten {title}",
    "pathway": "Vägen {title}",
    "credential.live": "giltig just nu",
    "credential.snapshot": "giltig vid tilldelningen",
    "credential.grace": "giltig eller utgången sedan mindre än {span}",
    "pathway.live": "tilldelad och inte pausad",
    "pathway.snapshot": "tilldelad",
    "pathway.grace": "tilldelad och inte pausad",
    "version": "i version {first}",
    "version.from": "i version {first} eller senare",
    "version.range": "i någon av versionerna {first} till {last}",
    "issued_by": "utfärdad av {organisations}",
    "min_recognition": "på erkännandenivå {level} eller högre",
    "min_result_percent": "med ett resultat på minst {percent} procent",
    "max_age": "tilldelad för högst {span} sedan",
    "no_rpl": "inte genom validering",
    "this": "Detta",
    "all_of": "Alla dessa {total}",
    "any_of": "Minst en av dessa {total}",
    "n_of": "Minst {min} av dessa {total}",
    "enough_of": "Tillräckligt många av dessa {total}",
    "credits": "Minst {amount} sammanlagt av dessa: {sources}",
    "max_per_item": "där var och en räknas för högst {amount}",
    "level.count": "Minst {count} på {framework}-nivå {level} eller högre av dessa: {sources}",
    "level.share": "Minst {percent} procent på {framework}-nivå {level} eller högre av dessa: {sources}",
    "selector": "mikromeriter med {parts}",
    "selector.field": "ämnesområde {value}",
    "selector.sector": "bransch {value}",
    "selector.esco": "ESCO-kompetensen {value}",
    "selector.reuse": "användbarhet {value}",
    "selector.issuer_role": "en utfärdare i rollen {value}",
    "outcomes": "Minst {amount} i mikromeriterna som räknas",
    "outcomes.category": "Minst {amount} inom {category} i mikromeriterna som räknas",
    "outcomes.esco": "mot {skills} i ESCO",
    "category.knowledge": "kunskaper",
    "category.skill": "färdigheter",
    "category.responsibility_autonomy": "ansvar och självständighet",
    "double_counting.forbid": "Samma mikromerit räknas bara en gång.",
    "double_counting.allow": "Samma mikromerit får räknas på flera ställen.",
    "constraint.min_recognition": "Varje mikromerit är på erkännandenivå {level} eller högre.",
    "constraint.min_issuers": "Mikromeriterna kommer från minst {count} olika utfärdare.",
    "constraint.order": "{first} är tilldelad före {second}.",
    "on_lapse.none": "Tilldelningen står kvar även när en mikromerit som ingår går ut.",
    "on_lapse.suspend": "Tilldelningen pausas när villkoren inte längre är uppfyllda.",
    "mode.automatic": "Tilldelas av sig självt när villkoren är uppfyllda.",
    "mode.decision": "Föreslås när villkoren är uppfyllda, och tilldelas genom beslut.",
    "true": "Uppfyllt: {what}",
    "false": "Saknas: {what}",
    "unknown": "Oklart: {what}",
    "false.measure": "Inte uppfyllt: {what}",
    "why.pathway": "vägen {title}",
    "why.ready": "{what} ({ready} klara)",
    "why.reason": "{what} ({reason})",
    "why.credits": "omfattningen är {have}, minst {need} behövs",
    "why.level": "antalet på rätt nivå är {have}, minst {need} behövs",
    "why.outcomes": "antalet läranderesultat av rätt slag är {have}, minst {need} behövs",
    "why.issuers": "antalet utfärdare är {have}, minst {need} behövs",
    "reason.version": "fel version",
    "reason.other_issuer": "utfärdad av någon annan",
    "reason.recognition_too_low": "för låg erkännandenivå",
    "reason.rpl_refused": "validering räknas inte här",
    "reason.result_too_low": "för lågt resultat",
    "reason.result_unknown": "resultatet är inte känt",
    "reason.too_old": "för gammal",
    "reason.order": "på grund av ordningen",
    "reason.taken": "räknas redan på ett annat ställe",
    "reason.revoked": "återkallad",
    "reason.expired": "har gått ut",
    "reason.suspended": "tillfälligt spärrad",
    "reason.status_unknown": "statusen går inte att läsa",
    "hours": "timme/timmar",
    "ects": "ECTS-poäng/ECTS-poäng",
    "years": "år/år",
    "months": "månad/månader",
    "days": "dag/dagar",
    "outcome": "läranderesultat/läranderesultat",
}

ENGLISH: Mapping[str, str] = {
    "and": " and ",
    "or": " or ",
    "credential": "The micro-credential {title}",
    "pathway": "The pathway {title}",
    "credential.live": "valid now",
    "credential.snapshot": "valid at the award",
    "credential.grace": "valid, or expired for less than {span}",
    "pathway.live": "awarded and not suspended",
    "pathway.snapshot": "awarded",
    "pathway.grace": "awarded and not suspended",
    "version": "in version {first}",
    "version.from": "in version {first} or later",
    "version.range": "in one of the versions {first} to {last}",
    "issued_by": "issued by {organisations}",
    "min_recognition": "at recognition level {level} or higher",
    "min_result_percent": "with a result of at least {percent} percent",
    "max_age": "awarded at most {span} ago",
    "no_rpl": "not by validation of prior learning",
    "this": "This",
    "all_of": "All of these {total}",
    "any_of": "At least one of these {total}",
    "n_of": "At least {min} of these {total}",
    "enough_of": "Enough of these {total}",
    "credits": "At least {amount} together from these: {sources}",
    "max_per_item": "each counted for at most {amount}",
    "level.count": "At least {count} at {framework} level {level} or higher of these: {sources}",
    "level.share": "At least {percent} percent at {framework} level {level} or higher of these: {sources}",
    "selector": "micro-credentials with {parts}",
    "selector.field": "field {value}",
    "selector.sector": "sector {value}",
    "selector.esco": "the ESCO skill {value}",
    "selector.reuse": "reusability {value}",
    "selector.issuer_role": "an issuer in the role {value}",
    "outcomes": "At least {amount} in the micro-credentials that count",
    "outcomes.category": "At least {amount} in {category} in the micro-credentials that count",
    "outcomes.esco": "towards {skills} in ESCO",
    "category.knowledge": "knowledge",
    "category.skill": "skills",
    "category.responsibility_autonomy": "responsibility and autonomy",
    "double_counting.forbid": "The same micro-credential counts only once.",
    "double_counting.allow": "The same micro-credential may count in several places.",
    "constraint.min_recognition": "Every micro-credential is at recognition level {level} or higher.",
    "constraint.min_issuers": "The micro-credentials come from at least {count} different issuers.",
    "constraint.order": "{first} is awarded before {second}.",
    "on_lapse.none": "The award stands even when a micro-credential in it expires.",
    "on_lapse.suspend": "The award is suspended when the conditions no longer hold.",
    "mode.automatic": "Awarded by itself when the conditions hold.",
    "mode.decision": "Proposed when the conditions hold, and awarded by decision.",
    "true": "Done: {what}",
    "false": "Missing: {what}",
    "unknown": "Unclear: {what}",
    "false.measure": "Not reached: {what}",
    "why.pathway": "the pathway {title}",
    "why.ready": "{what} ({ready} done)",
    "why.reason": "{what} ({reason})",
    "why.credits": "the workload is {have}, at least {need} is needed",
    "why.level": "the number at the right level is {have}, at least {need} is needed",
    "why.outcomes": "the number of learning outcomes of the right kind is {have}, at least {need} is needed",
    "why.issuers": "the number of issuers is {have}, at least {need} is needed",
    "reason.version": "another version",
    "reason.other_issuer": "issued by someone else",
    "reason.recognition_too_low": "the recognition level is too low",
    "reason.rpl_refused": "validation of prior learning does not count here",
    "reason.result_too_low": "the result is too low",
    "reason.result_unknown": "the result is not known",
    "reason.too_old": "too old",
    "reason.order": "because of the order",
    "reason.taken": "counts in another place already",
    "reason.revoked": "revoked",
    "reason.expired": "expired",
    "reason.suspended": "suspended for now",
    "reason.status_unknown": "the status cannot be read",
    "hours": "hour/hours",
    "ects": "ECTS credit/ECTS credits",
    "years": "year/years",
    "months": "month/months",
    "days": "day/days",
    "outcome": "learning outcome/learning outcomes",
}

WORDS: Mapping[Language, Mapping[str, str]] = {"sv": SWEDISH, "en": ENGLISH}


@dataclass(frozen=True, slots=True)
class Speech:
    """One language and the titles it may use."""

    titles: Titles
    language: Language

    def say(self, phrase: str, **values: object) -> str:
        """Return the phrase with its values."""
        return WORDS[self.language][phrase].format(**values)

    def knows(self, phrase: str) -> bool:
        """Return whether there is such a phrase."""
        return phrase in WORDS[self.language]

    def title(self, id_: str) -> str:
        """Return the title of a thing in the language, else in another, else its id."""
        texts = self.titles.get(id_, {})
        return texts.get(self.language) or next((text for text in texts.values() if text), id_)

    def listed(self, items: Iterable[str], last: Literal["and", "or"] = "and") -> str:
        """Return `A, B och C`, of nothing nothing."""
        *first, end = [*items] or [""]
        return self.say(last).join([", ".join(first), end]) if first else end

    def number(self, value: float) -> str:
        """Return a number as people write it, with at most two decimals: `38`, `7,5`."""
        text = f"{value:.2f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if self.language == "sv" else text

    def amount(self, value: float, unit: str) -> str:
        """Return a number with its unit: `1 timme`, `38 timmar`."""
        one, _, several = self.say(unit).partition("/")
        return f"{self.number(value)} {one if value == 1 else several}"

    def span(self, age: Age) -> str:
        """Return a duration: `1 år och 6 månader`."""
        parts = (("years", age.years), ("months", age.months), ("days", age.days))
        return self.listed([self.amount(value, unit) for unit, value in parts if value])
