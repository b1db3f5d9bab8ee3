"""Many clips from a manifest: own settings for each, resuming, and failures."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clips import SIZE, make_clip, numbered
from tests.faults.batches import write_model
from tests.support import Run


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two clips, a text file named as a clip, and a model."""
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        make_clip(tmp_path / f"{number}.mp4", picture=numbered, frames=4)
    (tmp_path / "text.mp4").write_text("no clip")
    write_model(tmp_path / "toy.pt")
    return tmp_path


def _results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]


def test_each_clip_is_made_with_the_settings_of_its_row(run: Run, clips: Path) -> None:
    rows = [
        {"input": "1.mp4", "output": "out/one.mp4", "as": "alpha"},
        {"input": "2.mp4", "output": "out/frames/%03d.png", "as": "alpha", "options": {"gain": 0.5}},
        {"input": "text.mp4", "output": "out/text.mp4", "as": "alpha"},
    ]
    (clips / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    command = ("video", "--manifest", "m.jsonl", "--model", "toy.pt", "--refine", "none", "--results", "r.jsonl", "--json")
    done = run(*command)
    assert done.exit_code == 1, done.output
    one, two, text = _results(clips)
    assert (one["status"], one["frames"], one["size"]) == ("ok", 4, [SIZE[1], SIZE[0]]) and one["model"] == "brightness"
    assert two["status"] == "ok" and len(list((clips / "out/frames").glob("*.png"))) == 4 and two["written"]["files"] == 4
    assert text["status"] == "failed" and not (clips / "out/text.mp4").exists()
    assert done.stderr.splitlines()[-1].startswith("matte: 2 done, 1 failed, 0 skipped in ")
    (clips / "out/frames/002.png").write_bytes(b"half")
    again = run(*command, "--resume")
    assert [json.loads(line)["output"] for line in again.stdout.splitlines()] == ["out/frames/%03d.png"], again.output


def test_clips_without_an_output_are_named_in_the_output_folder(run: Run, clips: Path) -> None:
    (clips / "m.csv").write_text("input\n1.mp4\n2.mp4\n")
    done = run("video", "--manifest", "m.csv", "--model", "toy.pt", "--refine", "none", "--over", "red", "-o", "made/")
    assert (done.exit_code, done.stdout) == (0, "made/1.mp4\nmade/2.mp4\n"), done.output


def test_a_folder_of_clips_is_a_batch_that_can_be_resumed(run: Run, clips: Path) -> None:
    (clips / "takes").mkdir()
    for name in ("1.mp4", "2.mp4", "text.mp4"):
        (clips / name).rename(clips / "takes" / name)
    command = ("video", "takes", "-o", "made/", "--as", "alpha", "--model", "toy.pt", "--refine", "none", "--results", "r.jsonl")
    done = run(*command)
    assert (done.exit_code, done.stdout) == (1, "made/1.mov\nmade/2.mov\n"), done.output
    (clips / "made/2.mov").write_bytes(b"half")
    again = run(*command, "--resume")
    assert (again.exit_code, again.stdout) == (1, "made/2.mov\n") and "1 done, 1 failed, 1 skipped" in again.stderr, again.output


def test_several_clips_are_a_batch_without_batch_options(run: Run, clips: Path) -> None:
    command = ("video", "1.mp4", "2.mp4", "-o", "made/{stem}/%02d.png", "--model", "toy.pt", "--refine", "none", "--start-number", "5")
    done = run(*command, "--json")
    assert done.exit_code == 0 and "matte: 2 done, 0 failed, 0 skipped in " in done.stderr, done.output
    assert [json.loads(line)["output"] for line in done.stdout.splitlines()] == ["made/1/%02d.png", "made/2/%02d.png"]
    assert {"fps", "coverage", "peak_memory", "doubt", "rate"} <= json.loads(done.stdout.splitlines()[0]).keys()
    assert sorted(file.name for file in (clips / "made/2").glob("*.png")) == ["05.png", "06.png", "07.png", "08.png"]
    (clips / "made/2/08.png").unlink()
    kept = (clips / "made/2/06.png").stat().st_ino
    again = run(*command, "--resume")
    assert (again.exit_code, again.stdout) == (0, "made/2/%02d.png\n"), again.output
    assert (clips / "made/2/08.png").exists() and (clips / "made/2/06.png").stat().st_ino == kept, "its other pictures are kept"
    assert run(*command, "--resume", "--option", "gain=0.5").stdout == "made/1/%02d.png\nmade/2/%02d.png\n"
    assert (clips / "made/2/06.png").stat().st_ino != kept


def test_a_cutout_clip_keeps_its_own_matte_alone_and_in_a_batch(run: Run, clips: Path) -> None:
    assert run("video", "1.mp4", "-o", "cutout.mov", "--model", "toy.pt", "--refine", "none").exit_code == 0
    alone, batch = (
        json.loads(run("video", "cutout.mov", *more, "--as", "alpha", "-o", "a.mov", "--json").stdout) for more in ((), ("--workers", "1"))
    )
    assert any("own" in note for note in alone["notes"]) and batch["notes"] == alone["notes"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a clip, or --manifest"),
        (("1.mp4", "--shard", "3/2"), "--shard"),
        (("1.mp4", "--shard", "1/2", "--as", "alpha", "-o", "1.mp4"), "would overwrite"),
        (("1.mp4", "--manifest", "m.jsonl"), "drop one of them"),
        (("--manifest", "m.jsonl", "--preview", "p.png"), "of one clip"),
        (("-", "1.mp4", "-o", "made"), "is a stream, which is made alone"),
        (("--manifest", "m.jsonl"), "row 1"),
        (("--manifest", "strokes.jsonl"), "strokes are for photos"),
    ],
)
def test_contradicting_options_are_refused_before_any_work(run: Run, clips: Path, arguments: tuple[str, ...], said: str) -> None:
    (clips / "m.jsonl").write_text('{"input": "1.mp4", "output": "1.png.txt"}')
    (clips / "strokes.jsonl").write_text('{"input": "1.mp4", "output": "o.mov", "strokes": "s.png"}')
    done = run("video", *arguments)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1) and said in done.stderr, done.output
