"""A practice that gives patients away by every protocol, for the journeys that check it."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from journeys.exposed_practice import Practice, exposed_practice
from peers.certificates import Certificates


@pytest.fixture
async def practice(tmp_path: Path, certificates: Certificates) -> AsyncGenerator[Practice]:
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("file servers start as root only")
    (tmp_path / "peers").mkdir()
    async with exposed_practice(tmp_path / "peers", certificates) as running:
        yield running
