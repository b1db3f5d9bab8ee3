"""Compares what 21 commands on real photos and clips write at an earlier commit and at HEAD, byte for byte.

Each command runs in a fresh process, once with the sources of that commit and once with those of HEAD, on one thread, so that sums are
taken in one order. Compared are all files that it writes, and what it prints with its exit code (said.txt). For pictures that differ the
largest difference between pixel values is printed. Exit code 1 where anything differs.

Needs: a git checkout with that commit in its history; changes that are not committed are not compared. The shared test data: FOLDER/data
with photos and clips, and FOLDER/weights with the checkpoints of shm-fast and fdm-erd as a mirror (MATTE_SHARED, or ../shared). Nothing is
downloaded. It takes about 7 minutes on two cores and 300 MB in --keep, where the results of the earlier commit are kept, so that a second
comparison runs HEAD only.

Usage: python benchmarks/same_outputs.py COMMIT [--shared FOLDER] [--keep FOLDER] [--only PART_OF_A_NAME]
"""

import argparse
import filecmp
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CLIP = "video/synth_swing/clip.mp4"
STREET = ("video", "video/street_static.mp4", "--bg", "video/street_static_plate.png", "--end", "0.5")
COMMANDS = {
    "subject": ["image", "portraits/rembg_tiger.jpg", "-o", "OUT/cut.png"],
    "person": ["image", "portraits/people_112.jpg", "--model", "shm-fast", "-o", "OUT/cut.png"],
    "person-raw": ["image", "portraits/people_123.jpg", "--model", "fdm-erd", "--refine", "none", "--as", "alpha", "-o", "OUT/alpha.png"],
    "trimap": ["image", "eval/alphamatting_GT01.png", "--trimap", "eval/alphamatting_GT01_trimap.png", "-o", "OUT/cut.tif"],
    "closed-form": [
        *("image", "eval/alphamatting_GT03.png", "--model", "closed-form", "--trimap", "eval/alphamatting_GT03_trimap.png"),
        *("--as", "foreground", "-o", "OUT/fg.png"),
    ],
    "strokes": ["image", "eval/alphamatting_GT07.png", "--strokes", "strokes/alphamatting_GT07_strokes.png", "-o", "OUT/cut.png"],
    "mask": ["image", "portraits/animal_cat.jpg", "--mask", "portraits/animal_cat_mask.png", "-o", "OUT/cut.webp"],
    "plate": ["image", "plates/cup_cloth.jpg", "--bg", "plates/cup_cloth_plate.jpg", "-o", "OUT/cut.png"],
    "plate-closed-form": [
        *("image", "plates/triang_flowers.jpg", "--bg", "plates/triang_flowers_plate.jpg"),
        *("--model", "closed-form", "--as", "alpha", "-o", "OUT/alpha.png"),
    ],
    "screen": ["image", "greenscreen/green_hair.jpg", "--screen", "auto", "-o", "OUT/cut.png"],
    "over-colour": [
        "image",
        "portraits/animal_cat.jpg",
        "--trimap",
        "portraits/animal_cat_trimap.png",
        "--over",
        "orange",
        "-o",
        "OUT/o.jpg",
    ],
    "over-picture": [
        *("image", "eval/alphamatting_GT05.png", "--trimap", "eval/alphamatting_GT05_trimap.png", "--over", "portraits/rembg_car.jpg"),
        *("--blur", "1%", "-o", "OUT/o.png"),
    ],
    "over-gamma": [
        *("image", "eval/alphamatting_GT09.png", "--trimap", "eval/alphamatting_GT09_trimap.png", "--over", "#336699", "--gamma"),
        *("--decontaminate", "off", "-o", "OUT/o.png"),
    ],
    "tiles": [
        *("image", "eval/alphamatting_GT11.png", "--trimap", "eval/alphamatting_GT11_trimap.png", "--max-memory", "900M"),
        *("-o", "OUT/cut.png"),
    ],
    "composite": [
        *("composite", "eval/alphamatting_GT12.png", "--alpha", "eval/alphamatting_GT12_alpha.png", "--over", "teal"),
        *("-o", "OUT/o.png"),
    ],
    "plate-of-clip": ["plate", "video/street_static.mp4", "--end", "2", "--frames", "9", "-o", "OUT/plate.png"],
    "trimap-from-mask": ["trimap-from-mask", "portraits/people_130_mask.png", "-o", "OUT/trimap.png"],
    "trimap-from-strokes": [
        *("trimap-from-strokes", "eval/alphamatting_GT24.png", "strokes/alphamatting_GT24_strokes.png", "-o", "OUT/trimap.png"),
    ],
    "video-plate": [*STREET, "-o", "OUT/cut.mov"],
    "video-frames": [*STREET, "--smooth", "--every", "3", "-o", "OUT/%03d.png"],
    "video-over": ["video", CLIP, "--trimap", "TRIMAP", "--model", "closed-form", "--over", "white", "--end", "0.3", "-o", "OUT/o.mp4"],
}


