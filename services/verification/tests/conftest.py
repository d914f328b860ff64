from __future__ import annotations

import pytest

from services.verification.tests.stacked import StackWorld
from services.verification.tests.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def stacks() -> StackWorld:
    return StackWorld()
