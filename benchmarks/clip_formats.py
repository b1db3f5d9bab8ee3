"""Every clip format written by this program and read by FFmpeg, and the other way round: frames, times, levels, and notes.

    python benchmarks/clip_formats.py

Clips are drawn: a soft square that moves over a transparent background, four frames of uneven durations. The clips' tables of
docs/formats.md and results/clip_formats.json are written. Differences are of any pixel and channel, the largest and the mean, in levels of
255; of cut-outs the colours are compared where they are opaque.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from formats import PAGE, ROOT, ffmpeg
from mattecli.errors import MatteError
from mattecli.io.clip_types import Clip
from mattecli.io.codecs import CODECS, CONTAINERS, Coding
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from pages import with_tables

RESULTS = ROOT / "benchmarks/results/clip_formats.json"
HEIGHT, WIDTH = 48, 64
BEGINS = (0, 2, 3, 7, 9)
CLIP = Clip("drawn", (HEIGHT, WIDTH), Fraction(1, 25), Fraction(25))
LAYOUTS = {1: "gray16le", 3: "rgb48le", 4: "rgba64le"}
NARROW = {1: "gray", 3: "rgb24", 4: "rgba"}
KINDS = {"cutout": 4, "composite": 3, "alpha": 1}
_READ = [
    (".mp4", "libx264", "yuv420p"),
    (".mp4", "libx264", "yuv420p10le"),
    (".mov", "libx264", "yuv444p"),
    (".mp4", "libx265", "yuv420p10le"),
    (".mkv", "libsvtav1", "yuv420p"),
    (".webm", "libvpx-vp9", "yuv420p"),
    (".webm", "libvpx-vp9", "yuva420p"),
    (".webm", "libvpx", "yuva420p"),
    (".mov", "prores_ks", "yuv422p10le"),
    (".mov", "prores_ks", "yuva444p10le"),
    (".mov", "qtrle", "argb"),
    (".mov", "png", "rgba64be"),
    (".mkv", "ffv1", "yuv420p"),
    (".mkv", "ffv1", "bgra"),
    (".mkv", "ffv1", "gbrap16le"),
    (".mkv", "ffv1", "gray16le"),
    (".avi", "utvideo", "gbrap"),
    (".avi", "mjpeg", "yuvj420p"),
    (".mpg", "mpeg2video", "yuv420p"),
    (".ts", "libx264", "yuv420p"),
    (".mxf", "dnxhd", "yuv422p"),
    (".nut", "rawvideo", "rgba"),
    (".y4m", "wrapped_avframe", "yuv444p"),
    (".gif", "gif", "rgb8"),
    (".apng", "apng", "rgba"),
    (".webp", "libwebp_anim", "bgra"),
]


@dataclass(frozen=True)
class Row:
    """One clip: how it is stored, its frames and times as they came back, and how far levels lie apart."""

    ending: str
    codec: str
    kind: str
    bits: int
    frames: int
    times: str
    colours: str
    alpha: str
    told: str


def drawn(index: int, channels: int, top: int) -> np.ndarray:
    """A soft square that moves, alpha last; the colours change smoothly."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    alpha = np.clip(14 - np.maximum(abs(rows - 24), abs(columns - 22 - 5 * index)), 0, 8) / 8
    planes = [0.2 + 0.5 * columns / WIDTH + index / 40, 0.3 + 0.4 * rows / HEIGHT, np.full_like(rows, 0.5), alpha]
    chosen = {1: planes[3:], 3: planes[:3], 4: planes}[channels]
    levels = np.rint(np.squeeze(np.dstack(chosen)) * top)
    return levels.astype(np.uint8 if top == 255 else np.uint16)


def written(folder: Path) -> Iterator[Row]:
    for ending, container in CONTAINERS.items():
        for codec in container.codecs:
            for kind, channels in KINDS.items():
                for bits in (8, 10):
                    if CODECS[codec].form(kind) is not None and ending != ".raw":
                        yield _written(folder / f"{codec}{bits}{kind}{ending}", codec, kind, channels, bits)


def _written(path: Path, codec: str, kind: str, channels: int, bits: int) -> Row:
    clip = replace(CLIP, bits=bits)
    frames = [drawn(index, channels, clip.top) for index in range(4)]
    try:
        with open_writer(str(path), kind=kind, clip=clip, sound=None, coding=Coding(codec)) as writer:
            for frame, begin, end in zip(frames, BEGINS[:-1], BEGINS[1:], strict=True):
                writer.write(frame, pts=begin, duration=end - begin)
    except MatteError as error:
        return Row(path.suffix, codec, kind, bits, 0, "", "", "", str(error))
    seen = _by_ffmpeg(path, channels, codec, bits)
    times = _times(path, codec)
    wanted = np.stack(frames).reshape(4, HEIGHT, WIDTH, channels) / clip.top * 255
    kept = "yes" if times == list(BEGINS[:-1]) else "no"
    return Row(path.suffix, codec, kind, bits, len(seen), kept, *_apart(seen[:4], wanted[: len(seen)]), "; ".join(writer.notes))


