"""The wallet's decisions: an account, the order and meaning of the timeline's rows, the language of the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.wallet import CredentialPresented, CredentialReceived
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import prefixes_agree
from services.wallet.domain import account
from services.wallet.domain.account import Account
from services.wallet.domain.facts import Change, ChangeKind, Issue, Merit, Story
from services.wallet.domain.timeline import holdings, rows
from services.wallet.web.language import Language, preferred

ME = uuid7()
CREDENTIAL = uuid7()


def merit(credential_id: UUID = CREDENTIAL) -> Merit:
    return Merit(credential_id, "def-1", 1, "org:alfa", "https://i.example", "R4", None, (), ())


def issue(minute: int, *, replaces: bool = False, credential_id: UUID = CREDENTIAL) -> Issue:
    return Issue(NOON + timedelta(minutes=minute), minute, uuid7(), merit(credential_id), replaces)


def change(minute: int, kind: ChangeKind, cause: str | None = None) -> Change:
    return Change(NOON + timedelta(minutes=minute), minute, uuid7(), CREDENTIAL, kind, "review", cause)


def told(issues: Sequence[Issue], changes: Sequence[Change] = ()) -> Story:
    return Story(issues=tuple(issues), changes=tuple(changes))


def test_an_account_receives_a_copy_once() -> None:
    (event,) = account.receive(Account(), ME, digest="d", issuer="https://i.example")
    held = account.evolve(Account(), event)
    assert event == CredentialReceived(account_id=ME, digest="d", issuer="https://i.example")
    assert account.receive(held, ME, digest="d", issuer="https://i.example") == ()


def test_an_account_shows_only_what_it_holds() -> None:
    held = Account(frozenset({"d"}))
    (event,) = account.present(held, ME, digests=["d", "d"], verifier="x509_hash:a")
    assert event == CredentialPresented(account_id=ME, digest="d", verifier="x509_hash:a")
    with pytest.raises(Problem, match="not_found"):
        account.present(held, ME, digests=["e"], verifier="x509_hash:a")


@given(st.lists(st.sampled_from(["a", "b", "c"])))
def test_an_account_folds_in_any_cut(digests: list[str]) -> None:
    events = tuple(CredentialReceived(account_id=ME, digest=digest, issuer="i") for digest in digests)
    assert prefixes_agree(Account(), account.evolve, events)


def test_rows_stand_in_order_of_time_and_a_replacement_before_its_issue() -> None:
    made = rows(told([issue(5, replaces=True), issue(0)], [change(6, "revoked"), change(1, "suspended", "issuer")]))
    assert [row.kind for row in made] == ["issued", "suspended", "superseded", "issued", "revoked"]


def test_a_change_shows_only_once_its_issue_is_there() -> None:
    assert rows(told([], [change(1, "revoked")])) == ()
    assert [row.kind for row in rows(told([issue(2)], [change(1, "revoked")]))] == ["revoked", "issued"]


def test_a_reinstatement_that_leaves_a_cause_is_not_shown() -> None:
    changes = [change(1, "suspended", "issuer"), change(2, "suspended", "review"), change(3, "reinstated", "review")]
    story = told([issue(0)], changes)
    assert [row.kind for row in rows(story)] == ["issued", "suspended", "suspended"]
    (holding,) = holdings(story)
    assert holding.why.cause == "issuer"
    assert holding.status == "suspended"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ([], "valid"),
        ([change(1, "suspended", "issuer")], "suspended"),
        ([change(1, "suspended", "issuer"), change(2, "reinstated", "issuer")], "valid"),
        ([change(1, "expired")], "expired"),
        ([change(1, "superseded")], "superseded"),
        ([change(1, "expired"), change(2, "revoked")], "revoked"),
        ([change(1, "revoked"), change(2, "suspended", "issuer")], "revoked"),
    ],
)
def test_what_holds_now_follows_from_the_changes(changes: list[Change], status: str) -> None:
    (holding,) = holdings(told([issue(0)], changes))
    assert holding.status == status


def test_the_newest_credential_is_listed_first() -> None:
    older, newer = uuid7(), uuid7()
    found = holdings(told([issue(0, credential_id=older), issue(1, credential_id=newer)]))
    assert [holding.merit.credential_id for holding in found] == [newer, older]


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [
        (None, "", "sv"),
        (None, "en-GB,en;q=0.9,sv;q=0.3", "en"),
        (None, "sv-SE,sv;q=0.9,en;q=0.8", "sv"),
        (None, "de,en;q=0.5", "en"),
        (None, "en;q=x", "sv"),
        ("en", "sv", "en"),
        ("fi", "sv", "sv"),
    ],
)
def test_the_page_is_in_the_language_that_was_asked_for(asked: str | None, header: str, language: Language) -> None:
    assert preferred(asked, header) == language
