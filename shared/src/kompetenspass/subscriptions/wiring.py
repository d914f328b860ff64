"""subscribed: everything of this room for one service, in one line of its application."""

from __future__ import annotations

from fastapi import APIRouter

from kompetenspass.core.ids import random_fraction
from kompetenspass.subscriptions.attempting import Once
from kompetenspass.subscriptions.delivering import Bounds, Deliverer
from kompetenspass.subscriptions.delivery_log import Deliveries
from kompetenspass.subscriptions.journal import Journal
from kompetenspass.subscriptions.keeping import Subscriptions
from kompetenspass.subscriptions.keyring import Secrets
from kompetenspass.subscriptions.pages import pages
from kompetenspass.subscriptions.places import Places
from kompetenspass.subscriptions.routes import webhook_routes
from kompetenspass.subscriptions.sending import Sender
from kompetenspass.subscriptions.stream import Pace
from kompetenspass.subscriptions.webhooks import Webhooks
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.timers import Leadership

_TRY_TO_LEAD_SECONDS = 1.0
_PACE, _BOUNDS = Pace(), Bounds()


def subscribed(
    runtime: Runtime, *, pace: Pace = _PACE, bounds: Bounds = _BOUNDS, places: Places | None = None
) -> APIRouter:
    """Return the routes that read and subscribe to the service's own log; its deliverer runs with the runtime's timers.

    The secrets of webhooks are sealed under a key in the state folder, made at the first start.
    """
    settings, clock = runtime.settings, runtime.clock
    journal = Journal(runtime.log, settings.base_url, runtime.stopping)
    secrets = Secrets(settings.state_dir / f"{settings.service}-webhooks.key")
    runtime.at_start(secrets.open)
    kept, deliveries = Subscriptions(runtime.engine), Deliveries(runtime.engine)
    sender = Sender(runtime.http, secrets, clock)
    once = Once(journal, deliveries, sender, clock, random_fraction)
    lead = Leadership(runtime.engine, f"{settings.service}:webhooks")
    runtime.every(_TRY_TO_LEAD_SECONDS, "webhooks", Deliverer(journal, deliveries, once, lead, clock, bounds).run)
    webhooks = Webhooks(
        journal, kept, deliveries, secrets=secrets, sender=sender, addresses=runtime.http,
        source=settings.base_url, clock=clock,
    )  # fmt: skip
    router = pages(journal, settings.base_url, places or Places(), pace)
    router.routes.extend(webhook_routes(webhooks, settings.base_url).routes)
    return router
