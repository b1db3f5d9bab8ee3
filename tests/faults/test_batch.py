"""A batch that is killed, divided or changed ends as one that was left alone. The long form is `python -m tests.faults.batches`."""

import os
from pathlib import Path

import pytest

from tests.faults.batches import scenario


@pytest.mark.skipif(os.name != "posix", reason="kills processes the POSIX way")
def test_killed_and_resumed_batches_end_as_whole_ones(tmp_path: Path) -> None:
    scenario(tmp_path, images=200, broken=20, kills=2)
