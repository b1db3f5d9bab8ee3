"""Small real clips for tests, and a second decoder: both are imageio-ffmpeg's ffmpeg program, another build and version than PyAV's.

Every frame of `numbered` carries its own index as a row of black and white squares, so a reader can be asked which frame it got.
"""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
Picture = NDArray[np.uint8]

SIZE: Size = (64, 96)
INDEX_BITS = 6
SCALING = "bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
PATCHES = np.array(
    [[255, 255, 255], [0, 0, 0], [128, 128, 128], [220, 40, 40], [40, 200, 60], [30, 60, 220], [230, 210, 50], [200, 60, 190]], np.uint8
)
_LAYOUTS = {"mono": "0.3*sin(880*PI*t)", "stereo": "0.3*sin(880*PI*t)|0.3*sin(660*PI*t)", "5.1": "|".join(["0.2*sin(880*PI*t)"] * 6)}
_made: dict[tuple[object, ...], bytes] = {}
_TAGS = {"bt709": "bt709", "bt601": "smpte170m", "bt2020": "bt2020nc"}


def numbered(index: int, size: Size = SIZE) -> Picture:
    """A frame [H, W, 3] whose top third spells `index` in squares (white is 1, highest bit left) over a block that walks right."""
    height, width = size
    picture = np.full((height, width, 3), (70, 90, 120), np.uint8)
    side = width // INDEX_BITS
    for bit in range(INDEX_BITS):
        picture[: height // 3, bit * side : (bit + 1) * side] = 255 * (index >> (INDEX_BITS - 1 - bit) & 1)
    left = (index * width // 16) % (width - width // 6)
    picture[height // 2 : height * 5 // 6, left : left + width // 6] = (220, 60, 40)
    return picture


def index_of(pixels: NDArray[np.unsignedinteger]) -> int:
    """The index that an upright RGB frame of `numbered` spells, read at the middle of each square; any size, 8 or 16 bit."""
    height, width = pixels.shape[:2]
    row, side = pixels[height // 6, :, 1], width // INDEX_BITS
    middle = int(np.iinfo(pixels.dtype).max) // 2
    return sum(1 << (INDEX_BITS - 1 - bit) for bit in range(INDEX_BITS) if row[bit * side + side // 2] > middle)


def patches(index: int, size: Size = SIZE) -> Picture:
    """The colours PATCHES in two rows of four flat fields."""
    height, width = size
    grid = PATCHES.reshape(2, 4, 3)[np.arange(height) * 2 // height]
    return np.ascontiguousarray(grid[:, np.arange(width) * 4 // width])


def patch_colours(pixels: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
    """The colours in the middle of the eight fields of `patches`, [8, 3] in the dtype's own levels."""
    height, width = pixels.shape[:2]
    rows, columns = [height // 4, height * 3 // 4], [width * (2 * i + 1) // 8 for i in range(4)]
    return np.array([pixels[y - 2 : y + 2, x - 2 : x + 2].mean(axis=(0, 1)) for y in rows for x in columns])


def ffmpeg(*arguments: str | Path, stdin: Iterable[bytes] | None = None, binary: bool = False) -> bytes | str:
    """Run the ffmpeg program without a word on the terminal; what it prints to stdout. Fails the test with its complaint otherwise."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, input=b"".join(stdin or ()), capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr.decode()}"
    return done.stdout if binary else done.stdout.decode()


def header_of(path: Path) -> str:
    """What the ffmpeg program says of a file's streams."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, check=False).stderr.decode()


def make_clip(
    path: Path,
    *,
    size: Size = SIZE,
    rate: Fraction | str = "25",
    frames: int = 12,
    picture: Callable[[int, Size], Picture] = numbered,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    matrix: str | None = None,
    full_range: bool | None = None,
    times: Sequence[int] | None = None,
    rotation: int = 0,
    flip: str | None = None,
    sounds: Sequence[str] = (),
    options: Sequence[str] = ("-g", "6"),
) -> Path:
    """Encode `frames` pictures to `path`, in the container its ending names, and return the path.

    size: (height, width) as stored, before rotation. pixels: the encoder's pixel format. matrix: bt601, bt709, bt2020 or None (bt601
    without a tag); full_range: None leaves limited range untagged. times: a time stamp for each frame in milliseconds, for a variable
    rate. rotation, flip: what the display matrix says (degrees counterclockwise; "h" or "v" before it). sounds: one of mono, stereo,
    5.1 for each sound stream. options: more output options of the ffmpeg program. The same clip is encoded once in a process.
    """
    settings = (path.suffix, size, rate, frames, picture, codec, pixels, matrix, full_range, rotation, flip)
    key = (*settings, None if times is None else tuple(times), tuple(sounds), tuple(options))
    if key in _made:
        path.write_bytes(_made[key])
        return path
    stored = path.with_name(f"stored_{path.name}") if rotation or flip else path
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[1]}x{size[0]}", "-r", str(rate), "-i", "-")
    sources = [part for layout in sounds for part in ("-f", "lavfi", "-i", f"aevalsrc={_LAYOUTS[layout]}:s=48000:c={layout}")]
    maps = [part for number in range(len(sounds) + 1) for part in ("-map", f"{number}:{'a' if number else 'v'}")]
    filters = _colour_filters(pixels, matrix, full_range) + _time_filters(times)
    coding = ("-c:v", codec, *_codec_options(codec), "-c:a", "aac", "-fps_mode", "passthrough", "-threads", "1")
    length = () if not sounds else ("-t", str(float(frames / Fraction(rate)) if times is None else times[-1] / 1000 + 0.1))
    pictures = (picture(index, size).tobytes() for index in range(frames))
    clock = ("-enc_time_base:v", "1/1000") if times is not None else ()
    ffmpeg(*raw, *sources, *maps, "-vf", ",".join(filters), *coding, *clock, *length, *options, stored, stdin=pictures)
    if stored is not path:
        flips = {None: (), "h": ("-display_hflip",), "v": ("-display_vflip",)}[flip]
        ffmpeg("-display_rotation", str(rotation), *flips, "-i", stored, "-map", "0", "-c", "copy", path)
        stored.unlink()
    _made[key] = path.read_bytes()
    return path


def cut_off(source: Path, path: Path, *, keep: float) -> Path:
    """A copy of `source` that ends after the share `keep` (0..1) of its bytes."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def stamps(path: Path, *, stream: str = "v:0") -> tuple[Fraction, list[int]]:
    """(time base, time stamps of the frames) as the ffmpeg program decodes them, in the stream's own ticks."""
    listing = ffmpeg(
        "-copyts", "-i", path, "-map", f"0:{stream}", "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framemd5", "-"
    )
    lines = str(listing).splitlines()
    base = next(line.split(": ")[1] for line in lines if line.startswith("#tb"))
    return Fraction(base), [int(line.split(",")[2]) for line in lines if not line.startswith("#")]


def pictures_of(path: Path, size: Size, *, deep: bool = False, options: Sequence[str] = ()) -> NDArray[np.unsignedinteger]:
    """All frames as the ffmpeg program decodes them: RGB [N, H, W, 3], uint8, or uint16 when `deep`; size: (height, width) upright.

    The options go before the output, for instance ("-vf", "alphaextract,format=rgb24") to see a clip's alpha.
    """
    output = ("-fps_mode", "passthrough", "-pix_fmt", "rgb48le" if deep else "rgb24", "-f", "rawvideo", "-")
    data = ffmpeg("-i", path, "-map", "0:v:0", "-sws_flags", SCALING, *options, *output, binary=True)
    return np.frombuffer(data, "<u2" if deep else np.uint8).reshape(-1, *size, 3)


def _colour_filters(pixels: str, matrix: str | None, full_range: bool | None) -> list[str]:
    """Convert with the matrix and range asked for, then set or wipe the tags."""
    if pixels.startswith(("rgb", "gbr", "bgr")):
        return [f"format={pixels}"]
    extent = "full" if full_range else "limited"
    scale = f"scale=out_color_matrix={matrix or 'bt601'}:out_range={extent}:out_chroma_loc=left:flags={SCALING}"
    tags = f"setparams=colorspace={_TAGS[matrix] if matrix else 'unknown'}:range={'unknown' if full_range is None else extent}"
    return [scale, f"format={pixels}", tags]


def _time_filters(times: Sequence[int] | None) -> list[str]:
    if times is None:
        return []
    return ["settb=1/1000", "setpts=" + "+".join(f"eq(N\\,{index})*{time}" for index, time in enumerate(times))]


def _codec_options(codec: str) -> tuple[str, ...]:
    """Near lossless, so that colours can be compared."""
    quality = {"libx264": ("-qp", "4"), "libx265": ("-x265-params", "qp=6:log-level=error"), "libx264rgb": ("-qp", "0")}
    return quality.get(codec, ("-q:v", "1") if codec in ("mpeg4", "mpeg2video", "mjpeg") else ())
