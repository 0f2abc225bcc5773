"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_ct() -> Path:
    """Folder with real CT for development; it is never part of the repository."""
    folder = Path(os.environ.get("MEDVAE_SHARED_CT", ROOT.parent / "shared" / "ct"))
    if not folder.is_dir():
        pytest.skip("no real CT here: set MEDVAE_SHARED_CT to a folder that holds it")
    return folder
