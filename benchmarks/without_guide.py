"""How steady `matte video` is without a guide, and how far a mask of the first frame is followed.

steady: a talking person, `subject` refined by fusion, in a copy of the clip 480 pixels wide, in three ways: each frame alone, with the
median of three frames, and as it comes by default, which also holds what comes and goes. The mattes are made once and smoothed thrice.
change: mean |a(t) - a(t-1)| x1000; flicker: mean |a(t) - (a(t-1) + a(t+1)) / 2| x1000, which motion hardly raises; seconds are of the
processor, a frame. follow: a swinging figure with exact alpha; the mask is the first alpha above one half.

Usage: python benchmarks/without_guide.py FOLDER [--frames 16] [--json FILE]     FOLDER holds talk_two_scenes.mp4 and synth_swing/
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from mattecli.cli import process
from mattecli.compositing.output import OutputOptions
from mattecli.core import machine
from mattecli.io.images import write_image
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from mattecli.matting.temporal import smoothed
from mattecli.pipelines.video import process_clip
from mattecli.requests.clip import ClipRequest
from swing import Matte, clip_scores, read_mattes, recipe_for

WIDTH = 480


def small_copy(source: Path, path: Path, frames: int) -> list[np.ndarray]:
    """The first frames of a clip, WIDTH pixels wide, written to `path` without loss."""
    with open_clip(str(source)) as reader:
        size = (round(reader.clip.size[0] * WIDTH / reader.clip.size[1]), WIDTH)
        clip = replace(reader.clip, size=size)
        pictures = []
        with open_writer(str(path), kind="composite", clip=clip, sound=None) as writer:
            for frame, _ in zip(reader, range(frames), strict=False):
                pictures.append(cv2.resize(frame.pixels, size[::-1], interpolation=cv2.INTER_AREA))
                writer.write(pictures[-1], pts=frame.pts, duration=frame.duration)
    return pictures


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
    with tempfile.TemporaryDirectory() as scratch:
        pictures = small_copy(folder / "talk_two_scenes.mp4", Path(scratch) / "small.mkv", frames)
        mattes, seconds = mattes_of(Path(scratch) / "small.mkv", {}, "subject", smooth=False)
    ways = {"each frame alone": mattes}
    for name, hold in (("median of three", False), ("median and hold (the default)", True)):
        begin = time.process_time()
        ways[name] = [alpha for alpha, _ in smoothed(zip(pictures, mattes, mattes, strict=True), hold=hold)]
        smoothing = (time.process_time() - begin) / frames
    rows = [{"clip": "talk_two_scenes", "way": name, "frames": len(found), **steadiness(found)} for name, found in ways.items()]
    return [*rows, {"clip": "talk_two_scenes", "seconds a frame": round(seconds, 2), "of which smoothing": round(smoothing, 3)}]


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
    arguments = parser.parse_args()
    rows = [*steady_rows(arguments.folder, arguments.frames), *follow_rows(arguments.folder, arguments.frames)]
    print(*(json.dumps(row) for row in rows), sep="\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({**machine.describe(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
