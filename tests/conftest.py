"""Shared fixtures: where the test data are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mattecli.cli import process

process.set_up()  # as the command line does, before torch is loaded
process.set_up_pictures()
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of the tests' own, in which an export is made once, and no mirror."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATTE_HOME", str(tmp_path_factory.getbasetemp() / "home"))
        patch.delenv("MATTE_MIRROR", raising=False)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared photos, golden outputs and weights; tests that need it skip where it is absent, but never in CI."""
    folder = Path(os.environ.get("MATTE_SHARED", REPOSITORY.parent / "shared"))
    if folder.is_dir():
        return folder
    if os.environ.get("CI"):
        pytest.fail(f"the shared test data are missing: {folder}")
    pytest.skip(f"shared test data not found at {folder}; set MATTE_SHARED")
