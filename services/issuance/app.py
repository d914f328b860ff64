"""create_app: wires issuance; nothing is opened before its lifespan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.keys.folder import SignerFolder
from kompetenspass.log.snapshots import Snapshots
from kompetenspass.openid import mikromerit
from kompetenspass.subscriptions.wiring import subscribed
from kompetenspass.web.app import build_app
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.transparency import transparency
from services.issuance import projections, reactions
from services.issuance.queries import Queries
from services.issuance.routes import achievements as achievement_routes
from services.issuance.routes import awards as award_routes
from services.issuance.routes import credentials as credential_routes
from services.issuance.routes import documents as document_routes
from services.issuance.routes import evidence as evidence_routes
from services.issuance.routes import offers as offer_routes
from services.issuance.routes import protocol as protocol_routes
from services.issuance.service.achievements import Achievements
from services.issuance.service.aggregates import AGGREGATES
from services.issuance.service.authorization import Authorization
from services.issuance.service.awards_commands import Awards
from services.issuance.service.awards_evaluation import Evaluations
from services.issuance.service.awards_mandate import Mandate
from services.issuance.service.awards_reading import AwardReading
from services.issuance.service.awards_trial import Trials
from services.issuance.service.credentials import Credentials
from services.issuance.service.documents import Documents
from services.issuance.service.evidence import EvidenceRecords
from services.issuance.service.indices import Indices
from services.issuance.service.merits import Merits
from services.issuance.service.offers import Offers
from services.issuance.service.ports import Profile, Signers
from services.issuance.service.progress import Progresses
from services.issuance.service.publications import Publications
from services.issuance.service.stacks import Stacks
from services.issuance.service.supersession import Supersession
from services.issuance.settings import Settings
from services.issuance.state import Reassessments, State
from services.issuance.state.turns import Turns
from services.issuance.vault import MasterKey, Vault

_OFFER_SWEEP_SECONDS = 30
_STATE_SWEEP_SECONDS = 60
_ACHIEVEMENT_SWEEP_SECONDS = 300
_REASSESS_SECONDS = 5
_REVIEWS_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Stacking:
    """The use cases of awards, wired."""

    stacks: Stacks
    publications: Publications
    awards: Awards
    reading: AwardReading
    trials: Trials


@dataclass(frozen=True, slots=True)
class _Parts:
    """The use cases of the service, wired."""

    stacking: Stacking
    supersession: Supersession
    evidence: EvidenceRecords
    achievements: Achievements
    offers: Offers
    authorization: Authorization
    credentials: Credentials
    documents: Documents
    indices: Indices
    state: State
    queries: Queries


def create_app(settings: Settings, *, clock: Clock = system_clock, signers: Signers | None = None) -> FastAPI:
    """Return the application. `signers` replaces the keys in the state folder."""
    runtime = Runtime(settings, clock=clock)
    runtime.log.snapshots = Snapshots(AGGREGATES, settings.snapshot_events)
    parts = _wired(runtime, settings, clock, signers or SignerFolder(issuer_keys(settings)))
    _follow(runtime, parts, clock)
    return build_app(
        "Kompetenspass issuance",
        runtime=runtime,
        routers=(  # in this order they are asked: what comes often comes first
            offer_routes.commands(parts.offers),
            achievement_routes.commands(parts.achievements),
            achievement_routes.reads(parts.queries),
            credential_routes.commands(parts.supersession),
            evidence_routes.commands(parts.evidence),
            award_routes.commands(parts.stacking.awards, parts.offers),
            award_routes.reviews(parts.stacking.awards),
            award_routes.reads(parts.stacking.reading, parts.stacking.trials),
            offer_routes.documents(parts.offers),
            subscribed(runtime),
        ),
        routes=(
            *protocol_routes.routes(
                parts.documents, parts.authorization, parts.credentials, batch_size=settings.batch_size
            ),
            *document_routes.routes(parts.documents),
            *transparency(runtime),
        ),
        protocol_paths=("/issuers/",),
    )


def issuer_keys(settings: Settings) -> Path:
    """Return the folder of the issuers' keys."""
    return settings.state_dir / "issuers"


