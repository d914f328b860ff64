"""Logs of all five services in which everything happens that may be said, in every way that matters to a reader."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import chain

from kompetenspass.events import registry, stacking
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Recorded
from kompetenspass.testing.clock import NOON
from tests.integration.told_lives import Award, Merit, kept
from tests.integration.told_world import (
    DEFINITIONS,
    ORGANISATIONS,
    PATHWAYS,
    Telling,
    defined,
    id_of,
    organisation,
    walked,
)

Logs = Mapping[str, Sequence[Recorded]]
"""Every service's log, by its owner."""

OWNERS = ("catalog", "issuance", "registry", "verification", "wallet")
_LIVES, _GUESTS = 12, 6


def logs(seed: int) -> Logs:
    """Return logs in which everybody's story is told in its order, and all of them interleaved at random."""
    world = chain(
        (organisation(one) for one in ORGANISATIONS),
        (defined(one, "org:one") for one in DEFINITIONS),
        (walked(one, "org:one") for one in PATHWAYS),
    )
    lives = (_life(number) for number in range(_LIVES))
    guests = (_guest(number) for number in range(_GUESTS))
    return recorded(_interleaved(random.Random(seed), [*world, *lives, *guests, _clash(1), _clash(2)]))


def recorded(told: Telling) -> Logs:
    """Return what was told as its owners' logs hold it."""
    found: dict[str, list[Recorded]] = {owner: [] for owner in OWNERS}
    versions: defaultdict[str, int] = defaultdict(int)
    for number, (stream, event) in enumerate(told, 1):
        log, moment = found[event.owner()], NOON + timedelta(seconds=number)
        position, versions[stream] = len(log) + 1, versions[stream] + 1
        context = Context(SYSTEM, moment, f"story {number % 7}", causation_id=str(id_of("cause")))
        draft = seal(id_of(f"{event.owner()} {position}"), event, context)
        log.append(Recorded(position, stream, versions[stream], draft.id, draft.type, moment, draft.data))
    return found


def _interleaved(dice: random.Random, tellings: Iterable[Telling]) -> Telling:
    left = [list(telling) for telling in tellings]
    order = [number for number, telling in enumerate(left) for _ in telling]
    dice.shuffle(order)
    for number in order:
        yield left[number].pop(0)


def _life(number: int) -> Telling:
    """Two merits, one of them failed first, and an award of them, which goes its own way for each number."""
    learner = f"learner-{number}"
    one, two = Merit(learner, "def-one", 1), Merit(learner, "def-two", 1)
    award = Award(learner, PATHWAYS[number % 2], (one, two))
    yield from Merit(learner, "def-three", 1).assessed(passed=False)
    yield from one.earned(copies=2)
    yield from kept(learner, one)
    yield award.progress(1)
    yield from two.assessed()
    yield from two.offered("expired", "issuer")
    yield from two.issued()
    yield award.progress(2)
    yield award.proposed()
    if number % 4 == 0:
        yield award.declined()
        yield two.revoked("fraud", void=True)
        return
    yield from award.made()
    yield from one.issued(copies=2)  # the wallet never got its answer, and asks again
    yield from _lapses(award, one, two)
    yield from _ends(number, award, one, two)


def _lapses(award: Award, one: Merit, two: Merit) -> Telling:
    lapse = f"lapse:{award.stack_id}"
    suspended, reinstated = registry.CredentialSuspended, registry.CredentialReinstated
    yield one.held(suspended, "issuer")
    yield award.moved(stacking.StackSuspended, lapse)
    yield one.held(suspended, "issuer", lapse, cause=lapse)
    yield award.moved(stacking.StackSuspended, "review", decision_ref="B-1", ground="safety")
    yield one.held(reinstated, lapse)
    yield award.moved(stacking.StackReinstated, lapse)
    yield one.held(reinstated, cause=lapse)
    yield award.moved(stacking.StackReinstated, "review", decision_ref="B-2")
    yield two.held(suspended, "issuer")
    yield from award.reviewed(two)
    yield award.progress(1)


def _ends(number: int, award: Award, one: Merit, two: Merit) -> Telling:
    if number % 4 == 1:
        successor = Merit(award.learner, "def-one", 2)
        yield from successor.earned()
        yield from one.superseded(successor, "correction")
        yield award.rebound(one, successor)
        yield two.held(registry.CredentialReinstated)
    elif number % 4 == 2:
        yield award.revoked()
        yield two.revoked("holder_request")
    yield one.expired()
    yield award.progress(0)


def _guest(number: int) -> Telling:
    """A credential of another issuer is presented and replaced, in one order or another; some are withdrawn."""
    learner, abroad = f"guest-{number}", f"abroad-{number}"
    first, second, third = (Merit(abroad, "def-four", one, "org:two") for one in (1, 2, 3))
    yield from first.earned()
    if number % 2:
        yield first.recognised(learner, id_of(f"vault {learner}"))
    yield from second.earned()
    if number % 3 == 0:
        yield second.recognised(learner)
    yield from first.superseded(second, "re_key" if number < 3 else "new_version")
    if number % 2 == 0:
        yield first.recognised(learner, id_of(f"vault {learner}"))
    yield from third.earned()
    yield from second.superseded(third, "name_change")
    if number % 3 == 1:
        yield first.unrecognised(learner)
    elif number % 3 == 2:
        yield third.recognised(learner)
        yield third.unrecognised(learner)
        yield third.recognised(learner)


def _clash(number: int) -> Telling:
    """An index is given three times, which must never be."""
    for one in range(3):
        merit = Merit(f"clash-{number}-{one}", "def-one", 1)
        yield from merit.assessed()
        yield from merit.offered()
        yield from merit.issued(indices=(number,))
        yield merit.held(registry.CredentialSuspended, "issuer")
