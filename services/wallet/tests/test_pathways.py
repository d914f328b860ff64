"""Pathways: what state each is in, what is next in words, and the picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.core.ids import uuid7
from kompetenspass.testing.clock import NOON
from services.wallet.domain.facts import Lapse, Merit, Why
from services.wallet.domain.pathways import PathwayInfo, PathwayView, Progress, Proposal, Walked, pathways
from services.wallet.domain.standing import Status
from services.wallet.domain.timeline import Holding
from services.wallet.web.drawing import drawing
from services.wallet.web.language import Language
from services.wallet.web.pages import Pages
from services.wallet.web.sentences import next_text, pathway_cause, pathway_text

ZONE = ZoneInfo("Europe/Stockholm")
KRAFT = (("en", "Skellefteå Kraft"), ("sv", "Skellefteå Kraft"))
TECH = (("en", "Hydropower technician"), ("sv", "Drifttekniker vattenkraft"))
DUTY = (("en", "On duty"), ("sv", "Vakthavande"))
FALL = (("en", "Fall protection"), ("sv", "Fallskydd"))
NAMES = {"tech": TECH, "duty": DUTY}
STACK = uuid7()


def info(pathway_id: str, mode: str = "decision") -> PathwayInfo:
    return PathwayInfo(pathway_id, 1, NAMES[pathway_id], {}, mode, "org:kraft", KRAFT)


def progress(pathway_id: str, done: int, total: int, *missing: tuple[str, str], outcome: str | None = None) -> Progress:
    told = outcome or ("not_satisfied" if missing else "satisfied")
    return Progress("learner-1", pathway_id, 1, told, done, total, missing)


def proposal(pathway_id: str, *, declined: bool = False) -> Proposal:
    return Proposal(STACK, pathway_id, 1, 1, declined)


def award(pathway_id: str, status: Status = "valid", *lapsed: Lapse, age: int = 0, fetched: bool = True) -> Holding:
    merit = Merit(uuid7(), pathway_id, 1, "org:kraft", None, "R3", None, NAMES[pathway_id], KRAFT)
    why = Why(cause="lapse:x", lapsed=lapsed) if lapsed else Why()
    return Holding(merit, NOON - timedelta(days=age), status, why, uuid7(), fetched=fetched)


def views(*told: Progress | Proposal | Holding, mode: str = "decision") -> tuple[PathwayView, ...]:
    walked = Walked(
        progress=[one for one in told if isinstance(one, Progress)],
        proposals=[one for one in told if isinstance(one, Proposal)],
        infos={(id_, 1): info(id_, mode) for id_ in NAMES},
        titles={"def-fall": FALL},
    )
    return pathways(walked, [one for one in told if isinstance(one, Holding)])


def said(view: PathwayView, language: Language = "sv") -> tuple[str, str | None]:
    return pathway_text(view, language), pathway_cause(view, language, ZONE)


def test_progress_says_how_far_and_what_is_next() -> None:
    (view,) = views(progress("tech", 18, 23, ("definition", "def-fall"), ("definition", "def-unknown")))
    assert view.state == "in_progress"
    assert said(view) == ("18 av 23, nästa: Fallskydd", None)
    assert said(view, "en") == ("18 of 23, next: Fall protection", None)
    assert [next_text(part, "sv") for part in view.next] == ["Fallskydd", "def-unknown"]


def test_an_award_that_is_proposed_waits_for_its_body() -> None:
    (view,) = views(progress("tech", 17, 17), proposal("tech"))
    assert view.state == "proposed_or_waiting"
    assert said(view) == ("17 av 17, väntar på Skellefteå Krafts beslut", "väntar på Skellefteå Krafts beslut")
    assert said(view, "en")[1] == "waiting for Skellefteå Kraft's decision"
    (automatic,) = views(progress("tech", 17, 17), mode="automatic")
    assert (automatic.state, said(automatic)[1]) == ("proposed_or_waiting", "tilldelas inom kort")


def test_a_proposal_whose_rule_no_longer_holds_is_in_progress_again() -> None:
    (view,) = views(progress("tech", 16, 17, ("definition", "def-fall")), proposal("tech"))
    assert (view.state, said(view)[0]) == ("in_progress", "16 av 17, nästa: Fallskydd")


def test_a_missing_pathway_that_only_waits_says_for_whom() -> None:
    duty = progress("duty", 22, 23, ("pathway", "tech"))
    waiting = next(view for view in views(duty, progress("tech", 17, 17)) if view.info.pathway_id == "duty")
    assert next_text(waiting.next[0], "sv") == "Drifttekniker vattenkraft (väntar på Skellefteå Krafts beslut)"
    assert said(waiting)[0] == "22 av 23, Drifttekniker vattenkraft (väntar på Skellefteå Krafts beslut)"
    paused = next(view for view in views(duty, award("tech", "suspended")) if view.info.pathway_id == "duty")
    assert next_text(paused.next[0], "en") == "Hydropower technician (is paused)"


@pytest.mark.parametrize("kind", ["credits", "level", "outcomes", "issuers", "order"])
def test_a_missing_measure_is_told_by_its_kind(kind: str) -> None:
    (view,) = views(progress("tech", 5, 5, (kind, "rule.all_of[1]")))
    for language in ("sv", "en"):
        assert "rule" not in next_text(view.next[0], "sv" if language == "sv" else "en")


def test_an_award_shows_how_it_stands_and_a_suspension_why() -> None:
    lapse = Lapse(uuid7(), "definition", "def-fall", "expired", FALL)
    down, up = views(
        progress("duty", 22, 23, ("definition", "def-fall")), award("duty", "suspended", lapse), award("tech")
    )
    assert (down.state, down.info.pathway_id, up.state) == ("suspended", "duty", "awarded")
    assert said(down) == ("22 av 23, pausad", "pausad: Fallskydd har gått ut")
    assert said(down, "en")[1] == "paused: Fall protection has expired"
    (unfetched,) = views(award("tech", "awarded", fetched=False), progress("tech", 17, 17))
    assert (unfetched.state, said(unfetched)[0]) == ("awarded", "17 av 17, tilldelad, hämta den")


def test_the_award_that_stands_counts_before_one_that_is_over() -> None:
    (view,) = views(award("tech", "revoked"), award("tech", age=3))
    assert view.state == "awarded"
    (over,) = views(award("tech", "revoked"), progress("tech", 17, 17))
    assert over.state == "revoked"
    (again,) = views(award("tech", "revoked"), proposal("tech"))
    assert again.state == "proposed_or_waiting"


def test_what_was_declined_and_what_cannot_be_told_is_said() -> None:
    (declined,) = views(progress("tech", 17, 17), proposal("tech", declined=True))
    assert (declined.state, said(declined)[1]) == ("declined", "det beslutades att inte tilldela den")
    (unclear,) = views(progress("tech", 16, 17, ("definition", "def-fall"), outcome="indeterminate"))
    assert said(unclear)[1] == "Det går inte att avgöra just nu: en mikromerit som behövs är spärrad."


@given(total=st.integers(0, 200), done=st.integers(0, 200))
def test_the_picture_has_a_segment_for_each_part_inside_its_frame(total: int, done: int) -> None:
    made = drawing(done, total)
    assert [segment.done for segment in made.segments] == [index < done for index in range(total)]
    assert all(one.x > 0 and one.x + one.width < made.width for one in made.segments)
    assert all(one.y > 0 and one.y + one.height < made.height for one in made.segments)


def test_the_picture_is_xml_with_a_title_and_a_text_and_no_style() -> None:
    (view,) = views(progress("tech", 18, 23, ("definition", "def-fall")))
    picture = Pages("Europe/Stockholm", "https://wallet.example").progress(view, "sv")
    root = ET.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    assert (root.tag, root.get("role")) == (f"{space}svg", "img")
    named = [f"{space}title", f"{space}desc"]
    assert [root.find(tag).get("id") for tag in named] == root.get("aria-labelledby", "").split()  # type: ignore[union-attr]  # both are there
    assert root.findtext(named[0]) == "Drifttekniker vattenkraft: 18 av 23, nästa: Fallskydd"
    fills = [rect.get("fill") for rect in root.iter(f"{space}rect")]
    assert (len(fills), fills.count("#0b3d5c")) == (23, 18)
    assert "style" not in picture
