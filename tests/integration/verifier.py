"""A verifier's request and the answers of a wallet of ours to it, over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from kompetenspass.core.clock import system_clock
from kompetenspass.openid.sdjwt import KeyBinding, present
from tests.integration.parties import VERIFIER, Parties, asked_again
from tests.integration.stranger import JSON, Held, opened_by_leaf

SHOWN = ("family_name", "assessment_grade")
CLAIMS = [[name] for name in SHOWN]


@dataclass(frozen=True)
class Asked:
    """A request: what the verifier was told, and the request object as a wallet read it."""

    parties: Parties
    created: JSON
    token: str
    said: JSON

    @property
    def query_id(self) -> str:
        """The id of its one credential query."""
        (query,) = self.said["dcql_query"]["credentials"]
        return str(query["id"])

    def presented(self, held: Held, paths: Sequence[str] = ("definition", *SHOWN), **changes: Any) -> str:
        """Return a presentation of a credential, in what is not told otherwise as the request wants it."""
        bound = {
            "aud": self.said["client_id"],
            "nonce": self.said["nonce"],
            "issued_at": system_clock(),
            "signer": held.key,
        }
        return present(held.credential, paths, kb=KeyBinding(**(bound | changes)))

    def answered(self, presentation: object, **form: str) -> httpx2.Response:
        """Return what the verifier says to one presentation."""
        return self.sent(vp_token=json.dumps({self.query_id: [presentation]}), **form)

    def sent(self, **form: str) -> httpx2.Response:
        """Return what the verifier says to a form; `state` is the request's unless another is given."""
        filled = {"state": self.said["state"], **form}
        data = {name: value for name, value in filled.items() if value}
        return asked_again(lambda: self.parties.http.post(self.said["response_uri"], data=data))

    def outcome(self) -> JSON:
        """Return what the verifier may read of it."""
        path = f"/v1/requests/{self.created['request_id']}"
        token = self.parties.token(VERIFIER, "verifier")
        return dict(self.parties.ask("get", "verification", path, token).raise_for_status().json())

    def failed(self) -> list[str]:
        """Return the codes of the checks that did not hold."""
        return [check["code"] for check in self.outcome()["verdict"]["checks"] if check["ok"] is False]


def created(parties: Parties, body: object) -> httpx2.Response:
    """Return the answer to a verifier who makes a request."""
    return parties.ask("post", "verification", "/v1/requests", parties.token(VERIFIER, "verifier"), json=body)


def asked(parties: Parties, definition: str = "sko-ys-01", **more: object) -> Asked:
    """Return a new request for a definition, fetched by a wallet."""
    told = created(parties, {"definition_id": definition, "claims": CLAIMS, **more}).raise_for_status().json()
    token = parties.http.get(told["request_uri"]).raise_for_status().text
    return Asked(parties, told, token, opened_by_leaf(token))
