"""Which of the two languages a page is in."""

from __future__ import annotations

from typing import Literal

Language = Literal["sv", "en"]


def preferred(asked: str | None, accept_language: str) -> Language:
    """Return the language that was asked for, else the preferred of Accept-Language, else Swedish.

    Source: RFC 9110, section 12.5.4.
    """
    if asked in ("sv", "en"):
        return "sv" if asked == "sv" else "en"
    weights = dict(_weighted(part) for part in accept_language.lower().split(",") if part.strip())
    swedish = max((weight for tag, weight in weights.items() if tag.partition("-")[0] == "sv"), default=0.0)
    english = max((weight for tag, weight in weights.items() if tag.partition("-")[0] == "en"), default=0.0)
    return "en" if english > swedish else "sv"


def in_language(texts: dict[str, str], language: Language) -> str | None:
    """Return the text in `language`, else in any other, else None."""
    return texts.get(language) or next((text for text in texts.values() if text), None)


def _weighted(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";q=")
    try:
        return tag.strip(), float(weight) if weight else 1.0
    except ValueError:
        return tag.strip(), 0.0
