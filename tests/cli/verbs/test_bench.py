"""`matte bench` from the command line: rows of real measurements, each made by a process of its own."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mattecli.core import export, random_weights
from mattecli.core.contract import Footprint
from mattecli.core.registry import registry
from tests.support import Run


class Broken(nn.Module):
    """A model that is loaded but fails when called."""

    def forward(self, image: Tensor, side: int = 128) -> tuple[Tensor, Tensor | None]:
        if image.shape[0] > 0:
            raise RuntimeError("no kernel for this")
        return image, None


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.pt"
    export.export(Broken(), path, replace(export.info_for(registry().find("fdm"), None), name="broken"))
    return path


@pytest.fixture
def hungry(tmp_path: Path) -> Path:
    """A model that says it takes a petabyte."""
    spec, path = registry().find("fdm"), tmp_path / "hungry.pt"
    info = replace(export.info_for(spec, None), name="hungry", memory=Footprint(fixed=1e9, picture=0, seen=0))
    export.export(random_weights.build_random(spec), path, info)
    return path


def test_a_row_holds_the_times_of_a_model_alone_and_from_file_to_file(run: Run, tmp_path: Path) -> None:
    files = tmp_path / "new.json", tmp_path / "report.html"
    wanted = ["--models", "mmnet-0.75", "--sizes", "64x48", "--precision", "fp32,bf16", "--seconds", "0"]
    done = run("bench", *wanted, "--device", "cpu", "--json", files[0], "--report", files[1])
    assert done.exit_code == 0, done.output
    record = json.loads(files[0].read_text())
    assert record["machine"]["available_cores"] > 0 and record["versions"]["torch"] == torch.__version__
    assert record["settings"]["torch_threads"] > 0
    for row, precision in zip(record["rows"], ("fp32", "bf16"), strict=True):
        assert (row["model"], row["random_weights"], row["size"], row["precision"]) == ("mmnet-0.75", True, [64, 48], precision)
        assert 0 < row["median_seconds"] <= row["p95_seconds"] and row["load_seconds"] > 0 < row["first_seconds"]
        assert row["fps"] == pytest.approx(1 / row["median_seconds"]) and row["repeats"] == 3
        assert row["host_bytes"] > 2**26 and row["clip_frames"] == 4 and row["clip_fps"] > 0
        assert all(row[f"{step}_seconds"] > 0 for step in ("decode", "inference", "compose", "encode"))
    assert "parity_max" not in record["rows"][0] and record["rows"][1]["parity_max"] > 0
    heading, *lines = done.stdout.splitlines()
    assert re.split(r" {2,}", heading)[:6] == ["model", "size", "precision", "load s", "first s", "median ms"]
    assert [re.split(r" {2,}", line)[:3] for line in lines] == [["mmnet-0.75 (random weights)", "64x48", kind] for kind in ("fp32", "bf16")]
    assert "measured with random weights" in done.stderr
    page = files[1].read_text()
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 3 and all(ET.fromstring(drawing).findall("rect") for drawing in drawings)
    assert "mmnet-0.75 (random weights), 64x48, bf16" in page and not re.search(r"(src|href)=|https?:", page)


def test_a_model_that_fails_or_does_not_fit_is_a_row_with_its_reason(run: Run, broken: Path, hungry: Path) -> None:
    done = run("bench", "--models", f"{broken},{hungry}", "--sizes", "16x16", "--seconds", "0", "--clip", "none", "--json", "-")
    assert done.exit_code == 1 and "1 of 2 measurements failed: broken at 16x16" in done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert "no kernel for this" in rows[0]["failed"] and rows[0]["skipped"] is None
    assert rows[1]["skipped"].startswith("it would take about 1000000.0 GB, and ") and rows[1]["failed"] is None


def test_fail_if_slower_fails_the_command_when_a_row_is_slower(run: Run, tmp_path: Path) -> None:
    row = {"model": "fdm", "size": [16, 16], "precision": "fp32", "batch": 1, "median_seconds": 1e-9, "skipped": None, "failed": None}
    machine = {"machine": {"processor": "an abacus"}, "settings": {"device": "cpu"}, "versions": {"torch": "1.0"}}
    (tmp_path / "old.json").write_text(json.dumps({"date": "2001-02-03", **machine, "rows": [row]}))
    wanted = ["--models", "fdm", "--device", "cpu", "--sizes", "16x16", "--seconds", "0", "--clip", "none"]
    done = run("bench", *wanted, "--compare", tmp_path / "old.json", "--fail-if-slower", "10", "--quiet")
    assert done.exit_code == 1 and done.stderr == "matte: error: slower by more than 10 %: fdm at 16x16\n"
    assert done.stdout.splitlines()[0].endswith("times as fast")
    assert "0.00 times as fast as on 2001-02-03 (an abacus, cpu, torch 1.0)" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--sizes", "8k"], 2, "--sizes 8k is not known; give 512, hd, 4k or WIDTHxHEIGHT"),
        (["--batch", "1,0"], 2, "--batch 1,0 is not known"),
        (["--precision", "int8"], 2, "there is no precision 'int8'"),
        (["--report", "report.pdf"], 2, "must end in .html"),
        (["--fail-if-slower", "5"], 2, "add --compare"),
        (["--compare", "old.json", "--json", "./old.json"], 2, "--json would overwrite the input ./old.json"),
        (["--clip", "clip.mp4", "--json", "./clip.mp4"], 2, "--json would overwrite the input ./clip.mp4"),
        (["--clip", "clip.html", "--report", "clip.html"], 2, "--report would overwrite the input clip.html"),
        (["--models", "fdm,own.pt", "--json", "own.pt"], 2, "--json would overwrite the input own.pt"),
        (["--json", "all.html", "--report", "./all.html"], 2, "cannot both be ./all.html"),
        (["--compare", "trimap.png"], 1, "trimap.png is none of `matte bench --json`'s files"),
        (["--models", "modnte"], 2, "did you mean modnet"),
        (
            ["--models", "bgmv2-resnet50-script"],
            1,
            "which cannot be built with random weights; get it: `matte models pull bgmv2-resnet50-script`",
        ),
        (["--clip", "absent.mp4"], 1, "there is no file absent.mp4"),
    ],
)
def test_wrong_commands_are_refused_before_anything_is_measured(
    run: Run, scene: Path, arguments: list[str], code: int, sentence: str
) -> None:
    done = run("bench", *arguments)
    assert done.exit_code == code and sentence in done.stderr and done.stdout == ""


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_cuda_without_a_gpu_is_an_error_and_does_not_fall_back_to_the_cpu(run: Run) -> None:
    done = run("bench", "--device", "cuda")
    assert done.exit_code == 1 and "cuda is not available" in done.stderr