def _decoder(path: Path, codec: str) -> list[str]:
    """FFmpeg's own decoders of VP8 and VP9 drop the alpha."""
    library = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(codec)
    return ["-c:v", library] if library and path.suffix in (".webm", ".mkv") else []


def _by_ffmpeg(path: Path, channels: int, codec: str = "", bits: int = 16, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    layout = (NARROW if bits == 8 else LAYOUTS)[channels]
    shape = ["-fps_mode", "passthrough", "-pix_fmt", layout, "-sws_flags", "accurate_rnd+full_chroma_int+full_chroma_inp"]
    data = ffmpeg(*_decoder(path, codec), "-i", path, *shape, "-f", "rawvideo", "-")
    levels = np.frombuffer(data, np.uint8 if bits == 8 else "<u2").reshape(-1, *size, channels)
    return levels / np.iinfo(levels.dtype).max * 255


def _times(path: Path, codec: str) -> list[int]:
    """The frames' times in 25ths of a second."""
    listing = ffmpeg(*_decoder(path, codec), "-i", path, "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framemd5", "-")
    lines = listing.decode().splitlines()
    base = Fraction(next(line.split(": ")[1] for line in lines if line.startswith("#tb")))
    return [round(int(line.split(",")[2]) * base * 25) for line in lines if not line.startswith("#")]


def _apart(seen: np.ndarray, wanted: np.ndarray) -> tuple[str, str]:
    """Differences of colours and of alpha, as text; a single channel is an alpha."""
    apart = np.abs(seen - wanted)
    if wanted.shape[-1] == 1:
        return "", _said(apart)
    if wanted.shape[-1] == 3:
        return _said(apart), ""
    opaque = wanted[..., 3] == 255
    return _said(apart[..., :3][opaque]), _said(apart[..., 3])


def _said(apart: np.ndarray) -> str:
    return "none" if apart.max() < 0.02 else f"{apart.max():.1f}, mean {apart.mean():.2f}"


def read(folder: Path) -> Iterator[Row]:
    for ending, encoder, pixels in _READ:
        channels = 4 if "a" in pixels.replace("gray", "") else 3
        path = folder / f"read_{encoder}{pixels}{ending}"
        raw = b"".join(drawn(index, channels, 65535).astype("<u2").tobytes() for index in range(4))
        source = ["-f", "rawvideo", "-pix_fmt", LAYOUTS[channels], "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", "-"]
        if encoder == "dnxhd":
            source += ["-vf", "scale=1280:720", "-profile:v", "dnxhr_hq"]
        options = ["-auto-alt-ref", "0"] if encoder.startswith("libvpx") else []
        ffmpeg(*source, "-c:v", encoder, "-pix_fmt", pixels, *options, "-strict", "-1", path, data=raw)
        with open_clip(str(path)) as reader:
            frames = list(reader)
            bits, notes = reader.clip.bits, reader.notes
        top = 255 if bits == 8 else 65535
        colours = np.stack([frame.pixels for frame in frames]) / top * 255
        even = [frame.pts for frame in frames] == [frame.index * frames[0].duration + frames[0].pts for frame in frames]
        times = "yes" if even else "no"
        alpha = None if frames[0].alpha is None else np.stack([frame.alpha for frame in frames]) / top * 255
        coded = {"libvpx": "vp8", "libvpx-vp9": "vp9"}.get(encoder, "")
        seen = _by_ffmpeg(path, channels, coded, bits, colours.shape[1:3])
        of_alpha = "" if alpha is None or channels == 3 else _said(np.abs(alpha - seen[..., 3]))
        of_colours = _said(np.abs(colours - seen[..., :3]))
        yield Row(ending, encoder, pixels, bits, len(frames), times, of_colours, of_alpha, "; ".join(notes))


def table(rows: list[Row], kind: str) -> str:
    lines = [f"| ending | codec | {kind} | bits | frames | times kept | colours differ by | alpha differs by | told |", "|---" * 9 + "|"]
    for row in rows:
        cells = (row.ending, row.codec, row.kind, row.bits, row.frames or "-", row.times, row.colours, row.alpha, row.told)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = list(written(Path(scratch))), list(read(Path(scratch)))
    RESULTS.write_text(json.dumps({"written": [asdict(row) for row in ours], "read": [asdict(row) for row in theirs]}, indent=1) + "\n")
    made = sum(row.frames > 0 for row in ours)
    count = f"Written: {made} clips. Read: {len(theirs)} clips. Read and written by FFmpeg {imageio_ffmpeg.get_ffmpeg_version()}."
    tables = {"clips written": table(ours, "kind"), "clips read": table(theirs, "pixels"), "clips count": count}
    PAGE.write_text(with_tables(PAGE.read_text(), tables))
    print(count)


if __name__ == "__main__":
    main()
