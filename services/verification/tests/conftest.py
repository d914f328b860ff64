from __future__ import annotations

import pytest

from services.verification.tests.world import World


@pytest.fixture
def world() -> World:
    return World()
