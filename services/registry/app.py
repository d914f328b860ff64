"""create_app: wires the registry; nothing is opened before its lifespan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from cryptography.x509 import Certificate
from fastapi import FastAPI

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.keys.api import Signer
from kompetenspass.keys.file import FileSigner
from kompetenspass.log.snapshots import Snapshots
from kompetenspass.openid.jose import load_anchors
from kompetenspass.subscriptions.wiring import subscribed
from kompetenspass.web.app import build_app
from kompetenspass.web.memory import return_large_blocks
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.transparency import transparency
from services.registry.projections import AWARDS, ORGANISATIONS, STATUS
from services.registry.queries import Queries
from services.registry.reactions import Pace, award_reactions, reactions, timers
from services.registry.routes import credentials as credential_routes
from services.registry.routes import keys as key_routes
from services.registry.routes import organisations as organisation_routes
from services.registry.routes import status_lists as status_list_routes
from services.registry.service.aggregates import AGGREGATES
from services.registry.service.awards import AwardStatuses
from services.registry.service.credentials import Credentials
from services.registry.service.keys import EnrolmentPolicy, IssuerKeys
from services.registry.service.organisations import Organisations
from services.registry.service.publishing import Publisher
from services.registry.service.status_lists import ListPolicy, StatusLists
from services.registry.settings import Settings
from services.registry.state import State


class Keyring:
    """The status signer and the trust anchors, read from their files when the service starts."""

    def __init__(self, settings: Settings, signer: Signer | None) -> None:
        self._settings = settings
        self._signer = signer
        self._anchors: Sequence[Certificate] = ()

    async def load(self) -> None:
        """Read the files. Raises Problem for what cannot be read: the service then does not start."""
        self._anchors = load_anchors(_content(self._settings.trust_anchors_file))
        if self._signer is None:
            self._signer = FileSigner(self._settings.status_key_file, self._settings.status_chain_file)

    def signer(self) -> Signer:
        """Return the signer of status lists."""
        assert self._signer is not None  # load ran when the service started
        return self._signer

    def anchors(self) -> Sequence[Certificate]:
        """Return the CAs that issuer certificates chain to."""
        return self._anchors


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Problem(
            "trust_anchors_unreadable",
            "The file of trust anchors for issuer certificates cannot be read.",
            kind=Kind.UNAVAILABLE,
            remedy="Set KOMPETENSPASS_REGISTRY_TRUST_ANCHORS to a PEM file of the CAs to trust.",
            detail=str(path),
        ) from error


def create_app(settings: Settings, *, clock: Clock = system_clock, signer: Signer | None = None) -> FastAPI:
    """Return the application. `signer` replaces the status key of the settings."""
    return_large_blocks()  # making a list small takes 9 MB for a moment
    runtime = Runtime(settings, clock=clock)
    runtime.log.snapshots = Snapshots(AGGREGATES, settings.snapshot_events)
    keyring = Keyring(settings, signer)
    runtime.at_start(keyring.load)
    state, queries = State(runtime.engine), Queries(runtime.engine)
    organisations = Organisations(runtime.log, state, queries)
    keys = IssuerKeys(runtime.log, state, anchors=keyring.anchors, clock=clock, policy=_enrolment_policy(settings))
    lifetime = timedelta(seconds=settings.status_lifetime_seconds)
    publisher = Publisher(queries, state, signer=keyring.signer, clock=clock, lifetime=lifetime)
    credentials = Credentials(runtime.log, queries, clock)
    require_fresh = partial(runtime.require_fresh, "issuance")
    _follow(runtime, settings, publisher, credentials, keys)
    for reaction in award_reactions(AwardStatuses(runtime.log, queries)):
        runtime.react(reaction)
    return build_app(
        "Kompetenspass registry",
        runtime=runtime,
        routers=(
            organisation_routes.commands(organisations, settings.issuer_base_url, settings.scheme_owner, require_fresh),
            organisation_routes.reads(queries),
            key_routes.commands(keys),
            credential_routes.router(credentials, queries, require_fresh),
            subscribed(runtime),
        ),
        routes=(*status_list_routes.routes(state, clock), *transparency(runtime)),
    )


def _follow(
    runtime: Runtime, settings: Settings, publisher: Publisher, credentials: Credentials, keys: IssuerKeys
) -> None:
    runtime.project(ORGANISATIONS)
    runtime.project(STATUS)
    runtime.project(AWARDS)
    for reaction in reactions(StatusLists(runtime.log, _list_policy(settings))):
        runtime.react(reaction)
    pace = Pace(settings.publish_seconds, settings.expire_seconds, settings.sweep_seconds)
    for timer in timers(pace, publisher, credentials, keys):
        runtime.every(timer.seconds, timer.name, timer.run)


def _enrolment_policy(settings: Settings) -> EnrolmentPolicy:
    return EnrolmentPolicy(
        audience=settings.base_url,
        issuer_base_url=settings.issuer_base_url,
        challenge_lifetime=timedelta(seconds=settings.challenge_lifetime_seconds),
    )


def _list_policy(settings: Settings) -> ListPolicy:
    return ListPolicy(
        base_url=settings.base_url,
        size=settings.status_list_size,
        bits=settings.status_bits,
        one_bit_issuers=settings.one_bit_issuers,
        ttl_seconds=settings.status_ttl_seconds,
    )
