"""The application of the catalog: wiring only; nothing is opened before the lifespan."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from kompetenspass.core.clock import Clock, system_clock
from kompetenspass.log.snapshots import Snapshots
from kompetenspass.subscriptions.wiring import subscribed
from kompetenspass.web.app import build_app
from kompetenspass.web.runtime import Runtime
from kompetenspass.web.transparency import transparency
from services.catalog.projections import PROJECTIONS
from services.catalog.queries import Catalogue, OrganisationFacts
from services.catalog.routes import commands, explaining, reading, vct
from services.catalog.service.aggregates import AGGREGATES
from services.catalog.service.definitions import Definitions
from services.catalog.service.pathways import Pathways
from services.catalog.settings import Settings


@dataclass(frozen=True, slots=True)
class Catalog:
    """The service's parts, made and wired; they work while `runtime` is entered."""

    runtime: Runtime
    definitions: Definitions
    pathways: Pathways


def assemble(settings: Settings, *, clock: Clock = system_clock) -> Catalog:
    """Return the parts of the service."""
    runtime = Runtime(settings, clock=clock)
    runtime.log.snapshots = Snapshots(AGGREGATES, settings.snapshot_events)
    for projection in PROJECTIONS:
        runtime.project(projection)
    facts = OrganisationFacts(runtime.engine)
    definitions = Definitions(runtime.log, facts, clock)
    return Catalog(runtime, definitions, Pathways(runtime.log, facts, clock, definitions))


def create_app(settings: Settings, *, clock: Clock = system_clock) -> FastAPI:
    """Return the application of the service."""
    parts = assemble(settings, clock=clock)
    catalogue = Catalogue(parts.runtime.engine)
    return build_app(
        "Kompetenspass catalog",
        runtime=parts.runtime,
        routers=[
            reading.router(catalogue, settings.base_url),
            explaining.router(catalogue),
            commands.definition_commands(parts.definitions, parts.runtime),
            commands.pathway_commands(parts.pathways, parts.runtime),
            subscribed(parts.runtime),
        ],
        routes=[*vct.routes(settings.base_url), *transparency(parts.runtime)],
    )