def profile_of(settings: Settings) -> Profile:
    """Return how this issuer speaks, from its settings."""
    return Profile(
        base_url=settings.base_url,
        vct=mikromerit.vct(settings.catalog_url),
        vct_integrity=mikromerit.type_integrity(settings.catalog_url),
        offer_lifetime=timedelta(seconds=settings.offer_ttl_seconds),
        token_lifetime=timedelta(seconds=settings.token_ttl_seconds),
        nonce_lifetime=timedelta(seconds=settings.nonce_ttl_seconds),
        credential_lifetime=timedelta(days=settings.credential_ttl_days),
        batch_size=settings.batch_size,
    )


def _wired(runtime: Runtime, settings: Settings, clock: Clock, signers: Signers) -> _Parts:
    master = MasterKey(settings.state_dir / "vault.key")
    runtime.at_start(master.open)
    log, profile = runtime.log, profile_of(settings)
    queries = Queries(runtime.engine, runtime.require_fresh, runtime.statements.shared)
    state, vault = State(runtime.engine, runtime.statements), Vault(runtime.statements, master)
    indices = Indices(state, master)
    offers = Offers(log, queries, state, master, profile, clock)
    credentials = Credentials(
        log=log, facts=queries, state=state, vault=vault, merits=Merits(log, queries, vault), indices=indices,
        signers=signers, keys=master, profile=profile, clock=clock,
    )  # fmt: skip
    return _Parts(
        stacking=stacking_of(runtime, queries, vault, offers, clock),
        supersession=Supersession(log, queries, state, Turns(runtime.engine)),
        evidence=EvidenceRecords(log, queries, vault),
        achievements=Achievements(log, queries, state, vault, clock),
        offers=offers,
        authorization=Authorization(offers, state, master, profile, clock),
        credentials=credentials,
        documents=Documents(queries, profile, clock, allow_loopback_http=settings.allow_loopback_http),
        indices=indices,
        state=state,
        queries=queries,
    )


def stacking_of(runtime: Runtime, queries: Queries, vault: Vault, offers: Offers, clock: Clock) -> Stacking:
    """Return the use cases of awards."""
    log, evaluations, mandate = runtime.log, Evaluations(queries, queries, vault, clock), Mandate(queries)
    due = Reassessments(runtime.engine)
    awards = Awards(
        log=log, facts=queries, evaluations=evaluations, mandate=mandate, learners=vault, clock=clock
    )  # fmt: skip
    reading = AwardReading(log=log, facts=queries, evaluations=evaluations, offers=offers, clock=clock)
    return Stacking(
        stacks=Stacks(
            log=log, facts=queries, evaluations=evaluations, progresses=Progresses(log, queries, evaluations),
            mandate=mandate, due=due, clock=clock,
        ),
        publications=Publications(queries, due, clock),
        awards=awards,
        reading=reading,
        trials=Trials(
            facts=queries, published=queries, evaluations=evaluations, awards=awards, reading=reading, clock=clock
        ),
    )  # fmt: skip


def _follow(runtime: Runtime, parts: _Parts, clock: Clock) -> None:
    runtime.project(projections.facts)
    runtime.project(projections.overview)
    stacks = parts.stacking.stacks
    runtime.react(reactions.status_lists(parts.indices))
    runtime.react(reactions.credentials_change(stacks))
    runtime.react(reactions.awards_change(stacks))
    runtime.react(reactions.awards_end(stacks))
    runtime.react(reactions.pathways_begin(parts.stacking.publications))
    runtime.react(reactions.award_offers(parts.offers))

    async def sweep_state() -> None:
        await parts.state.sweep(clock())

    runtime.every(_OFFER_SWEEP_SECONDS, "offers_lapse", parts.offers.sweep)
    runtime.every(_STATE_SWEEP_SECONDS, "state_sweep", sweep_state)
    runtime.every(_ACHIEVEMENT_SWEEP_SECONDS, "achievements_sweep", parts.achievements.sweep)
    runtime.every(_REASSESS_SECONDS, "reassess_due", stacks.reassess_due)
    runtime.every(_REVIEWS_SECONDS, "reviews_overdue", stacks.tell_overdue)
