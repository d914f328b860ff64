"""Another library than ours, which says whether what was issued is signed, whole, and bound to its holder's key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from jwcrypto.common import base64url_decode, base64url_encode
from jwcrypto.jwk import JWK

from bench.driver.parties import issuer_key_file
from bench.driver.wallet import Held
from bench.peers import sdjwt
from bench.platform import Platform
from bench.report import Condition


@dataclass(frozen=True)
class Oracle:
    """Judges credentials by the issuer's own key, whatever certificates a credential brings along."""

    key: JWK

    @classmethod
    def of(cls, platform: Platform) -> Self:
        """Return the one for what the awarding body issues on a platform."""
        return cls(sdjwt.loaded(issuer_key_file(platform).read_bytes()))

    def accepts(self, held: Held) -> bool:
        """Return whether the issuer signed it, each digest has its disclosure, and it is bound to the wallet's key."""
        with suppress(*sdjwt.REFUSALS):
            bound = sdjwt.verified(held.credential, self.key)["cnf"]["jwk"]
            same_key = all(bound[name] == value for name, value in held.key.public_jwk.items())
            return same_key and _whole(held.credential)
        return False

    def condition(self, held: Sequence[Held], which: str = "credentials") -> Condition:
        """Return whether all of them are accepted."""
        return verified(sum(map(self.accepts, held)), len(held), which)


def verified(accepted: int, judged: int, which: str = "credentials") -> Condition:
    """Return whether all that were judged were accepted, and there were any."""
    return Condition(f"{which} that sd-jwt verifies", accepted == judged > 0, f"{accepted} of {judged}")


def _whole(compact: str) -> bool:
    """Return whether digests and disclosures belong together one to one; the library lets either of them be missing."""
    jwt, *disclosures, _ = compact.split("~")
    values = [json.loads(base64url_decode(each)) for each in disclosures]
    signed = json.loads(base64url_decode(jwt.split(".")[1]))
    digests = [digest for node in (signed, *values) for digest in _digests(node)]
    hashes = (sha256(each.encode()).digest() for each in disclosures)
    return sorted(digests) == sorted(base64url_encode(each) for each in hashes)


def _digests(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node.get("_sd", ())
        if "..." in node:
            yield node["..."]
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _digests(each)
