"""Renders the pages: values in, HTML out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.wallet.domain.timeline import Merit
from services.wallet.queries import Timeline
from services.wallet.web.language import Language, in_language
from services.wallet.web.words import WORDS, date_text, reason_text, time_text

STYLESHEET = (files("services.wallet.web") / "timeline.css").read_text("utf-8")
_OTHER: dict[Language, Language] = {"sv": "en", "en": "sv"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time for machines and for people."""

    machine: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """A credential as it stands."""

    title: str
    issuer: str
    level: str
    issued: Moment
    valid_to: Moment | None
    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the timeline."""

    title: str
    issuer: str
    kind: str
    at: Moment
    reason: str | None


@dataclass(frozen=True, slots=True)
class Showing:
    """One time that something was shown."""

    title: str
    verifier: str
    at: Moment


class Pages:
    """The templates, with the time zone of the people who read them. `root` is where the page is mounted."""

    def __init__(self, time_zone: str, base_url: str) -> None:
        self._zone = zone(time_zone)
        environment = Environment(
            loader=PackageLoader("services.wallet.web", "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals["base_url"] = base_url
        self._timeline = environment.get_template("timeline.html")
        self._link_over = environment.get_template("link_over.html")

    def timeline(self, timeline: Timeline, language: Language) -> str:
        """Return the page of a timeline, the newest first."""
        titles = {row.merit.credential_id: _title(row.merit, language) for row in timeline.rows}
        return self._timeline.render(
            language=language,
            other=_OTHER[language],
            words=WORDS[language],
            cards=[
                Card(
                    title=_title(holding.merit, language),
                    issuer=_issuer(holding.merit, language),
                    level=holding.merit.recognition_level,
                    issued=self._date(holding.issued_at, language),
                    valid_to=self._date(holding.merit.valid_to, language) if holding.merit.valid_to else None,
                    status=holding.status,
                    reason=reason_text(holding.reason_code, language) if holding.reason_code else None,
                )
                for holding in timeline.holdings
            ],
            entries=[
                Entry(
                    title=_title(row.merit, language),
                    issuer=_issuer(row.merit, language),
                    kind=row.kind,
                    at=self._time(row.at, language),
                    reason=reason_text(row.reason_code, language) if row.reason_code else None,
                )
                for row in reversed(timeline.rows)
            ],
            shares=[
                Showing(titles[share.credential_id], share.verifier, self._time(share.at, language))
                for share in reversed(timeline.shares)
                if share.credential_id in titles
            ],
        )

    def link_over(self, language: Language) -> str:
        """Return the page that says that a link cannot be used."""
        return self._link_over.render(language=language, other=_OTHER[language], words=WORDS[language])

    def _date(self, moment: datetime, language: Language) -> Moment:
        local = moment.astimezone(self._zone)
        return Moment(local.date().isoformat(), date_text(local, language))

    def _time(self, moment: datetime, language: Language) -> Moment:
        local = moment.astimezone(self._zone)
        return Moment(local.isoformat(timespec="seconds"), time_text(local, language))


def zone(name: str) -> tzinfo:
    """Return the time zone, or UTC on a machine that has no time zone data."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC


def _title(merit: Merit, language: Language) -> str:
    return in_language(dict(merit.title), language) or merit.definition_id


def _issuer(merit: Merit, language: Language) -> str:
    return in_language(dict(merit.issuer_name), language) or merit.issuer_org
