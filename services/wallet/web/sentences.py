"""What happened and how things stand, in words: one sentence or less, in Swedish and in English."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from kompetenspass.pathway.explain import Sentence, explain
from services.wallet.domain.facts import Lapse, Texts, Why
from services.wallet.domain.pathways import Next, PathwayView, Waiting
from services.wallet.domain.timeline import Holding, Row
from services.wallet.web.language import Language, in_language
from services.wallet.web.words import WORDS, day_text, listed, owned, reason_text

_AS_THEY_ARE = ("appealed", "confirmed")


def in_both(text: Callable[[Language], str | None]) -> dict[str, str] | None:
    """Return a text in both languages, None where there is none."""
    found = {language: text(language) for language in WORDS}
    return {language: said for language, said in found.items() if said is not None} or None


def row_text(row: Row, language: Language, zone: tzinfo) -> str:
    """Return a row of the timeline in words; of an award's suspension and return it says why."""
    words = WORDS[language]
    if row.kind == "awarded":
        return words["row.awarded" if row.fetched else "row.to_fetch"]
    if row.kind in _AS_THEY_ARE:
        return words[f"row.{row.kind}"]
    if row.kind == "review_opened" and row.why.deadline is not None:
        return review_text(row.why.deadline, row.at, language, zone)
    if row.kind == "noted":
        return _joined(words["row.noted" if row.why.cause is None else "row.also"], _lapses(row.why, language))
    if row.kind == "superseded" and row.why.reason_code is not None:
        return words["row.replaced"]
    if row.award and row.kind == "suspended":
        return suspension_text(row.why, language)
    if row.award and row.kind == "reinstated":
        return _joined(words["row.reinstated"], _again(row.why, language))
    return words[f"kind.{row.kind}"]


def row_reason(row: Row, language: Language) -> str | None:
    """Return the reason that belongs beside a row, None where its text has it or there is none."""
    why, words = row.why, WORDS[language]
    if row.kind == "superseded":
        return words.get(f"cause.{why.cause}")
    if row.kind == "review_opened" and why.lapsed:
        return _lapses(why, language)
    if row.award and row.kind == "suspended" and why.ground is not None and not why.decided:
        return words[f"ground.{why.ground}"]
    if (row.award and row.kind in ("suspended", "reinstated")) or row.kind == "noted" or why.reason_code is None:
        return None
    return _with_ground(reason_text(why.reason_code, language), why, language)


def suspension_text(why: Why, language: Language) -> str:
    """Return why an award is suspended: `pausad: Lås och bryt har spärrats av utfärdaren`; of a decision its ground."""
    words = WORDS[language]
    because = _lapses(why, language) or words.get(f"because.{_source(why)}", "")
    return _joined(words["row.suspended"], _with_ground(because, why, language) if why.decided else because)


def review_text(deadline: datetime, at: datetime, language: Language, zone: tzinfo) -> str:
    """Return until when an award is under review: `granskas till den 20 december`."""
    date = day_text(deadline.astimezone(zone), at.astimezone(zone), language)
    return WORDS[language]["row.review"].format(date=date)


def holding_reason(holding: Holding, language: Language) -> str | None:
    """Return why a credential or an award does not hold, None where it does."""
    if holding.status == "suspended" and holding.stack_id is not None:
        return suspension_text(holding.why, language)
    if holding.status == "superseded":
        return WORDS[language]["row.replaced"]
    if holding.why.reason_code is None:
        return None
    return _with_ground(reason_text(holding.why.reason_code, language), holding.why, language)


def pathway_text(view: PathwayView, language: Language) -> str:
    """Return how far a learner has come in a line: `18 av 23, nästa: Fallskydd`."""
    words = WORDS[language]
    progress = words["progress"].format(done=view.done, total=view.total)
    if view.state != "in_progress":
        return f"{progress}, {_state_text(view, language)}"
    to_do = [part for part in view.next if part.waiting is None]
    if to_do:
        return words["progress.next"].format(progress=progress, next=title_of(to_do[0], language))
    if view.next:
        return f"{progress}, {next_text(view.next[0], language)}"
    return progress


def pathway_cause(view: PathwayView, language: Language, zone: tzinfo) -> str | None:
    """Return what stands in the way of a pathway's award or threatens it, None where nothing does."""
    words = WORDS[language]
    if view.state == "declined":
        return words["declined"]
    if view.waiting is not None and view.state != "suspended":
        return waiting_text(view.waiting, view.info.awarding_name, language)
    parts = [holding_reason(view.holding, language) if view.holding else None]
    if view.review is not None and view.holding is not None:
        parts.append(review_text(view.review, view.holding.issued_at, language, zone))
    if view.state == "in_progress" and view.outcome == "indeterminate":
        parts.append(words["indeterminate"])
    return "; ".join(part for part in parts if part) or None


def explained(view: PathwayView, language: Language) -> tuple[Sentence, ...]:
    """Return what a pathway asks for, a sentence for each node of its rule; empty where the rule is not known."""
    if view.info.rule is None:
        return ()
    return explain(view.info.rule, {id_: dict(title) for id_, title in view.titles.items()}, language)


def waiting_text(waiting: Waiting, body: Texts, language: Language) -> str:
    """Return what a pathway waits for: `väntar på Skellefteå Krafts beslut`."""
    name = in_language(dict(body), language)
    if waiting == "decision" and name is None:
        return WORDS[language]["waiting.nobody"]
    return WORDS[language][f"waiting.{waiting}"].format(body=owned(name or "", language))


def next_text(part: Next, language: Language) -> str:
    """Return a missing part in words, and what it waits for if it is a pathway that waits."""
    title = title_of(part, language)
    if part.waiting is None:
        return title
    return f"{title} ({waiting_text(part.waiting, part.body, language)})"


def title_of(part: Next, language: Language) -> str:
    """Return the title of a missing definition or pathway, or a missing measure by its kind in words."""
    return WORDS[language].get(f"missing.{part.kind}") or in_language(dict(part.title), language) or part.id


def _state_text(view: PathwayView, language: Language) -> str:
    words = WORDS[language]
    if view.waiting is not None and view.state != "suspended":
        return waiting_text(view.waiting, view.info.awarding_name, language)
    if view.state == "awarded" and view.holding is not None and not view.holding.fetched:
        return words["row.to_fetch"]
    return words[f"state.{view.state}"].lower()


def _again(why: Why, language: Language) -> str:
    words = WORDS[language]
    if why.decided:
        return words["again.decided"]
    restored = [_lapse(one, "restored", language) for one in why.lapsed]
    return listed(restored, language) or words.get(f"again.{_source(why)}", "")


def _lapses(why: Why, language: Language) -> str:
    return listed([_lapse(one, one.change, language) for one in why.lapsed], language)


def _lapse(lapse: Lapse, change: str, language: Language) -> str:
    title = in_language(dict(lapse.title), language) or lapse.definition_id
    return WORDS[language][f"{lapse.kind}.{change}"].format(title=title)


def _source(why: Why) -> str:
    """Return what kind of cause it is: `lapse`, `review` or `issuer`."""
    return (why.cause or "").partition(":")[0]


def _with_ground(text: str, why: Why, language: Language) -> str:
    if why.ground is None:
        return text
    return f"{text}, {WORDS[language][f'ground.{why.ground}']}" if text else WORDS[language][f"ground.{why.ground}"]


def _joined(head: str, tail: str) -> str:
    return f"{head}: {tail}" if tail else head
