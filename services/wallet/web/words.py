"""The words of the page in Swedish and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.wallet.web.language import Language

Words = Mapping[str, str]

SWEDISH: Words = {
    "title": "Mina mikromeriter",
    "skip": "Hoppa till innehållet",
    "intro": "Här ser du dina mikromeriter och vad som har hänt med dem. Bara du ser den här sidan.",
    "merits": "Mina mikromeriter",
    "events": "Vad som har hänt",
    "shares": "Vem du har visat dem för",
    "none": "Här finns inget ännu. När du tar emot en mikromerit visas den här.",
    "issuer": "Utfärdare",
    "issued_on": "Utfärdad",
    "valid_to": "Gäller till",
    "no_end": "Tills vidare",
    "level": "Erkännandenivå",
    "reason": "Skäl",
    "shown_to": "Visad för",
    "other_language": "In English",
    "over_title": "Länken gäller inte längre",
    "over_text": "Den har redan använts eller är för gammal. Be om en ny länk.",
    "foot": "Uppgifterna kommer från plattformens händelselogg. Ett återkallat bevis kan inte bli giltigt igen.",
    "status.valid": "Gäller",
    "status.suspended": "Tillfälligt spärrad",
    "status.revoked": "Återkallad",
    "status.superseded": "Ersatt",
    "status.expired": "Utgången",
    "kind.issued": "Utfärdades",
    "kind.superseded": "Ersattes av ett nytt exemplar",
    "kind.suspended": "Spärrades tillfälligt",
    "kind.reinstated": "Gäller igen",
    "kind.revoked": "Återkallades",
    "kind.expired": "Gick ut",
    "reason.issued_in_error": "Beviset utfärdades av misstag",
    "reason.fraud": "Oriktiga uppgifter eller fusk",
    "reason.achievement_voided": "Prestationen har underkänts i efterhand",
    "reason.holder_request": "På din egen begäran",
    "reason.key_compromise": "Utfärdarens nyckel är inte längre säker",
    "reason.issuer_ended": "Utfärdaren har upphört",
    "reason.superseded": "Ersatt av ett nytt bevis",
    "reason.investigation": "Ärendet utreds",
    "reason.review": "Granskas",
    "reason.cleared": "Skälet till spärren finns inte längre",
    "reason.renewed": "Förnyad",
    "reason.constituent_lapsed": "En mikromerit som ingår har upphört att gälla",
    "status.awarded": "Tilldelad, hämta den",
    "state.in_progress": "Pågår",
    "state.proposed_or_waiting": "Väntar på beslut",
    "state.awarded": "Aktiv",
    "state.suspended": "Pausad",
    "state.revoked": "Återkallad",
    "state.declined": "Inte tilldelad",
    "state.expired": "Utgången",
    "state.superseded": "Ersatt",
    "row.awarded": "tilldelad",
    "row.to_fetch": "tilldelad, hämta den",
    "row.replaced": "ersatt av en ny",
    "row.suspended": "pausad",
    "row.reinstated": "aktiv igen",
    "row.appealed": "överklagad: beslutet prövas igen",
    "row.confirmed": "bekräftad efter granskning",
    "row.noted": "påverkas inte",
    "row.also": "dessutom",
    "row.review": "granskas till den {date}",
    "because.lapse": "en mikromerit som ingår gäller inte längre",
    "because.review": "beslut efter granskning",
    "because.issuer": "utfärdaren har spärrat den",
    "again.lapse": "kravet är uppfyllt igen",
    "again.review": "granskningen är klar",
    "again.issuer": "utfärdaren har hävt spärren",
    "again.decided": "beslut efter granskning",
    "definition.suspended": "{title} har spärrats av utfärdaren",
    "definition.expired": "{title} har gått ut",
    "definition.revoked": "{title} har återkallats",
    "definition.superseded": "{title} har ersatts av en ny som inte räcker",
    "definition.restored": "{title} gäller igen",
    "pathway.suspended": "{title} är pausad",
    "pathway.expired": "{title} har gått ut",
    "pathway.revoked": "{title} har återkallats",
    "pathway.superseded": "{title} har ersatts av en ny som inte räcker",
    "pathway.restored": "{title} är aktiv igen",
    "ground.reservation": "enligt det förbehåll som beslutet hade",
    "ground.safety": "för säkerhetens skull",
    "ground.wrong_information": "uppgifterna var oriktiga",
    "cause.correction": "Rättad",
    "cause.new_version": "Ny version",
    "cause.renewal": "Förnyad",
    "cause.re_key": "Signerad med en ny nyckel",
    "cause.name_change": "Nytt namn",
    "waiting.decision": "väntar på {body} beslut",
    "waiting.nobody": "väntar på beslut",
    "waiting.award": "tilldelas inom kort",
    "waiting.suspended": "är pausad",
    "missing.credits": "fler timmar eller poäng",
    "missing.level": "fler mikromeriter på rätt nivå",
    "missing.outcomes": "fler läranderesultat av rätt slag",
    "missing.issuers": "mikromeriter från fler utfärdare",
    "missing.order": "mikromeriterna i rätt ordning",
    "progress": "{done} av {total}",
    "progress.next": "{progress}, nästa: {next}",
    "progress.long": "{done} av {total} delar är klara.",
    "declined": "det beslutades att inte tilldela den",
    "indeterminate": "Det går inte att avgöra just nu: en mikromerit som behövs är spärrad.",
    "and": "och",
    "pathways": "Mina vägar",
    "pathways_intro": "En väg samlar flera mikromeriter till något större. Här ser du hur långt du har kommit.",
    "pathways_none": "Här finns inget ännu. När du har en mikromerit som ingår i en väg visas vägen här.",
    "pages": "Sidor",
    "awarded_on": "Tilldelad",
    "awarded_by": "Tilldelas av",
    "missing": "Det som saknas",
    "rule": "Vad som krävs",
    "rests_on": "Bygger på {total} delar, {valid} gäller",
    "standing.unknown": "Okänt",
}

ENGLISH: Words = {
    "title": "My micro-credentials",
    "skip": "Skip to content",
    "intro": "Here you see your micro-credentials and what has happened to them. Only you see this page.",
    "merits": "My micro-credentials",
    "events": "What has happened",
    "shares": "Who you have shown them to",
    "none": "There is nothing here yet. When you receive a micro-credential, it is shown here.",
    "issuer": "Issuer",
    "issued_on": "Issued",
    "valid_to": "Valid until",
    "no_end": "No end date",
    "level": "Recognition level",
    "reason": "Reason",
    "shown_to": "Shown to",
    "other_language": "På svenska",
    "over_title": "This link is no longer valid",
    "over_text": "It has been used already, or it is too old. Ask for a new link.",
    "foot": "The information comes from the platform's event log. A revoked credential cannot become valid again.",
    "status.valid": "Valid",
    "status.suspended": "Suspended for now",
    "status.revoked": "Revoked",
    "status.superseded": "Replaced",
    "status.expired": "Expired",
    "kind.issued": "Was issued",
    "kind.superseded": "Was replaced by a new copy",
    "kind.suspended": "Was suspended for now",
    "kind.reinstated": "Is valid again",
    "kind.revoked": "Was revoked",
    "kind.expired": "Expired",
    "reason.issued_in_error": "The credential was issued in error",
    "reason.fraud": "Incorrect information or cheating",
    "reason.achievement_voided": "The achievement was annulled afterwards",
    "reason.holder_request": "At your own request",
    "reason.key_compromise": "The issuer's key is no longer safe",
    "reason.issuer_ended": "The issuer no longer exists",
    "reason.superseded": "Replaced by a new credential",
    "reason.investigation": "The matter is being investigated",
    "reason.review": "Under review",
    "reason.cleared": "The reason for the suspension is gone",
    "reason.renewed": "Renewed",
    "reason.constituent_lapsed": "A micro-credential that it builds on no longer holds",
    "status.awarded": "Awarded, fetch it",
    "state.in_progress": "In progress",
    "state.proposed_or_waiting": "Waiting for a decision",
    "state.awarded": "Active",
    "state.suspended": "Paused",
    "state.revoked": "Revoked",
    "state.declined": "Not awarded",
    "state.expired": "Expired",
    "state.superseded": "Replaced",
    "row.awarded": "awarded",
    "row.to_fetch": "awarded, fetch it",
    "row.replaced": "replaced by a new one",
    "row.suspended": "paused",
    "row.reinstated": "active again",
    "row.appealed": "appealed: the decision is looked at again",
    "row.confirmed": "confirmed after a review",
    "row.noted": "not affected",
    "row.also": "also",
    "row.review": "under review until {date}",
    "because.lapse": "a micro-credential that it builds on no longer holds",
    "because.review": "decision after a review",
    "because.issuer": "its issuer has suspended it",
    "again.lapse": "the requirement is met again",
    "again.review": "the review is over",
    "again.issuer": "its issuer has lifted the suspension",
    "again.decided": "decision after a review",
    "definition.suspended": "{title} has been suspended by its issuer",
    "definition.expired": "{title} has expired",
    "definition.revoked": "{title} has been revoked",
    "definition.superseded": "{title} has been replaced by a new one that is not enough",
    "definition.restored": "{title} is valid again",
    "pathway.suspended": "{title} is paused",
    "pathway.expired": "{title} has expired",
    "pathway.revoked": "{title} has been revoked",
    "pathway.superseded": "{title} has been replaced by a new one that is not enough",
    "pathway.restored": "{title} is active again",
    "ground.reservation": "as the decision reserved",
    "ground.safety": "for the sake of safety",
    "ground.wrong_information": "the information was incorrect",
    "cause.correction": "Corrected",
    "cause.new_version": "New version",
    "cause.renewal": "Renewed",
    "cause.re_key": "Signed with a new key",
    "cause.name_change": "New name",
    "waiting.decision": "waiting for {body} decision",
    "waiting.nobody": "waiting for a decision",
    "waiting.award": "awarded shortly",
    "waiting.suspended": "is paused",
    "missing.credits": "more hours or credits",
    "missing.level": "more micro-credentials at the right level",
    "missing.outcomes": "more learning outcomes of the right kind",
    "missing.issuers": "micro-credentials of more issuers",
    "missing.order": "the micro-credentials in the right order",
    "progress": "{done} of {total}",
    "progress.next": "{progress}, next: {next}",
    "progress.long": "{done} of {total} parts are done.",
    "declined": "it was decided not to award it",
    "indeterminate": "This cannot be decided now: a micro-credential that is needed is suspended.",
    "and": "and",
    "pathways": "My pathways",
    "pathways_intro": "A pathway joins micro-credentials into something larger. Here you see how far you have come.",
    "pathways_none": "There is nothing here yet. A pathway shows once you have a micro-credential that is part of it.",
    "pages": "Pages",
    "awarded_on": "Awarded",
    "awarded_by": "Awarded by",
    "missing": "What is missing",
    "rule": "What is required",
    "rests_on": "Rests on {total} parts, {valid} hold",
    "standing.unknown": "Unknown",
}

WORDS: Mapping[Language, Words] = {"sv": SWEDISH, "en": ENGLISH}

_MONTHS: Mapping[Language, str] = {
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "en": "January February March April May June July August September October November December",
}


def date_text(moment: datetime, language: Language) -> str:
    """Return a date as people write it: `21 november 2026`."""
    return f"{moment.day} {_MONTHS[language].split()[moment.month - 1]} {moment.year}"


def time_text(moment: datetime, language: Language) -> str:
    """Return a date with its time of day."""
    return f"{date_text(moment, language)} {'kl.' if language == 'sv' else 'at'} {moment:%H:%M}"


def day_text(moment: datetime, today: datetime, language: Language) -> str:
    """Return a date near `today`, the year only where it is another one: `20 december`."""
    text = date_text(moment, language)
    return text if moment.year != today.year else text.rpartition(" ")[0]


def listed(texts: Sequence[str], language: Language) -> str:
    """Return texts as a list in a sentence: `a, b och c`."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {WORDS[language]['and']} {texts[-1]}"


def owned(name: str, language: Language) -> str:
    """Return a name in the genitive: `Skellefteå Krafts`, `Skellefteå Kraft's`."""
    if language == "en":
        return f"{name}'s"
    return name if name.endswith(("s", "x", "z")) else f"{name}s"


def reason_text(code: str, language: Language) -> str:
    """Return a reason code in words; one that has none yet is shown as it is."""
    return WORDS[language].get(f"reason.{code}", code.replace("_", " "))