def unpack(commit: str, folder: Path) -> Path:
    """The sources of a commit."""
    data = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def draw_trimap(file: Path, alpha: Path) -> None:
    """A wide trimap around the first frame's true alpha, still for all frames of a short part."""
    levels = cv2.imread(str(alpha), cv2.IMREAD_GRAYSCALE)
    band = np.ones((61, 61), np.uint8)
    trimap = np.full_like(levels, 128)
    trimap[cv2.erode(levels, band) == 255] = 255
    trimap[cv2.dilate(levels, band) == 0] = 0
    cv2.imwrite(str(file), trimap)


def run(tree: Path, command: list[str], out: Path, data: Path, home: Path) -> None:
    """One command with a tree's sources; its stdout and stderr are kept beside its files."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    verb, *rest = command  # a verb may have the name of a folder of the data
    words = [verb, *(str(data / word) if (data / word).exists() else word.replace("OUT", str(out)) for word in rest)]
    words = [str(home / "trimap.png") if word == "TRIMAP" else word for word in words]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree / "src"),
        "OMP_NUM_THREADS": "1",
        # The first command runs as on a fresh machine, with nothing in the cache.
        "MATTE_HOME": str(home / ("empty" if out.name == "subject" else "cache")),
        "MATTE_MIRROR": str(data.parent / "weights"),
    }
    done = subprocess.run([sys.executable, "-m", "mattecli", *words], env=environment, capture_output=True, text=True)
    said = (done.stdout + done.stderr).replace(str(out), "OUT")
    (out / "said.txt").write_text(f"{said}exit code {done.returncode}\n")


def differences(before: Path, after: Path) -> list[str]:
    """What differs between two folders, one line a file."""
    names = sorted({file.name for folder in (before, after) for file in folder.iterdir()})
    found = []
    for name in names:
        one, other = before / name, after / name
        if not (one.exists() and other.exists()):
            found.append(f"{name}: only {'before' if one.exists() else 'after'}")
        elif not filecmp.cmp(one, other, shallow=False):
            found.append(f"{name}: {_how(one, other)}")
    return found


def _how(one: Path, other: Path) -> str:
    if one.suffix == ".txt":
        return f"{one.read_text()!r} became {other.read_text()[-400:]!r}"
    pictures = [cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in (one, other)]
    if any(picture is None for picture in pictures) or pictures[0].shape != pictures[1].shape:
        return f"{one.stat().st_size} bytes became {other.stat().st_size}"
    apart = np.abs(pictures[0].astype(float) - pictures[1])
    return f"pixels differ by up to {apart.max():g}, in {100 * (apart > 0).mean():.3f} % of the values"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("MATTE_SHARED", ROOT.parent / "shared")))
    parser.add_argument("--keep", type=Path, default=Path("/tmp/same_outputs"), help="folder for both results")
    parser.add_argument("--only", default="", help="only the commands whose names hold this")
    asked = parser.parse_args()
    data, keep = (asked.shared / "data").resolve(), asked.keep.resolve()
    before, tree = keep / asked.commit, keep / "trees" / asked.commit
    if not tree.exists():
        unpack(asked.commit, tree)
    shutil.rmtree(keep / "trees" / "HEAD", ignore_errors=True)
    head = unpack("HEAD", keep / "trees" / "HEAD")
    draw_trimap(keep / "trimap.png", data / "video/synth_swing/alpha_0000.png")
    for model in ("shm-fast", "fdm-erd"):
        environment = {**os.environ, "MATTE_HOME": str(keep / "cache"), "MATTE_MIRROR": str(data.parent / "weights")}
        subprocess.run([sys.executable, "-m", "mattecli", "models", "pull", model], env=environment, check=True, capture_output=True)
    failed = False
    for name, command in COMMANDS.items():
        if asked.only not in name:
            continue
        if not (before / name / "said.txt").exists():
            run(tree, command, before / name, data, keep)
        run(head, command, keep / "now" / name, data, keep)
        found = differences(before / name, keep / "now" / name)
        failed |= bool(found)
        print(f"{name:20} {'; '.join(found) or 'the same'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
