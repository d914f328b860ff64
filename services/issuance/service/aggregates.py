"""What the streams of issuance fold to, for the log to keep snapshots of."""

from __future__ import annotations

from typing import Any

from kompetenspass.log.snapshots import Aggregate
from services.issuance.domain import achievement, credential, evidence, progress, stack

AGGREGATES: tuple[Aggregate[Any], ...] = (
    Aggregate("ach-", achievement.Achievement(), achievement.evolve),
    Aggregate("cred-", credential.Credential(), credential.evolve),
    Aggregate("evidence-", evidence.Evidence(), evidence.evolve),
    Aggregate("progress-", progress.Progressed(), progress.evolve),
    Aggregate("stack-", stack.Stack(), stack.evolve),
)
