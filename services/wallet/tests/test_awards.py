"""What the timeline makes of awards: one row for one suspension, causes in words, parts and their standing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.core.ids import uuid7
from kompetenspass.testing.clock import NOON
from services.wallet.domain.facts import (
    Award,
    Change,
    ChangeKind,
    Lapse,
    Merit,
    Part,
    PartKind,
    StackChange,
    StackKind,
    Story,
    Supersession,
)
from services.wallet.domain.facts import Issue as IssueOf
from services.wallet.domain.timeline import holdings, rows
from services.wallet.web.language import Language
from services.wallet.web.sentences import holding_reason, row_reason, row_text

ZONE = ZoneInfo("Europe/Stockholm")
STACK, AWARD, LOCK, FALL, TECH = uuid7(), uuid7(), uuid7(), uuid7(), uuid7()
LAPSE = f"lapse:{STACK}"
BOTH: tuple[Language, ...] = ("sv", "en")
TITLES = {
    LOCK: (("en", "Lockout"), ("sv", "Lås och bryt")),
    FALL: (("en", "Fall protection"), ("sv", "Fallskydd")),
    TECH: (("en", "Hydropower technician"), ("sv", "Drifttekniker vattenkraft")),
}


def merit(credential_id: UUID = AWARD, definition_id: str = "path-duty") -> Merit:
    return Merit(credential_id, definition_id, 1, "org:kraft", None, "R3", None, (), ())


def part(credential_id: UUID, kind: PartKind = "definition") -> Part:
    return Part(credential_id, kind, f"def {credential_id}", 1, TITLES[credential_id])


AWARDED = Award(STACK, NOON, 1, uuid7(), merit(), "decision", (part(LOCK), part(FALL), part(TECH, "pathway")))


def lapse(credential_id: UUID, change: str, kind: PartKind = "definition") -> Lapse:
    return Lapse(credential_id, kind, f"def {credential_id}", change, TITLES[credential_id])


def stack(minute: int, kind: StackKind, cause: str | None = None, *lapsed: Lapse, **more: object) -> StackChange:
    return StackChange(
        NOON + timedelta(minutes=minute),
        minute,
        uuid7(),
        STACK,
        kind,
        cause,
        lapsed=lapsed,
        **more,  # type: ignore[arg-type]  # members of the test's own choice
    )


def registry(minute: int, kind: ChangeKind, cause: str | None = None, credential_id: UUID = AWARD) -> Change:
    return Change(NOON + timedelta(minutes=minute), minute, uuid7(), credential_id, kind, "constituent_lapsed", cause)


def told(*stack_changes: StackChange, changes: Sequence[Change] = ()) -> Story:
    return Story(awards=(AWARDED,), stack_changes=stack_changes, changes=tuple(changes))


def texts(story: Story) -> list[tuple[str, str]]:
    return [(row_text(row, "sv", ZONE), row_text(row, "en", ZONE)) for row in rows(story)]


def test_an_award_is_to_be_fetched_until_its_credential_is_issued() -> None:
    assert texts(told()) == [("tilldelad, hämta den", "awarded, fetch it")]
    (holding,) = holdings(told())
    assert (holding.status, holding.fetched) == ("awarded", False)
    issue = IssueOf(NOON + timedelta(minutes=1), 2, uuid7(), merit(), replaces=False)
    fetched = Story(issues=(issue,), awards=(AWARDED,))
    assert texts(fetched) == [("tilldelad", "awarded"), ("Utfärdades", "Was issued")]
    (holding,) = holdings(fetched)
    assert (holding.status, holding.fetched) == ("valid", True)


@pytest.mark.parametrize(
    ("lapsed", "sv", "en"),
    [
        (
            [lapse(LOCK, "suspended")],
            "Lås och bryt har spärrats av utfärdaren",
            "Lockout has been suspended by its issuer",
        ),
        ([lapse(LOCK, "expired")], "Lås och bryt har gått ut", "Lockout has expired"),
        ([lapse(LOCK, "revoked")], "Lås och bryt har återkallats", "Lockout has been revoked"),
        (
            [lapse(LOCK, "superseded")],
            "Lås och bryt har ersatts av en ny som inte räcker",
            "Lockout has been replaced by a new one that is not enough",
        ),
        (
            [lapse(TECH, "suspended", "pathway")],
            "Drifttekniker vattenkraft är pausad",
            "Hydropower technician is paused",
        ),
        (
            [lapse(LOCK, "suspended"), lapse(FALL, "expired"), lapse(TECH, "revoked", "pathway")],
            "Lås och bryt har spärrats av utfärdaren, Fallskydd har gått ut och "
            "Drifttekniker vattenkraft har återkallats",
            "Lockout has been suspended by its issuer, Fall protection has expired and "
            "Hydropower technician has been revoked",
        ),
        ([], "en mikromerit som ingår gäller inte längre", "a micro-credential that it builds on no longer holds"),
    ],
)
def test_a_suspension_says_what_lapsed_and_how(lapsed: list[Lapse], sv: str, en: str) -> None:
    story = told(stack(1, "suspended", LAPSE, *lapsed))
    assert texts(story)[1] == (f"pausad: {sv}", f"paused: {en}")
    (holding,) = holdings(story)
    assert [holding_reason(holding, language) for language in BOTH] == [f"pausad: {sv}", f"paused: {en}"]


def test_what_holds_again_is_named_when_the_award_is_active_again() -> None:
    down = stack(1, "suspended", LAPSE, lapse(LOCK, "suspended"), lapse(FALL, "expired"))
    story = told(down, stack(2, "restored", part_id=LOCK), stack(3, "reinstated", LAPSE))
    assert texts(story)[2] == ("aktiv igen: Lås och bryt gäller igen", "active again: Lockout is valid again")
    otherwise = told(down, stack(3, "reinstated", LAPSE))
    assert texts(otherwise)[2][0] == "aktiv igen: kravet är uppfyllt igen"
    (holding,) = holdings(story)
    assert (holding.status, holding_reason(holding, "sv")) == ("awarded", None)


def test_a_renewed_part_is_named_only_if_it_is_of_the_same_definition() -> None:
    down, up = stack(1, "suspended", LAPSE, lapse(LOCK, "expired")), stack(3, "reinstated", LAPSE)
    renewed = Part(uuid7(), "definition", f"def {LOCK}", 2, TITLES[LOCK])
    assert texts(told(down, stack(2, "rebound", part_id=LOCK, taken_by=renewed), up))[2][0] == (
        "aktiv igen: Lås och bryt gäller igen"
    )
    assert texts(told(down, stack(2, "rebound", part_id=LOCK, taken_by=part(FALL)), up))[2][0] == (
        "aktiv igen: kravet är uppfyllt igen"
    )


def test_a_reservation_is_a_reason_beside_the_text() -> None:
    story = told(stack(1, "suspended", LAPSE, lapse(LOCK, "expired"), ground="reservation"))
    assert texts(story)[1][0] == "pausad: Lås och bryt har gått ut"
    assert row_reason(rows(story)[1], "sv") == "enligt det förbehåll som beslutet hade"


def test_a_note_stays_when_the_same_part_is_lost_in_another_way() -> None:
    first = stack(1, "invalidated", None, lapse(LOCK, "suspended"), part_id=LOCK)
    second = stack(2, "invalidated", None, lapse(LOCK, "revoked"), part_id=LOCK)
    opened = stack(2, "review_opened", part_id=LOCK, deadline=NOON)
    assert [row.kind for row in rows(told(first, second, opened))] == ["awarded", "noted", "review_opened"]


def test_a_further_loss_while_it_is_paused_is_told_without_a_verdict() -> None:
    down = stack(1, "suspended", LAPSE, lapse(LOCK, "suspended"))
    story = told(down, stack(2, "invalidated", None, lapse(FALL, "expired"), part_id=FALL))
    assert texts(story)[2] == ("dessutom: Fallskydd har gått ut", "also: Fall protection has expired")
    back = told(*story.stack_changes, stack(3, "restored", part_id=LOCK))
    (holding,) = holdings(back)
    assert holding_reason(holding, "sv") == "pausad: en mikromerit som ingår gäller inte längre"


def test_a_decision_after_a_review_says_so_and_on_what_ground() -> None:
    suspended = stack(1, "suspended", "review", decided=True, ground="safety")
    story = told(suspended, stack(2, "reinstated", "review", decided=True))
    assert texts(story)[1:] == [
        (
            "pausad: beslut efter granskning, för säkerhetens skull",
            "paused: decision after a review, for the sake of safety",
        ),
        ("aktiv igen: beslut efter granskning", "active again: decision after a review"),
    ]


def test_a_review_tells_its_deadline_and_what_it_is_about_and_ends() -> None:
    opened = stack(2, "review_opened", part_id=LOCK, deadline=NOON.replace(month=12, day=20))
    story = told(stack(1, "invalidated", None, lapse(LOCK, "revoked"), part_id=LOCK), opened)
    assert texts(story)[1:] == [("granskas till den 20 december", "under review until 20 December")]
    assert row_reason(rows(story)[1], "sv") == "Lås och bryt har återkallats"
    assert holdings(story)[0].review == opened.deadline
    over = told(*story.stack_changes, stack(3, "confirmed", decided=True))
    assert texts(over)[2] == ("bekräftad efter granskning", "confirmed after a review")
    assert holdings(over)[0].review is None


def test_a_deadline_in_another_year_names_the_year() -> None:
    opened = stack(2, "review_opened", deadline=NOON.replace(year=NOON.year + 1, month=1, day=3))
    assert texts(told(opened))[1][0] == f"granskas till den 3 januari {NOON.year + 1}"


def test_a_loss_that_changes_nothing_is_a_note_and_one_that_suspends_is_none() -> None:
    lost = stack(1, "invalidated", None, lapse(LOCK, "suspended"), part_id=LOCK)
    assert texts(told(lost))[1:] == [
        (
            "påverkas inte: Lås och bryt har spärrats av utfärdaren",
            "not affected: Lockout has been suspended by its issuer",
        )
    ]
    down = told(lost, stack(2, "suspended", LAPSE, lapse(LOCK, "suspended")))
    assert [row.kind for row in rows(down)] == ["awarded", "suspended"]
    later = told(lost, stack(2, "restored", part_id=LOCK), stack(3, "suspended", LAPSE, lapse(LOCK, "expired")))
    assert [row.kind for row in rows(later)] == ["awarded", "noted", "suspended"]


def test_a_silent_re_binding_shows_no_row_but_the_new_part() -> None:
    renewed = Part(uuid7(), "definition", f"def {LOCK}", 2, TITLES[LOCK])
    lost = stack(1, "invalidated", None, lapse(LOCK, "superseded"), part_id=LOCK)
    story = told(lost, stack(1, "rebound", part_id=LOCK, taken_by=renewed))
    assert [row.kind for row in rows(story)] == ["awarded"]
    assert [one.credential_id for one, _ in holdings(story)[0].parts] == [renewed.credential_id, FALL, TECH]


def test_the_issuers_own_suspension_outlasts_a_lapse_that_ends() -> None:
    story = told(
        stack(1, "suspended", LAPSE, lapse(LOCK, "suspended")),
        stack(4, "restored", part_id=LOCK),
        stack(5, "reinstated", LAPSE),
        changes=[registry(2, "suspended", LAPSE), registry(3, "suspended", "issuer"), registry(6, "reinstated", LAPSE)],
    )
    assert [row.kind for row in rows(story)] == ["awarded", "suspended", "suspended"]
    assert texts(story)[2] == ("pausad: utfärdaren har spärrat den", "paused: its issuer has suspended it")
    (holding,) = holdings(story)
    assert (holding.status, holding.why.cause) == ("suspended", "issuer")


def test_a_superseded_merit_is_replaced_not_revoked() -> None:
    by = uuid7()
    issue = IssueOf(NOON, 1, uuid7(), merit(LOCK, "def-lock"), replaces=False)
    moment = NOON + timedelta(minutes=1)
    story = Story(
        issues=(issue,),
        changes=(registry(2, "superseded", credential_id=LOCK),),
        supersessions=(Supersession(moment, 2, uuid7(), LOCK, by, "renewal"),),
    )
    assert texts(story)[1:] == [("ersatt av en ny", "replaced by a new one")]
    assert (row_reason(rows(story)[1], "sv"), rows(story)[1].why.by) == ("Förnyad", by)
    assert holdings(story)[0].status == "superseded"


@given(ups=st.integers(0, 4), stack_read=st.integers(0, 8), registry_read=st.integers(0, 8))
def test_a_suspension_is_one_row_however_far_each_log_has_been_read(
    ups: int, stack_read: int, registry_read: int
) -> None:
    kinds: list[Literal["suspended", "reinstated"]] = ["suspended", "reinstated"] * ups
    stacks = [stack(10 * n, kind, LAPSE) for n, kind in enumerate(kinds, 1)][:stack_read]
    mirrored = [registry(10 * n + 1, kind, LAPSE) for n, kind in enumerate(kinds, 1)][:registry_read]
    found = [row.kind for row in rows(told(*stacks, changes=mirrored))]
    assert found == ["awarded", *kinds[: max(len(stacks), len(mirrored))]]


def test_parts_tell_how_they_stand() -> None:
    issue = IssueOf(NOON, 1, uuid7(), merit(LOCK, "def-lock"), replaces=False)
    story = Story(issues=(issue,), awards=(AWARDED,), changes=(registry(2, "suspended", "issuer", LOCK),))
    award = next(one for one in holdings(story) if one.stack_id == STACK)
    assert [status for _, status in award.parts] == ["suspended", None, None]
