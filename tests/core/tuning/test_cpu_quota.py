"""What a control group grants is what torch uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mattecli.core.tuning.cpu_quota import available_cores, keep_to_it


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def half_a_core(tmp_path: Path) -> Path:
    """The files of a system that grants this process half a core."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/a/b\n")
    for folder, text in (("a", "50000 100000"), ("a/b", "max 100000")):
        (tmp_path / "sys/fs/cgroup" / folder).mkdir(parents=True)
        (tmp_path / "sys/fs/cgroup" / folder / "cpu.max").write_text(text + "\n")
    return tmp_path


def test_control_groups_limit_the_cores(half_a_core: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert available_cores(half_a_core) == 0.5
    keep_to_it(half_a_core)
    assert torch.get_num_threads() == 1


def test_the_environment_takes_precedence(half_a_core: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    keep_to_it(half_a_core)
    assert torch.get_num_threads() == 2
