"""Progress on a pathway: said when it changes, and not before there is any."""

from __future__ import annotations

from hypothesis import given as for_all
from hypothesis import strategies as st

from kompetenspass.events.base import Event
from kompetenspass.events.stacking import Missing, PathwayProgressed
from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Held
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given, prefixes_agree
from services.issuance.domain.progress import INITIAL, Progressed, evolve, progressed, stream_of
from services.issuance.tests.stacking import LEARNER, all_of, held, id_of, leaf, path

PATH = path(all_of(leaf("a"), leaf("b"), leaf("c")))


def said(state: Progressed, *credentials: Held) -> tuple[Event, ...]:
    return tuple(progressed(state, LEARNER, PATH, evaluate(PATH, credentials, (), NOON), {}))


def after(*events: Event) -> Progressed:
    return given(INITIAL, evolve, events)


def test_the_stream_is_the_learners_on_the_pathway() -> None:
    assert stream_of(LEARNER, "path") == "progress-learner-1-path"


def test_nothing_is_said_before_there_is_anything() -> None:
    assert said(INITIAL) == ()
    assert said(INITIAL, held("d")) == ()


def test_what_is_done_and_what_comes_next_is_said() -> None:
    (event,) = said(INITIAL, held("a"))
    assert event == PathwayProgressed(
        learner_ref=LEARNER,
        pathway_id="path",
        pathway_version=1,
        outcome="not_satisfied",
        done=1,
        total=3,
        missing=(Missing(kind="definition", id="b"), Missing(kind="definition", id="c")),
    )


def test_the_same_is_not_said_twice() -> None:
    assert said(after(*said(INITIAL, held("a"))), held("a"), held("d")) == ()


def test_a_change_is_said_again_even_back_to_nothing() -> None:
    first = said(INITIAL, held("a"))
    (event,) = said(after(*first))
    assert isinstance(event, PathwayProgressed)
    assert (event.done, event.total) == (0, 3)


def test_what_is_not_certain_is_said() -> None:
    (event,) = said(INITIAL, held("a", standing="suspended"))
    assert isinstance(event, PathwayProgressed)
    assert (event.done, event.unknown) == (0, (id_of("a"),))


def test_a_satisfied_pathway_lacks_nothing() -> None:
    (event,) = said(INITIAL, held("a"), held("b"), held("c"))
    assert isinstance(event, PathwayProgressed)
    assert (event.outcome, event.done, event.missing) == ("satisfied", 3, ())


EVENTS = [*said(INITIAL, held("a")), *said(INITIAL, held("b"), held("c"))]


@for_all(st.lists(st.sampled_from(EVENTS), max_size=6))
def test_evolve_is_total_and_any_prefix_then_the_rest_is_the_whole(events: list[Event]) -> None:
    assert prefixes_agree(INITIAL, evolve, tuple(events))
