"""A DCQL query as a value that cannot be wrong, and what it is held against. Source: OpenID4VP 1.0, section 6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PathPart = str | int | None
Path = tuple[PathPart, ...]
Value = str | int | bool


@dataclass(frozen=True)
class ClaimQuery:
    """One claim that is asked for; `values` None means any value."""

    path: Path
    id: str | None = None
    values: tuple[Value, ...] | None = None


@dataclass(frozen=True)
class TrustedAuthority:
    """Authorities or trust frameworks of one type, any of which will do."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class CredentialQuery:
    """One credential that is asked for; `claims` and `claim_sets` are empty where the query has none."""

    id: str
    format: str
    meta: Mapping[str, object] = field(default_factory=dict)
    multiple: bool = False
    trusted_authorities: tuple[TrustedAuthority, ...] = ()
    require_cryptographic_holder_binding: bool = True
    claims: tuple[ClaimQuery, ...] = ()
    claim_sets: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class CredentialSet:
    """Alternatives, each a combination of credential queries; optional unless `required`."""

    options: tuple[tuple[str, ...], ...]
    required: bool = True


@dataclass(frozen=True)
class Query:
    """A valid DCQL query; `credential_sets` is empty where the query has none: then every credential is needed."""

    credentials: tuple[CredentialQuery, ...]
    credential_sets: tuple[CredentialSet, ...] = ()

    def credential(self, id_: str) -> CredentialQuery | None:
        """Return the credential query with this id, or None."""
        return next((query for query in self.credentials if query.id == id_), None)

    @property
    def needs_state(self) -> bool:
        """Whether some credential is asked for without holder binding, so that only `state` ties the answer to the
        request. Source: OpenID4VP 1.0, section 5.3."""
        return any(not query.require_cryptographic_holder_binding for query in self.credentials)


@dataclass(frozen=True)
class Credential:
    """A credential as a query sees it, held by a wallet or presented to a verifier.

    `claims` are the claims as issued, an undisclosed array element kept in its place as `sdjwt`'s UNDISCLOSED.
    `types` is the `vct` with the types that it extends (or the doctype, or the W3C types). `holder_bound`: a wallet
    can prove, or the holder has proved, to hold its key. `authority_key_ids`: see `authorities`. `key` is the
    caller's own name for the credential.
    """

    format: str
    types: frozenset[str]
    claims: Mapping[str, object] = field(repr=False)
    holder_bound: bool = True
    authority_key_ids: frozenset[str] = frozenset()
    key: str = ""


@dataclass(frozen=True)
class Match:
    """A credential that meets a credential query by the claims at `paths`, in which null stands no more.

    A wallet discloses these paths and nothing else.
    """

    credential: Credential
    paths: tuple[Path, ...]
