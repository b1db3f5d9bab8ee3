"""The same batch on Ray, started here: the same bytes, also when an actor is killed."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.faults.batches import Stage, check_outcome, write_model, write_photos
from tests.support import Run

RAY = ("--engine", "ray", "--workers", "2")
COUNT = 100


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, write_model(tmp_path / "toy.pt"), {"MATTE_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"})


def _actors(home: str) -> list[int]:
    """Processes of Ray's actors that inherit this cache folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if name.startswith(b"ray::") and b"Actor" in name and f"MATTE_HOME={home}\0".encode() in environment:
            found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds actors in /proc")
def test_ray_writes_the_bytes_of_a_local_run_although_an_actor_is_killed(stage: Stage) -> None:
    pytest.importorskip("ray")
    good, bad = write_photos(stage.photos, COUNT, 6)
    assert stage.run("local") == 1
    process = stage.start("cluster", *RAY)
    killed = False
    while process.poll() is None:
        if not killed and len(stage.records("cluster")) > 10 and (actors := _actors(stage.environment["MATTE_HOME"])):
            os.kill(actors[0], signal.SIGKILL)
            killed = True
        time.sleep(0.05)
    _, stderr = process.communicate()
    assert process.returncode == 1, stderr
    assert killed
    check_outcome(stage, "cluster", good, bad, like=stage.outputs("local"))
    assert len(stage.records("cluster")) == COUNT
    assert stage.run("cluster", "--resume") == 1, "a local run goes on where the cluster's ended"
    assert len(stage.records("cluster")) == COUNT


def test_an_unknown_model_is_one_sentence_before_any_work(stage: Stage) -> None:
    pytest.importorskip("ray")
    write_photos(stage.photos, 4, 0)
    process = stage.start("cluster", *RAY, "--model", "closed-from")
    _, stderr = process.communicate()
    assert process.returncode == 2 and stderr.decode().count("\n") == 1 and b"did you mean closed-form?" in stderr, stderr


def test_without_ray_the_error_names_the_extra_to_install(stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(stage.photos, 2, 0)
    monkeypatch.chdir(stage.folder)
    monkeypatch.setitem(sys.modules, "ray", None)
    done = run(*stage.arguments("cluster", *RAY))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1) and "pip install 'mattecli[ray]'" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "more", [("--gpus", "1"), ("--engine", "spark"), ("--engine", "ray", "--timeout", "3"), ("--workers", "1:3")], ids=" ".join
)
def test_options_of_a_cluster_without_a_cluster_are_refused(
    stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    write_photos(stage.photos, 2, 0)
    monkeypatch.chdir(stage.folder)
    done = run(*stage.arguments("out", *more))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.stderr
