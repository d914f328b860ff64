"""One running platform of each kind for all tests that only talk to it over HTTP.

`make test` runs them on one process, `make integration` on five, and on five with a real Kafka between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from cryptography import x509

from tests.integration.kinds import KINDS, Kind, parameters
from tests.integration.parties import Parties, opened
from tests.integration.platform_process import Platform
from tests.integration.stranger import KOMMUN, Held, Stranger


@pytest.fixture(scope="session", params=parameters(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    """How the platform of this test runs: each test that asks for one runs on every kind."""
    found: Kind = request.param
    return found


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, kind: Kind) -> Iterator[Platform]:
    """The five services in processes of their own, set up and ready."""
    running = Platform(tmp_path_factory.mktemp("platform"), kind)
    asyncio.run(running.start())
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def parties(platform: Platform) -> Iterator[Parties]:
    """Whoever asks the platform something."""
    with opened(platform) as parties:
        yield parties


@pytest.fixture(scope="session")
def root(platform: Platform) -> x509.Certificate:
    """The trust anchor of the platform's development CA."""
    return x509.load_pem_x509_certificate((platform.folder / "pki" / "root.pem").read_bytes())


@pytest.fixture(scope="session")
def kommun(parties: Parties) -> Stranger:
    """A stranger at the organisation whose merit the story is about."""
    return Stranger(parties, KOMMUN)


@pytest.fixture(scope="session")
def held(kommun: Stranger) -> Held:
    """A credential in a wallet of ours; no test changes what becomes of it."""
    return kommun.received()
