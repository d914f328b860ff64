"""Renders the pages: values in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from kompetenspass.pathway.explain import Sentence
from services.wallet.domain.facts import Merit, Part
from services.wallet.domain.pathways import PathwayView
from services.wallet.domain.standing import Status
from services.wallet.domain.timeline import Holding, Row
from services.wallet.queries import Timeline
from services.wallet.web.drawing import Drawing, drawing
from services.wallet.web.language import Language, in_language
from services.wallet.web.sentences import (
    explained,
    holding_reason,
    next_text,
    pathway_cause,
    pathway_text,
    review_text,
    row_reason,
    row_text,
)
from services.wallet.web.words import WORDS, date_text, time_text

STYLESHEET = (files("services.wallet.web") / "timeline.css").read_text("utf-8")
_OTHER: dict[Language, Language] = {"sv": "en", "en": "sv"}
_LOOKS = {"awarded": "valid", "declined": "past", "in_progress": "past", "proposed_or_waiting": "waiting"}
"""Which states look alike; the others look as they are called."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time for machines and for people."""

    machine: str
    text: str


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part of an award and how it stands."""

    title: str
    status: str
    standing: str


@dataclass(frozen=True, slots=True)
class Card:
    """A credential as it stands; an award with its parts."""

    title: str
    issuer: str
    level: str
    issued: Moment
    issued_label: str
    valid_to: Moment | None
    status: str
    badge: str
    lines: Sequence[str]
    reason: str | None
    parts: Sequence[PartLine]
    parts_text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the timeline."""

    title: str
    issuer: str
    kind: str
    text: str
    at: Moment
    reason: str | None


@dataclass(frozen=True, slots=True)
class Showing:
    """One time that something was shown."""

    title: str
    verifier: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of a progress with its words; `name` makes its ids unlike those of others on the page."""

    name: str
    title: str
    text: str
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Walk:
    """One pathway and how far the learner has come."""

    title: str
    body: str
    state: str
    look: str
    text: str
    cause: str | None
    next: Sequence[str]
    rule: Sequence[Sentence]
    picture: Picture


class Pages:
    """The templates, with the time zone of the people who read them. `base_url` is where the pages are mounted."""

    def __init__(self, time_zone: str, base_url: str) -> None:
        self.zone = zone(time_zone)
        self._templates = Environment(
            loader=PackageLoader("services.wallet.web", "templates"),
            autoescape=select_autoescape(("html", "svg")),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["base_url"] = base_url

    def timeline(self, timeline: Timeline, language: Language) -> str:
        """Return the page of a timeline, the newest first."""
        titles = {holding.merit.credential_id: _title(holding.merit, language) for holding in timeline.holdings}
        return self._page(
            "timeline.html",
            "/timeline",
            language,
            cards=[self._card(holding, language) for holding in timeline.holdings],
            entries=[self._entry(row, language) for row in reversed(timeline.rows)],
            shares=[
                Showing(titles[share.credential_id], share.verifier, self._time(share.at, language))
                for share in reversed(timeline.shares)
                if share.credential_id in titles
            ],
        )

    def pathways(self, views: Sequence[PathwayView], language: Language) -> str:
        """Return the page of a learner's pathways, in the order given."""
        walks = [self._walk(view, f"progress-{number}", language) for number, view in enumerate(views, 1)]
        return self._page("pathways.html", "/timeline/pathways", language, walks=walks)

    def progress(self, view: PathwayView, language: Language) -> str:
        """Return the picture of one pathway as a document of its own."""
        picture = _picture(view, "progress", language)
        return self._templates.get_template("progress.svg").render(language=language, picture=picture)

    def link_over(self, language: Language) -> str:
        """Return the page that says that a link cannot be used."""
        return self._page("link_over.html", "/timeline", language, signed_in=False)

    def _page(self, name: str, here: str, language: Language, *, signed_in: bool = True, **shown: object) -> str:
        common = {"language": language, "other": _OTHER[language], "words": WORDS[language]}
        page = self._templates.get_template(name)
        return page.render(**common, **shown, here=here, signed_in=signed_in)

    def _card(self, holding: Holding, language: Language) -> Card:
        words, award = WORDS[language], holding.stack_id is not None
        because = holding_reason(holding, language)
        paused = award and holding.status == "suspended"
        review = review_text(holding.review, holding.issued_at, language, self.zone) if holding.review else None
        return Card(
            title=_title(holding.merit, language),
            issuer=_issuer(holding.merit, language),
            level=holding.merit.recognition_level,
            issued=self._date(holding.issued_at, language),
            issued_label=words["issued_on" if holding.fetched else "awarded_on"],
            valid_to=_last_day(holding.merit.valid_to, language) if holding.merit.valid_to else None,
            status="valid" if holding.status == "awarded" else holding.status,
            badge=words["state.suspended" if paused else f"status.{holding.status}"],
            lines=[line for line in (because if paused else None, review) if line],
            reason=None if paused else because,
            parts=[_part(part, status, language) for part, status in holding.parts],
            parts_text=_parts_text(holding, language),
        )

    def _entry(self, row: Row, language: Language) -> Entry:
        return Entry(
            title=_title(row.merit, language),
            issuer=_issuer(row.merit, language),
            kind=row.kind,
            text=row_text(row, language, self.zone),
            at=self._time(row.at, language),
            reason=row_reason(row, language),
        )

    def _walk(self, view: PathwayView, name: str, language: Language) -> Walk:
        words = WORDS[language]
        text, cause = pathway_text(view, language), pathway_cause(view, language, self.zone)
        return Walk(
            title=_pathway_title(view, language),
            body=in_language(dict(view.info.awarding_name), language) or view.info.awarding_body,
            state=words[_state(view)],
            look=_LOOKS.get(view.state, view.state),
            text=text,
            cause=cause if cause is not None and cause not in text else None,
            next=[next_text(part, language) for part in view.next],
            rule=explained(view, language),
            picture=_picture(view, name, language),
        )

    def _date(self, moment: datetime, language: Language) -> Moment:
        local = moment.astimezone(self.zone)
        return Moment(local.date().isoformat(), date_text(local, language))

    def _time(self, moment: datetime, language: Language) -> Moment:
        local = moment.astimezone(self.zone)
        return Moment(local.isoformat(timespec="seconds"), time_text(local, language))


