"""What an organisation may do with its webhooks; the deliverer does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from kompetenspass.core.clock import Clock, rfc3339
from kompetenspass.core.digest import canonical_json
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.core.ids import uuid7
from kompetenspass.events.base import Audience
from kompetenspass.subscriptions.audience import chosen_types, require_audience, require_organisation
from kompetenspass.subscriptions.delivery_log import Deliveries
from kompetenspass.subscriptions.journal import Journal
from kompetenspass.subscriptions.keeping import Subscriptions
from kompetenspass.subscriptions.keyring import Secrets
from kompetenspass.subscriptions.places import Places
from kompetenspass.subscriptions.sending import Sender
from kompetenspass.subscriptions.signing import Scheme, WebhookKey, new_secret
from kompetenspass.subscriptions.tables import Delivery, State, Subscription, Try, subscriptions
from kompetenspass.web.auth import Principal, require

OVERSEER = "scheme_owner"
TEST_TYPE = "kompetenspass.Test.v1"
Start = int | datetime | str


class Addresses(Protocol):
    """What knows which addresses may be called."""

    async def check(self, url: str) -> None:
        """Return if it may be called. Raises Problem `address_refused`, `upstream_unavailable`."""


class Webhooks:
    """The use cases; every one is for the caller's own organisation. Raises Problem `not_found` for another's."""

    def __init__(
        self,
        journal: Journal,
        kept: Subscriptions,
        deliveries: Deliveries,
        *,
        secrets: Secrets,
        sender: Sender,
        addresses: Addresses,
        source: str,
        clock: Clock,
    ) -> None:
        self.kept = kept
        self._journal = journal
        self._deliveries = deliveries
        self._secrets = secrets
        self._sender = sender
        self._addresses = addresses
        self._source = source
        self._clock = clock
        self._tests = Places(total=16, each=1)

    async def subscribe(
        self,
        caller: Principal,
        *,
        url: str,
        types: Sequence[str] | None,
        audience: Audience,
        start: Start,
        scheme: Scheme,
    ) -> tuple[Subscription, dict[str, str]]:
        """Keep a new subscription; return it and what the receiver verifies with.

        Raises Problem `organisation_needed`, `audience_forbidden`, `unknown_event_type`, `nothing_to_send`,
        `address_refused`, `cursor_ahead`, `log_restored`, `too_many_subscriptions`.
        """
        require_organisation(caller)
        require_audience(caller, audience)
        chosen = None if types is None else frozenset(types)
        if not chosen_types(self._journal.owner, audience, chosen):
            raise _nothing_to_send()
        await self._addresses.check(url)
        secret, now, made_id = new_secret(), self._clock(), uuid7()
        begin = await self._journal.place(start)
        made = Subscription(
            id=made_id, org=caller.org, url=url, types=None if chosen is None else tuple(sorted(chosen)),
            audience=audience, scheme=scheme, state="active", reason=None, epoch=_known(begin.epoch),
            position=begin.position, secret=self._secrets.sealed(made_id, secret),
            former_secret=None, former_until=None, not_before=None, failing_since=None, created_at=now,
        )  # fmt: skip
        await self.kept.add(made)
        return made, handed_out(WebhookKey(scheme, secret))

    async def listed(self, caller: Principal, org: str | None) -> Sequence[Subscription]:
        """Return the subscriptions of the caller's organisation, or of another one for the scheme owner.

        Raises Problem `forbidden` for everybody else who names another.
        """
        if org is not None and org != caller.org:
            require(caller, OVERSEER)
        return await self.kept.of(org or caller.org)

    async def remove(self, caller: Principal, subscription_id: UUID) -> None:
        """Delete a subscription; the scheme owner, who takes roles away, may delete those of others."""
        await self.kept.remove(None if OVERSEER in caller.roles else caller.org, subscription_id)

    async def read(self, caller: Principal, subscription_id: UUID) -> tuple[Subscription, dict[str, int]]:
        """Return a subscription, how much of it waits, how many letters are dead, and where the log ends."""
        kept = await self.kept.get(caller.org, subscription_id)
        waiting, dead = await self._deliveries.counts(kept.id)
        return kept, {"waiting": waiting, "dead": dead, "head": await self._journal.log.head()}

    async def change(
        self, caller: Principal, subscription_id: UUID, *, url: str | None, state: State | None
    ) -> Subscription:
        """Pause, resume or move. Raises Problem `address_refused`, `audience_forbidden`, `replay_needed` (409)."""
        kept = await self.kept.get(caller.org, subscription_id)
        if url is not None:
            require_audience(caller, kept.audience)
            await self._addresses.check(url)
            kept = await self.kept.change(caller.org, subscription_id, url=url)
        if state == "active":
            require_audience(caller, kept.audience)
            if kept.epoch != await self._journal.log.epoch() or kept.position > await self._journal.log.head():
                raise _replay_needed()
            return await self.kept.resume(caller.org, subscription_id, self._clock())
        if state == "paused":
            return await self.kept.change(caller.org, subscription_id, state="paused", reason=None)
        return kept

    async def rotate(
        self, caller: Principal, subscription_id: UUID, overlap_seconds: int
    ) -> tuple[Subscription, dict[str, str]]:
        """Replace the secret; the former one signs too while the overlap lasts."""
        kept = await self.kept.get(caller.org, subscription_id)
        secret = new_secret()
        changed = await self.kept.change(
            caller.org,
            subscription_id,
            secret=self._secrets.sealed(kept.id, secret),
            former_secret=subscriptions.c.secret if overlap_seconds else None,  # as it is when this is carried out
            former_until=self._clock() + timedelta(seconds=overlap_seconds) if overlap_seconds else None,
        )
        return changed, handed_out(WebhookKey(kept.scheme, secret))

    async def test(self, caller: Principal, subscription_id: UUID) -> Try:
        """Post a test event once, whatever the state, and return what came of it.

        Raises Problem `too_many_connections` (429) while another one is under way.
        """
        kept = await self.kept.get(caller.org, subscription_id)
        with self._tests.hold(f"org {caller.org}"):
            return await self._tested(kept)

    async def _tested(self, kept: Subscription) -> Try:
        event_id = str(uuid7())
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": event_id,
            "source": self._source,
            "type": TEST_TYPE,
            "time": rfc3339(self._clock()),
            "datacontenttype": "application/json",
            "subject": f"subscription-{kept.id}",
            "data": {"subscription": str(kept.id)},
        }
        return (await self._sender.send(kept, event_id, canonical_json(event))).tried

    async def replay(self, caller: Principal, subscription_id: UUID, start: Start) -> Subscription:
        """Set the cursor, also in a log that was restored. Raises Problem `cursor_ahead`, `audience_forbidden`."""
        kept = await self.kept.get(caller.org, subscription_id)
        require_audience(caller, kept.audience)
        begin = await self._journal.place(start)
        return await self.kept.change(caller.org, kept.id, position=begin.position, epoch=_known(begin.epoch))

    async def redeliver(self, caller: Principal, subscription_id: UUID, position: int | None) -> int:
        """Have one delivery or all dead letters made again; return how many.

        Raises Problem `not_found` for a delivery that is not known, `still_pending` (409) for one that waits anyway.
        """
        kept = await self.kept.get(caller.org, subscription_id)
        again = await self._deliveries.again(kept.id, position, self._clock())
        if position is not None and not again:
            known = await self._deliveries.listed(kept.id, position - 1, 1, None)
            if not known or known[0].position != position:
                raise not_found("delivery")
            raise Problem(
                "still_pending", "This delivery waits for its turn.", kind=Kind.CONFLICT, remedy="Wait for it."
            )
        return again

    async def log_of(
        self, caller: Principal, subscription_id: UUID, after: int, limit: int, state: str | None
    ) -> Sequence[Delivery]:
        """Return deliveries with their attempts, in the order of the log."""
        kept = await self.kept.get(caller.org, subscription_id)
        return await self._deliveries.listed(kept.id, after, limit, state)


def handed_out(key: WebhookKey) -> dict[str, str]:
    """Return what is shown once: `secret` of a shared one, `public_key` of a key pair."""
    return {"secret" if key.scheme == "hmac" else "public_key": key.handed_out()}


def _known(epoch: UUID | None) -> UUID:
    assert epoch is not None, "a place that was looked for in the log"
    return epoch


def _nothing_to_send() -> Problem:
    return Problem(
        "nothing_to_send",
        "This service sends no events to that audience.",
        remedy="Subscribe at the catalog or the registry, or for another audience.",
    )


def _replay_needed() -> Problem:
    return Problem(
        "replay_needed",
        "The log was restored from a backup, and it is not known where to go on.",
        kind=Kind.CONFLICT,
        remedy="Say where with /replay, then make it active.",
    )
