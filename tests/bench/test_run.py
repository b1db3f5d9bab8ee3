"""Measurements and reports of a bench, without the command line."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mattecli.bench.run import Bench, Case, Row, models_to_measure, parse_sizes, record
from mattecli.bench.scene import BAND, UNKNOWN, guide_file, write_clip, write_scene
from mattecli.bench.table import compared, short, table_of, verdict
from mattecli.bench.trial import Trial, run_trial
from mattecli.core.random_weights import random_export
from mattecli.core.registry import registry
from mattecli.html.bars import WIDTH, bars
from mattecli.io.images import read_levels
from mattecli.io.video_read import open_clip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))


def test_each_network_is_measured_once_and_an_installed_table_is_preferred(tmp_path: Path) -> None:
    names = [spec.name for spec in models_to_measure(registry(), None)]
    assert "modnet" in names and "modnet-webcam" not in names and "mmnet-0.5" in names and "mmnet-1.4" in names
    assert not any(name.endswith("-script") for name in names)
    webcam = registry().find("modnet-webcam")
    (tmp_path / "home" / "checkpoints" / "modnet-webcam").mkdir(parents=True)
    (tmp_path / "home" / "checkpoints" / "modnet-webcam" / webcam.files[0].name).touch()
    names = [spec.name for spec in models_to_measure(registry(), None)]
    assert "modnet" not in names and "modnet-webcam" in names
    installed = {spec.name for spec in models_to_measure(registry(), "installed")}
    assert installed >= {"fusion", "fusion-plate", "subject", "closed-form", "modnet-webcam"} and "dim-skip" not in installed


def test_sizes_are_given_as_width_by_height() -> None:
    assert parse_sizes("512,HD, 4k,640x360,1920x1080") == [(512, 512), (1080, 1920), (2160, 3840), (360, 640)]


def test_the_scene_is_reproducible_and_a_tenth_unknown(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_scene(tmp_path / name, (180, 320))
    assert all((tmp_path / "one" / file.name).read_bytes() == file.read_bytes() for file in (tmp_path / "two").iterdir())
    trimap = read_levels(guide_file(tmp_path / "one", "trimap"))
    assert trimap.shape == (180, 320) and set(np.unique(trimap)) == {0, 128, 255}
    assert np.mean(trimap == 128) == pytest.approx(UNKNOWN, abs=0.003) and 0.09 < UNKNOWN < 0.11


def test_the_subject_of_the_clip_stays_within_the_trimaps_band(tmp_path: Path) -> None:
    write_scene(tmp_path, (180, 320))
    write_clip(tmp_path / "clip.mp4", (180, 320))
    known_background = read_levels(guide_file(tmp_path, "trimap")) == 0
    plate = read_levels(guide_file(tmp_path, "background")).astype(int)
    with open_clip(str(tmp_path / "clip.mp4")) as reader:
        frames = [frame.pixels.astype(int) for frame in reader]
    assert len(frames) == 120 and reader.clip.size == (180, 320)
    assert np.abs(frames[0] - frames[6]).max() > 60  # it does move
    edge = BAND[1] + 0.02
    rows, columns = np.mgrid[-1:1:180j, -1:1:320j]
    beyond = known_background & (np.hypot(rows, columns) > edge)
    assert all(np.abs(frame - plate)[beyond].mean() < 8 for frame in frames[:25:6])


def test_finished_rows_are_kept_when_a_later_one_fails(tmp_path: Path) -> None:
    write_scene(tmp_path, (32, 32))
    kept: list[dict[str, Any]] = []
    file = random_export(registry().find("fdm"))
    trial = Trial(str(file), str(tmp_path), "cpu", "fp32", 2, 0.0, str(tmp_path / "absent.mp4"))
    run_trial(trial, lambda found: kept.append(json.loads(json.dumps(found))))
    assert kept[0]["fps"] == pytest.approx(2 / kept[0]["median_seconds"]) and kept[0]["notes"] == []
    assert len(kept) == 2 and kept[1]["notes"][0].startswith("end to end: there is no file") and kept[1]["fps"] == kept[0]["fps"]


def _row(model: str, median: float | None = None, **reasons: str) -> Row:
    numbers = {} if median is None else {"median_seconds": median, "fps": 1 / median}
    return Row(Case(model, (1080, 1920), "fp32", 1), model == "fdm", numbers, **reasons)


def test_the_table_leaves_out_empty_columns_and_explains_rows_without_numbers() -> None:
    table = table_of([_row("fdm", 0.0123), _row("dim", skipped="too large")])
    assert table.headings == ["model", "size", "median ms", "fps"]
    assert table.lines == [["fdm (random weights)", "hd", "12.3", "81.3"], ["dim", "hd", "skipped", "-"]]
    assert [short(number) for number in (None, 0, 0.00123, 1.5, 12345.6)] == ["-", "0", "0.00123", "1.50", "12346"]


def test_an_earlier_bench_is_compared_row_by_row_and_overall() -> None:
    bench = Bench([registry().find("fdm")], [(1080, 1920)], ["fp32"], [1], "cpu", 1.0)
    old = json.loads(json.dumps(record(bench, [_row("fdm", 0.2), _row("dim", 8.0), _row("sim", failed="no")])))
    rows = [compared(row, old) for row in (_row("fdm", 0.1), _row("dim", 1.0), _row("sim", 1.0), _row("bgm", 1.0))]
    assert [row.numbers.get("speedup") for row in rows] == [2, 8, None, None]
    sentence = verdict(rows, old)
    assert sentence.startswith("4.00 times as fast as on ") and sentence.endswith(
        "the geometric mean of 2, from 2.00 (fdm at hd) to 8.00 (dim at hd)"
    )
    assert verdict(rows[2:], old).startswith("nothing was measured that was also measured on ")


def test_bars_are_as_long_as_their_values_and_names_are_escaped() -> None:
    drawing = bars(["a<b", "c"], {"one": [4.0, None], "two": [1.0, 2.0]}, write=short)
    assert re.findall(r'width="([\d.]+)" height="11"', drawing) == [f"{WIDTH:.1f}", f"{WIDTH / 4:.1f}", f"{WIDTH / 2:.1f}"]
    assert "a&lt;b" in drawing
    stacked = bars(["a"], {"one": [3.0], "two": [1.0]}, write=short, stacked=True)
    assert re.findall(r'width="([\d.]+)" height="11"', stacked) == [f"{WIDTH * 0.75:.1f}", f"{WIDTH * 0.25:.1f}"] and ">4.00<" in stacked
