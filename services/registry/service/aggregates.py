"""What the streams of organisations, credentials and lists fold to, for the log to keep snapshots of."""

from __future__ import annotations

from typing import Any

from kompetenspass.log.snapshots import Aggregate
from services.registry.domain import credential, organisation, status_list

AGGREGATES: tuple[Aggregate[Any], ...] = (
    Aggregate("org-", organisation.Organisation(), organisation.evolve),
    Aggregate("status-", credential.CredentialStatus(), credential.evolve),
    Aggregate("list-", status_list.StatusList(), status_list.evolve),
)
