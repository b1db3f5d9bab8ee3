"""How steady `matte video` is without a guide, and how far a mask of the first frame is followed.

steady: a talking person, `subject` refined by fusion, in a copy of the clip 480 pixels wide, in its calm scene and in that with things
around her, each frame alone and as it comes by default. change: mean |a(t) - a(t-1)| x1000; flicker: mean
|a(t) - (a(t-1) + a(t+1)) / 2| x1000, which motion hardly raises; seconds are of the processor, a frame. follow: a swinging figure with
exact alpha; the mask is the first alpha above one half.

Usage: python benchmarks/without_guide.py FOLDER [--frames 16] [--json benchmarks/results/without_guide.json] [--page]
FOLDER holds talk_two_scenes.mp4 and synth_swing/; --page writes the table of docs/measured.md.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from mattecli.cli import process
from mattecli.compositing.output import OutputOptions
from mattecli.core import machine
from mattecli.io.images import write_image
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from mattecli.pipelines.video import process_clip
from mattecli.requests.clip import ClipRequest
from pages import PAGE_OF_NUMBERS, with_tables
from swing import Matte, clip_scores, read_mattes, recipe_for
from weights import table

WIDTH = 480
SCENES = {"calm": 0, "with things around": 34}
"""The first frame of each."""
WAYS: dict[str, dict[str, object]] = {"each frame alone (`--no-smooth`)": {"smooth": False}, "the default": {}}


def small_copy(source: Path, path: Path, frames: int, *, first: int = 0) -> None:
    """So many frames of a clip from the `first` on, WIDTH pixels wide, written to `path` without loss."""
    with open_clip(str(source)) as reader:
        size = (round(reader.clip.size[0] * WIDTH / reader.clip.size[1]), WIDTH)
        clip = replace(reader.clip, size=size)
        with open_writer(str(path), kind="composite", clip=clip, sound=None) as writer:
            for frame in islice(reader, first, first + frames):
                writer.write(cv2.resize(frame.pixels, size[::-1], interpolation=cv2.INTER_AREA), pts=frame.pts, duration=frame.duration)


def mattes_of(clip: Path, given: dict[str, str], model: str, **settings: object) -> tuple[list[Matte], float]:
    """The mattes of a clip, and seconds of the processor a frame."""
    with tempfile.TemporaryDirectory() as folder:
        request = ClipRequest(str(clip), f"{folder}/%05d.png", given, **settings)
        recipe = recipe_for(model, given)
        begin = time.process_time()
        result = process_clip(request, recipe, OutputOptions("alpha"))
        return read_mattes(Path(folder), "*.png"), (time.process_time() - begin) / result.frames


def steadiness(mattes: list[Matte]) -> dict[str, float]:
    stack = np.stack(mattes)
    change = np.abs(np.diff(stack, axis=0)).mean(axis=(1, 2))
    flicker = np.abs(stack[1:-1] - (stack[:-2] + stack[2:]) / 2).mean(axis=(1, 2))
    return {
        "change x1000": round(1e3 * float(change.mean()), 2),
        "flicker x1000": round(1e3 * float(flicker.mean()), 2),
        "worst": round(1e3 * float(flicker.max()), 2),
    }


def steady_rows(folder: Path, frames: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for scene, first in SCENES.items():
        with tempfile.TemporaryDirectory() as scratch:
            small_copy(folder / "talk_two_scenes.mp4", Path(scratch) / "small.mkv", frames, first=first)
            for way, settings in WAYS.items():
                mattes, seconds = mattes_of(Path(scratch) / "small.mkv", {}, "subject", **settings)
                found = {"frames": len(mattes), **steadiness(mattes), "seconds a frame": round(seconds, 2)}
                rows.append({"clip": "talk_two_scenes", "scene": scene, "way": way, **found})
    return rows


def markdown(rows: list[dict[str, object]]) -> str:
    """One line a scene and way."""
    keys = ("frames", "change x1000", "flicker x1000", "worst", "seconds a frame")
    lines = [[f"{row['scene']}, {row['way']}", *(str(row[key]) for key in keys)] for row in rows if "scene" in row]
    return table(["scene", *keys], lines).rstrip()


def follow_rows(folder: Path, frames: int) -> list[dict[str, object]]:
    swing = folder / "synth_swing"
    true = read_mattes(swing, "alpha_*.png")[:frames]
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        small_copy(swing / "clip.mp4", Path(scratch) / "part.mkv", len(true))
        write_image(np.where(true[0] > 0.5, 255, 0).astype(np.uint8), Path(scratch) / "mask.png")
        for follow in ("off", "on"):
            found, seconds = mattes_of(Path(scratch) / "part.mkv", {"mask": f"{scratch}/mask.png"}, "fusion", follow=follow)
            overlaps = [float(((a > 0.5) & (b > 0.5)).sum() / ((a > 0.5) | (b > 0.5)).sum()) for a, b in zip(found, true, strict=True)]
            scores = {"MAD x1000": round(clip_scores(found, true, "mad")["mad"], 2)}
            scores |= {"IoU": round(float(np.mean(overlaps)), 3), "least IoU": round(min(overlaps), 3)}
            rows.append({"clip": "synth_swing", "follow": follow, "frames": len(found), **scores, "seconds a frame": round(seconds, 2)})
    return rows


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", action="store_true", help="write the table of docs/measured.md")
    arguments = parser.parse_args()
    rows = [*steady_rows(arguments.folder, arguments.frames), *follow_rows(arguments.folder, arguments.frames)]
    print(*(json.dumps(row) for row in rows), sep="\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({**machine.describe(), "rows": rows}, indent=1) + "\n")
    if arguments.page:
        PAGE_OF_NUMBERS.write_text(with_tables(PAGE_OF_NUMBERS.read_text(), {"steadiness": markdown(rows)}))


if __name__ == "__main__":
    main()
