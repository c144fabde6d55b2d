"""A home that opens with a key file, made anew for each test."""

from pathlib import Path

import pytest

from lightproof.storage.making import KEY_FILE_IN_HOME, KeyFile, make_home
from lightproof.storage.root_key import RootKey


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def made(home: Path) -> RootKey:
    """The root key of `home`."""
    return make_home(home, KeyFile(home / KEY_FILE_IN_HOME))