def _last_day(end: datetime, language: Language) -> Moment:
    """Return the last day on which a merit holds: `end` is the first moment after it, in UTC."""
    last = end.astimezone(UTC) - timedelta(microseconds=1)
    return Moment(last.date().isoformat(), date_text(last, language))


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


def _state(view: PathwayView) -> str:
    """Return the name of the words for a pathway's state."""
    if view.waiting == "award":
        return "waiting.award"
    to_fetch = view.state == "awarded" and view.holding is not None and not view.holding.fetched
    return "status.awarded" if to_fetch else f"state.{view.state}"


def _part(part: Part, status: Status | None, language: Language) -> PartLine:
    """Return a part in words; one that is an award is paused rather than suspended."""
    words = WORDS[language]
    title = in_language(dict(part.title), language) or part.definition_id
    if status is None:
        return PartLine(title, "unknown", words["standing.unknown"])
    if part.kind == "pathway":
        state = "awarded" if status == "valid" else status
        return PartLine(title, _LOOKS.get(state, status), words[f"state.{state}"])
    return PartLine(title, status, words[f"status.{status}"])


def _parts_text(holding: Holding, language: Language) -> str:
    holds = sum(status in ("valid", "awarded") for _, status in holding.parts)
    return WORDS[language]["rests_on"].format(total=len(holding.parts), valid=holds)


def _picture(view: PathwayView, name: str, language: Language) -> Picture:
    title = f"{_pathway_title(view, language)}: {pathway_text(view, language)}"
    text = WORDS[language]["progress.long"].format(done=view.done, total=view.total)
    return Picture(name, title, text, drawing(view.done, view.total))


def _pathway_title(view: PathwayView, language: Language) -> str:
    return in_language(dict(view.info.title), language) or view.info.pathway_id
