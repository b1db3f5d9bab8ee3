"""Exports in the cache are what they were when they were made."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mattecli.core import export, random_weights, store, torchscript
from mattecli.core.registry import registry
from mattecli.core.runtime import load_model, open_model, pick_device
from mattecli.errors import ModelError


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The export of closed-form in a cache of its own."""
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    return export.export_file(registry().find("closed-form"))


def _damage(path: Path) -> None:
    """Set one sector in the middle of a file to 0xff, as failing disks do."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 512] = b"\xff" * 512
    path.write_bytes(content)


def test_an_altered_export_is_made_again(exported: Path) -> None:
    whole = exported.read_bytes()
    _damage(exported)
    assert not store.export_is_sound(exported)
    assert export.export_file(registry().find("closed-form")) == exported
    assert store.export_is_sound(exported) and len(exported.read_bytes()) == len(whole)


def test_an_intact_export_is_not_made_again(exported: Path) -> None:
    before = exported.stat().st_mtime_ns
    export.export_file(registry().find("closed-form"))
    assert exported.stat().st_mtime_ns == before


def test_removing_a_model_removes_the_files_beside_its_export(exported: Path) -> None:
    assert store.remove(registry().find("closed-form")) == [exported]
    assert list(exported.parent.iterdir()) == []


FULL_DISK = """
import resource, signal
from mattecli.core import export, torchscript
from mattecli.core.registry import registry
from mattecli.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    export.export_file(registry().find("closed-form"))
except OutputError as error:
    print(error)
"""


def test_a_full_disk_during_export_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stdout and "free some space" in done.stdout
    assert [path.name for path in (tmp_path / "exports").iterdir() if path.suffix != ".lock"] == []


def test_the_cpu_version_of_an_export_is_cached_with_equal_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    spec, cpu = registry().find("subject"), pick_device("cpu")
    image = torch.rand(1, 3, 64, 80)
    first = open_model(spec, device=cpu)(image, {})[0]
    (kept,) = (tmp_path / "exports").glob("*.quick")
    made = kept.stat().st_mtime_ns
    monkeypatch.setattr(torchscript, "freeze", lambda module: pytest.fail("it is frozen already"))
    assert torch.equal(open_model(spec, device=cpu)(image, {})[0], first) and kept.stat().st_mtime_ns == made
    monkeypatch.undo()
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    assert torch.equal(open_model(spec, device=cpu)(image, {})[0], first), "what was altered is made again"
    store.remove(spec)
    assert not list((tmp_path / "exports").glob("*.quick*"))


def test_weights_of_this_project_set_their_own_option_defaults(tmp_path: Path) -> None:
    ours = replace(registry().find("fdm@authors"), weights="ours-2000-01", options={"side": 64})
    with torch.random.fork_rng(devices=[]):
        export.export(random_weights.build_random(ours), tmp_path / "fdm.pt", export.info_for(ours, None))
    model = load_model(tmp_path / "fdm.pt", device=pick_device("cpu"))
    image = torch.rand(1, 3, 50, 40)
    alone, small, authors = (model(image, {}, options)[0] for options in ({}, {"side": 64}, {"side": 128}))
    assert torch.equal(alone, small) and not torch.equal(alone, authors)


def test_options_that_the_code_does_not_have_are_refused(tmp_path: Path) -> None:
    strange = replace(registry().find("fdm@authors"), options={"side": 64})
    with pytest.raises(ModelError, match="make them agree"):
        export.export(random_weights.build_random(strange), tmp_path / "fdm.pt", export.info_for(strange, None))
