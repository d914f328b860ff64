"""The words of the page in Swedish and English."""

from __future__ import annotations

from collections.abc import Mapping
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


def reason_text(code: str, language: Language) -> str:
    """Return a reason code in words; one that has none yet is shown as it is."""
    return WORDS[language].get(f"reason.{code}", code.replace("_", " "))
