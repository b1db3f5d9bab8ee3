"""The commands of docs/options.md run on a small scene and write the results they name."""

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
from PIL import Image

from mattecli.core.random_weights import build_random
from mattecli.core.registry import registry
from mattecli.io.images import write_image
from tests.cli.verbs.test_video import disc
from tests.clips import ffmpeg, make_clip
from tests.documented import ROOT, commands
from tests.faults.batches import write_model
from tests.support import Run, read

PAGE = ROOT / "docs" / "options.md"
LASTING = ("serve", "page", "--watch")
CLUSTER = "--engine"


def _sections() -> dict[str, list[list[str]]]:
    """The commands of each section that end by themselves and need no cluster."""
    found = {}
    for title, text in re.findall(r"(?ms)^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text()):
        found[title] = [words for words in commands(text) if not {*LASTING, CLUSTER} & set(words)]
    return {title: examples for title, examples in found.items() if examples}


@pytest.fixture
def stage(drawn_stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All files that the page names."""
    shutil.copytree(drawn_stage, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROWSER", "true")
    return tmp_path


@pytest.fixture(scope="module")
def drawn_stage(drawn_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `stage`, made once."""
    scene = shutil.copytree(drawn_scene, tmp_path_factory.mktemp("stage"), dirs_exist_ok=True)
    for folder in ("photos", "inbox", "alphas", "frames", "clips", "mattes", "truth"):
        (scene / folder).mkdir()
    pictures = {name: read(scene / f"{name}.png") for name in ("photo", "plate", "true")}
    for name, places in {
        "photo": ["photo.jpg", "beach.jpg", "street.jpg", "photos/a.png", "photos/b.png", "inbox/a.png"],
        "plate": ["plate.jpg"],
        "true": ["mask.png", "alpha.png", "first_mask.png", "alphas/a.png", "alphas/b.png", "mattes/a.png", "truth/a.png"],
    }.items():
        for place in places:
            write_image(pictures[name], scene / place)
    Image.fromarray(pictures["photo"]).save(scene / "scan.tif", save_all=True, append_images=[Image.fromarray(pictures["photo"])])
    light = {f"beauty.{name}": np.ascontiguousarray(pictures["photo"][..., place] / np.float32(200)) for place, name in enumerate("RGB")}
    OpenEXR.File({}, light).write(str(scene / "render.exr"))
    size = pictures["photo"].shape[:2]
    for place in ("clip.mp4", "clips/a.mp4"):
        make_clip(scene / place, picture=disc, frames=3, size=size)
    tags = "h264_metadata=colour_primaries=9:transfer_characteristics=18:matrix_coefficients=9"
    ffmpeg("-i", scene / "clip.mp4", "-c", "copy", "-bsf:v", tags, scene / "hdr.mkv")
    write_image(disc(0, size, present=False), scene / "plate.jpg")
    for index in range(3):
        write_image(disc(index, size), scene / f"frames/{index + 1:05d}.png")
    (scene / "rows.csv").write_text("input\nphotos/a.png\n")
    (scene / "clips.csv").write_text("input\nclips/a.mp4\n")
    (scene / "token.txt").write_text("0123456789abcdef0123456789abcdef\n")
    write_model(scene / "mine.pt")
    weights = build_random(registry().find("shm-fast")).state_dict()
    torch.save({"state_dict": {name.removeprefix("network."): tensor for name, tensor in weights.items()}}, scene / "mine.pth")
    return scene


@pytest.mark.parametrize("title", _sections())
def test_the_examples_of_each_section_run_and_write_their_results(title: str, stage: Path, run: Run) -> None:
    for words in _sections()[title]:
        done = run(*words)
        assert done.exit_code == 0, f"matte {' '.join(words)}\n{done.output}"
        result = words[words.index("-o") + 1] if "-o" in words else None
        assert result is None or any((stage / result.split("{")[0]).parent.iterdir()), words
        assert result is None or "{" in result or (stage / result).exists(), words
        assert "--json" not in words or "--quiet" not in words or done.stdout.startswith("{") or words[0] == "bench", words


@pytest.mark.skipif(os.name != "posix", reason="sends signals the POSIX way")
@pytest.mark.parametrize("words", [words for words in commands(PAGE.read_text()) if {*LASTING} & set(words)], ids=" ".join)
def test_long_running_examples_report_that_they_are_ready_and_end_on_ctrl_c(words: list[str], stage: Path) -> None:
    command = [sys.executable, "-m", "mattecli", *words]
    heeding = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which a shell's background job would ignore
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeding)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=600)
    assert said.startswith(("http://127.0.0.1:", "cutouts/")), told
    assert process.returncode in (0, 130), told


def test_the_examples_for_a_cluster_run_on_a_local_cluster(stage: Path) -> None:
    pytest.importorskip("ray")
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1"}
    begin = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--num-cpus", "2", "--num-gpus", "1", "--port", "0"]
    begin += ["--include-dashboard", "false", "--block"]
    with subprocess.Popen(begin, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as head:
        assert head.stdout is not None
        try:
            address = next(found[1] for line in head.stdout if (found := re.search(r"address='?([\d.]+:\d+)", line)))
            for words in (words for words in commands(PAGE.read_text()) if CLUSTER in words):
                command = [sys.executable, "-m", "mattecli", *(address if word == "auto" else word for word in words)]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
                assert done.returncode == 0, done.stderr
        finally:
            head.terminate()
