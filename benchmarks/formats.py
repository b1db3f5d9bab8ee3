"""Every picture format read and written by this program and by a second one: what is equal, and by how much the rest differs.

    python benchmarks/formats.py

Pictures are drawn, written by FFmpeg, Pillow, OpenCV, tifffile, OpenImageIO, OpenEXR and libheif, and read by this program; what this
program writes is read by them. The tables of docs/formats.md and results/formats.json are written. A difference is the largest of any
pixel and channel, in levels of the format's own depth, and of floats relative to 1 or to the value, whichever is larger.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import OpenEXR
import OpenImageIO
import pillow_heif
import tifffile
from PIL import Image, ImageOps

from drawn_pictures import HEIGHT, MODELS, WIDTH, as_depth, drawn, light, multiplied, straight
from mattecli.io.images import read_photo, write_image
from mattecli.io.pictures.decoders.decoded import Pick
from mattecli.io.pictures.file_options import FileOptions
from mattecli.io.pictures.light import Light
from mattecli.io.pictures.photo import Photo
from pages import with_tables
from picture_variants import variants

ROOT = Path(__file__).resolve().parents[1]
PAGE, RESULTS = ROOT / "docs/formats.md", ROOT / "benchmarks/results/formats.json"
FORMATS = {
    ".jpg": "JPEG",
    ".png": "PNG",
    ".webp": "WebP",
    ".tif": "TIFF",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".heic": "HEIC",
    ".avif": "AVIF",
    ".jp2": "JPEG 2000",
    ".jxl": "JPEG XL",
    ".pnm": "PNM",
    ".pam": "PAM",
    ".dpx": "DPX",
    ".exr": "EXR",
}


@dataclass(frozen=True)
class Row:
    """One picture: its format, depth, channels, the other program, how it was stored, and how far the two readings lie apart."""

    format: str
    depth: str
    model: str
    program: str
    stored: str
    off: float
    lossy: bool = False
    told: str = ""


# ---- pictures of other programs -------------------------------------------------------------------------------------------------------


def ffmpeg(*arguments: str | Path, data: bytes | None = None) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=60).stdout


_RAW = {
    ("grey", 8): "gray",
    ("RGB", 8): "rgb24",
    ("RGBA", 8): "rgba",
    ("grey", 16): "gray16le",
    ("RGB", 16): "rgb48le",
    ("RGBA", 16): "rgba64le",
}
_FFMPEG = [
    (".png", 8, "grey", "gray"),
    (".png", 8, "RGB", "rgb24"),
    (".png", 8, "RGBA", "rgba"),
    (".png", 16, "grey", "gray16be"),
    (".png", 16, "RGB", "rgb48be"),
    (".png", 16, "RGBA", "rgba64be"),
    (".tif", 8, "grey", "gray"),
    (".tif", 8, "RGB", "rgb24"),
    (".tif", 8, "RGBA", "rgba"),
    (".tif", 16, "grey", "gray16le"),
    (".tif", 16, "RGB", "rgb48le"),
    (".tif", 16, "RGBA", "rgba64le"),
    (".bmp", 8, "RGB", "bgr24"),
    (".jp2", 8, "grey", "gray"),
    (".jp2", 8, "RGB", "rgb24"),
    (".jp2", 16, "RGB", "rgb48le"),
    (".jp2", 16, "grey", "gray16le"),
    (".jxl", 8, "grey", "gray"),
    (".jxl", 8, "RGB", "rgb24"),
    (".jxl", 8, "RGBA", "rgba"),
    (".jxl", 16, "RGB", "rgb48le"),
    (".jxl", 16, "RGBA", "rgba64le"),
    (".pnm", 8, "RGB", "rgb24"),
    (".pnm", 8, "grey", "gray"),
    (".pnm", 16, "RGB", "rgb48be"),
    (".pnm", 16, "grey", "gray16be"),
    (".pam", 8, "RGBA", "rgba"),
    (".pam", 8, "RGB", "rgb24"),
    (".pam", 16, "RGB", "rgb48be"),
    (".pam", 16, "RGBA", "rgba64be"),
    (".dpx", 8, "RGB", "rgb24"),
    (".dpx", 10, "RGB", "gbrp10le"),
    (".dpx", 12, "RGB", "gbrp12le"),
    (".dpx", 16, "RGB", "rgb48le"),
    (".avif", 8, "RGB", "gbrp"),
    (".avif", 10, "RGB", "gbrp10le"),
    (".avif", 12, "RGB", "gbrp12le"),
    (".webp", 8, "RGBA", "bgra"),
    (".jpg", 8, "RGB", "yuvj444p"),
]
_OPTIONS = {
    ".jp2": ["-c:v", "libopenjpeg", "-numresolution", "3"],
    ".jxl": ["-c:v", "libjxl", "-distance", "0"],
    ".avif": ["-c:v", "libaom-av1", "-still-picture", "1", "-crf", "0", "-cpu-used", "8"],
    ".webp": ["-lossless", "1"],
    ".jpg": ["-q:v", "1"],
    ".pnm": ["-c:v", "ppm"],
}


def of_ffmpeg(folder: Path) -> Iterator[Row]:
    for suffix, bits, model, pixels in _FFMPEG:
        source = drawn(model)
        raw = (source if bits > 8 else as_depth(source, 8)).astype("<u2" if bits > 8 else np.uint8)
        options = ["-c:v", "pgm"] if suffix == ".pnm" and model == "grey" else _OPTIONS.get(suffix, [])
        path = folder / f"ffmpeg{bits}{model}{suffix}"
        given = _RAW[model, 8 if bits == 8 else 16]
        if pixels.startswith("gbrp1"):  # as it is stored, for FFmpeg's scaler does not round to the nearest
            given, raw = pixels, np.moveaxis(source[..., [1, 2, 0]] >> (16 - bits), 2, 0).astype("<u2")
        size = ["-f", "rawvideo", "-pix_fmt", given, "-s", f"{WIDTH}x{HEIGHT}", "-i", "-"]
        muxer = ["-f", "image2"] if suffix == ".pnm" else []
        ffmpeg(*size, "-pix_fmt", pixels, *options, *muxer, path, data=raw.tobytes())
        yield _compared(path, bits, model, "FFmpeg", lossy=suffix in (".jpg", ".avif"), levels=_cut(source, bits))


def of_pillow(folder: Path) -> Iterator[Row]:
    lossy = {".jpg": {"quality": 100, "subsampling": 0}, ".avif": {"quality": 100, "subsampling": "4:4:4"}}
    plain = {".png": {}, ".tif": {}, ".bmp": {}, ".jp2": {}, ".pnm": {}, ".gif": {}, ".webp": {"lossless": True, "exact": True}}
    for suffix, options in {**plain, **lossy}.items():
        for model in MODELS:
            if model == "RGBA" and suffix in (".jpg", ".pnm", ".gif", ".bmp"):
                continue
            levels = as_depth(drawn(model), 8)
            if suffix == ".gif":
                levels = levels[..., :1] if model == "grey" else (levels // 51 * 51)  # 216 colours at most
            path = folder / f"pillow{model}{suffix}"
            picture = Image.fromarray(levels[..., 0] if model == "grey" else levels)
            if suffix == ".gif" and model == "RGB":
                picture = picture.quantize(256, dither=Image.Dither.NONE)
            picture.save(path, **({"format": "PPM"} if suffix == ".pnm" else {}), **options)
            yield _compared(path, 8, model, "Pillow", lossy=suffix in lossy, levels=levels.astype(np.uint16) * 257)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate"):
        path = folder / f"{compression}.tif"
        Image.fromarray(as_depth(drawn("RGB"), 8)).save(path, compression=compression)
        yield _compared(path, 8, "RGB", "Pillow", stored=compression.removeprefix("tiff_"))
    yield from _orientations(folder)


def _orientations(folder: Path) -> Iterator[Row]:
    levels = as_depth(drawn("RGB"), 8)
    for suffix in (".png", ".tif", ".webp", ".jpg"):
        for turn in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = turn
            path = folder / f"turned{turn}{suffix}"
            lossless = {"lossless": True} if suffix == ".webp" else {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
            Image.fromarray(levels).save(path, exif=exif.tobytes(), **lossless)
            with Image.open(path) as opened:
                upright = np.asarray(ImageOps.exif_transpose(opened).convert("RGB")).astype(np.uint16) * 257
            yield _compared(path, 8, "RGB", "Pillow", stored=f"orientation {turn}", levels=upright, lossy=suffix == ".jpg")


def of_opencv(folder: Path) -> Iterator[Row]:
    for suffix, bits in ((".png", 8), (".png", 16), (".tif", 8), (".tif", 16), (".jp2", 8), (".jp2", 16), (".pnm", 8), (".pnm", 16)):
        path = folder / f"opencv{bits}{suffix}"
        _write_opencv(path, as_depth(drawn("RGB"), bits), suffix)
        yield _compared(path, bits, "RGB", "OpenCV")
    for bits in (10, 12):
        for model in ("RGB", "RGBA"):
            path = folder / f"opencv{bits}{model}.avif"
            settings = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100, cv2.IMWRITE_AVIF_SPEED, 9]
            _write_opencv(path, as_depth(drawn(model), bits), ".avif", settings)
            yield _compared(path, bits, model, "OpenCV", lossy=True)


def _write_opencv(path: Path, levels: np.ndarray, suffix: str, settings: list[int] | None = None) -> None:
    order = levels[..., [2, 1, 0, 3][: levels.shape[2]]]
    done, data = cv2.imencode(".ppm" if suffix == ".pnm" else suffix, order, settings or [])
    assert done
    path.write_bytes(data.tobytes())


def of_libheif(folder: Path) -> Iterator[Row]:
    for bits in (8, 10, 12):
        for model in ("RGB", "RGBA"):
            levels = as_depth(drawn(model), 8) if bits == 8 else drawn(model)
            path = folder / f"heif{bits}{model}.heic"
            picture = pillow_heif.from_bytes(f"{model}" if bits == 8 else f"{model};16", (WIDTH, HEIGHT), levels.tobytes())
            pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
            picture.save(path, quality=-1, chroma=444, matrix_coefficients=0)
            kept = levels.astype(np.uint16) * 257 if bits == 8 else _stretched(levels >> (16 - bits), bits)
            yield _compared(path, bits, model, "libheif", levels=kept)


def _cut(levels: np.ndarray, bits: int) -> np.ndarray | None:
    """16-bit levels as programs that drop the lower bits make 10 or 12 of them, in 16 bits again; None for other depths."""
    return _stretched(levels >> (16 - bits), bits) if 8 < bits < 16 else None


def _stretched(levels: np.ndarray, bits: int) -> np.ndarray:
    return np.rint(levels * (65535 / (2**bits - 1))).astype(np.uint16)


def of_tifffile(folder: Path) -> Iterator[Row]:
    deep = drawn("RGB")
    ways: dict[str, dict[str, object]] = {
        "interleaved": {},
        "Deflate": {"compression": "adobe_deflate"},
        "tiles": {"tile": (16, 16)},
        "BigTIFF": {"bigtiff": True},
        "big-endian": {"byteorder": ">"},
    }
    for stored, options in ways.items():
        tifffile.imwrite(folder / f"{stored}.tif", deep, photometric="rgb", **options)
        yield _compared(folder / f"{stored}.tif", 16, "RGB", "tifffile", stored=stored)
    tifffile.imwrite(folder / "planes.tif", np.moveaxis(deep, 2, 0), photometric="rgb", planarconfig="separate")
    yield _compared(folder / "planes.tif", 16, "RGB", "tifffile", stored="a plane a channel")
    tifffile.imwrite(folder / "white.tif", 65535 - drawn("grey")[..., 0], photometric="miniswhite")
    yield _compared(folder / "white.tif", 16, "grey", "tifffile", stored="white is 0")
    for dtype in (np.float16, np.float32, np.float64):
        for model in MODELS:
            planes = light(model).astype(dtype)
            extra = {"extrasamples": ["unassalpha"]} if model == "RGBA" else {}
            path = folder / f"{dtype.__name__}{model}.tif"
            tifffile.imwrite(
                path, planes[..., 0] if model == "grey" else planes, photometric="minisblack" if model == "grey" else "rgb", **extra
            )
            yield _compared_light(path, model, "tifffile", planes.astype(np.float32), depth=dtype.__name__)


def of_openexr(folder: Path) -> Iterator[Row]:
    names = {"grey": "Y", "RGB": "RGB", "RGBA": "RGBA"}
    for way in ("ZIP", "ZIPS", "PIZ", "RLE", "NO"):
        for dtype in (np.float16, np.float32):
            for model in MODELS:
                planes = multiplied(light(model)).astype(dtype)
                path = folder / f"{way}{dtype.__name__}{model}.exr"
                header = {"compression": getattr(OpenEXR, f"{way}_COMPRESSION"), "type": OpenEXR.scanlineimage}
                OpenEXR.File(header, {names[model]: np.ascontiguousarray(planes[..., 0] if model == "grey" else planes)}).write(str(path))
                kept = straight(planes.astype(np.float32))
                yield _compared_light(path, model, "OpenEXR", kept, depth=dtype.__name__, stored=way.replace("NO", "none"))
    colours = light("RGB").astype(np.float16)
    layer = {f"beauty.{name}": np.ascontiguousarray(colours[..., place]) for place, name in enumerate("RGB")}
    depth = OpenEXR.Part({}, {"Z": np.ones((HEIGHT, WIDTH), np.float32)}, "depth")
    OpenEXR.File([depth, OpenEXR.Part({}, layer, "main")]).write(str(folder / "parts.exr"))
    yield _compared_light(folder / "parts.exr", "RGB", "OpenEXR", colours.astype(np.float32), depth="float16", stored="parts, a layer")


def of_openimageio(folder: Path) -> Iterator[Row]:
    for suffix, depths in ((".dpx", (8, 10, 12, 16)), (".jxl", (8, 16)), (".png", (8, 16)), (".tif", (8, 16))):
        for bits in depths:
            for model in ("RGB", "RGBA"):
                path = folder / f"oiio{bits}{model}{suffix}"
                if (suffix, bits, model) == (".dpx", 10, "RGBA"):  # refused: OpenImageIO reads the ends of its rows wrong
                    continue
                spec = OpenImageIO.ImageSpec(WIDTH, HEIGHT, MODELS[model], "uint8" if bits == 8 else "uint16")
                spec.attribute("oiio:BitsPerSample", bits)
                spec.attribute("oiio:UnassociatedAlpha", 1)
                spec.attribute("compression", "jpegxl:100" if suffix == ".jxl" else "zip")
                levels = as_depth(drawn(model), 8) if bits == 8 else drawn(model)
                written = OpenImageIO.ImageOutput.create(str(path))
                if not (written.open(str(path), spec) and written.write_image(levels) and written.close()):
                    raise RuntimeError(f"{path.name}: {written.geterror()}")
                yield _compared(path, bits, model, "OpenImageIO", lossy=suffix == ".jxl", levels=_cut(drawn(model), bits))


def of_variants(folder: Path) -> Iterator[Row]:
    for variant in variants(folder):
        path, model, program = variant.path, variant.model, variant.program
        if variant.levels.dtype == np.float32:
            yield _compared_light(path, model, program, straight(variant.levels), depth="float16", stored=variant.stored)
        else:
            kept = {"levels": variant.levels, "page": variant.page, "lossy": variant.lossy}
            yield _compared(path, variant.bits, model, program, stored=variant.stored, **kept)


def _compared(
    path: Path,
    bits: int,
    model: str,
    program: str,
    *,
    stored: str = "",
    lossy: bool = False,
    levels: np.ndarray | None = None,
    page: int = 1,
) -> Row:
    photo = read_photo(path, pick=Pick(page))
    seen = _planes(photo, model)
    wanted = drawn(model) if levels is None else levels
    top = int(np.iinfo(seen.dtype).max)
    off = np.abs(seen / top - wanted / 65535).max() * (2**bits - 1)
    half = 0.5 if levels is None and bits < 16 else 0.0  # the rounding of 16 bits to this depth is the program's
    apart = max(0.0, off - half - 0.02)  # what 16 bits leave of a level
    return Row(FORMATS[path.suffix], str(bits), model, program, stored, round(float(apart), 2), lossy, "; ".join(photo.notes))


def _planes(photo: Photo, model: str) -> np.ndarray:
    if model == "RGBA":
        assert photo.alpha is not None
        return np.dstack([photo.pixels, photo.alpha])
    return photo.pixels[..., :1] if model == "grey" else photo.pixels


def _compared_light(path: Path, model: str, program: str, wanted: np.ndarray, *, depth: str, stored: str = "") -> Row:
    photo = read_photo(path)
    assert photo.light is not None
    found = photo.light.straight[..., : min(3, MODELS[model])]
    planes = found if photo.light.alpha is None else np.dstack([found, photo.light.alpha])
    off = (np.abs(planes - wanted) / np.maximum(1, np.abs(wanted))).max()
    return Row(FORMATS[path.suffix], depth, model, program, stored, float(f"{off:.1e}"), told="; ".join(photo.notes))


# ---- pictures of ours -----------------------------------------------------------------------------------------------------------------


def by_openimageio(path: Path) -> np.ndarray:
    opened = OpenImageIO.ImageInput.open(str(path), _straight_config())
    return np.asarray(opened.read_image("float"))


def _straight_config() -> object:
    spec = OpenImageIO.ImageSpec()
    spec.attribute("oiio:UnassociatedAlpha", 1)
    return spec


def by_pillow(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        levels = np.asarray(opened.convert("RGBA" if opened.mode in ("RGBA", "LA") else "L" if opened.mode == "L" else "RGB"))
    return (levels if levels.ndim == 3 else levels[..., None]) / 255


def by_opencv(path: Path) -> np.ndarray:
    levels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    planes = levels[..., None] if levels.ndim == 2 else levels[..., [2, 1, 0, 3][: levels.shape[2]]]
    top = 255 if planes.dtype == np.uint8 else 1023 if path.suffix == ".avif" else 65535
    return planes if planes.dtype == np.float32 else planes / top


def by_ffmpeg(path: Path) -> np.ndarray:
    deep = "16" in path.stem
    data = ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "rgba64le" if deep else "rgba", "-")
    return np.frombuffer(data, "<u2" if deep else np.uint8).reshape(HEIGHT, WIDTH, 4) / (65535 if deep else 255)


def by_tifffile(path: Path) -> np.ndarray:
    planes = tifffile.imread(path)
    planes = planes[..., None] if planes.ndim == 2 else planes
    return planes if planes.dtype.kind == "f" else planes / np.iinfo(planes.dtype).max


def by_openexr(path: Path) -> np.ndarray:
    with OpenEXR.File(str(path)) as opened:
        (planes,) = (channel.pixels.astype(np.float32) for channel in opened.channels().values())
    return straight(planes[..., None] if planes.ndim == 2 else planes)


Reader = Callable[[Path], np.ndarray]
_READERS: dict[str, dict[str, Reader]] = {
    ".png": {"OpenCV": by_opencv, "FFmpeg": by_ffmpeg, "OpenImageIO": by_openimageio},
    ".tif": {"tifffile": by_tifffile, "OpenImageIO": by_openimageio, "FFmpeg": by_ffmpeg},
    ".webp": {"Pillow": by_pillow, "OpenImageIO": by_openimageio},
    ".jpg": {"Pillow": by_pillow, "FFmpeg": by_ffmpeg},
    ".bmp": {"Pillow": by_pillow, "FFmpeg": by_ffmpeg},
    ".avif": {"OpenCV": by_opencv, "Pillow": by_pillow},
    ".exr": {"OpenEXR": by_openexr},
}
_WRITTEN = {".png": (8, 16), ".tif": (8, 16), ".webp": (8,), ".jpg": (8,), ".bmp": (8,), ".avif": (8, 10)}


def written(folder: Path) -> Iterator[Row]:
    """What this program writes, as others read it."""
    for suffix, depths in _WRITTEN.items():
        for bits in depths:
            for model in MODELS:
                if model == "RGBA" and suffix in (".jpg", ".bmp"):
                    continue
                levels = as_depth(drawn(model), 8) if bits == 8 else drawn(model)
                path = folder / f"ours{bits}{model}{suffix}"
                lossy = suffix in (".jpg", ".avif")
                write_image(levels[..., 0] if model == "grey" else levels, path, options=FileOptions(quality=100 if lossy else None))
                for program, read in _READERS[suffix].items():
                    if (bits > 8 and program == "Pillow") or (suffix == ".tif" and program == "FFmpeg" and model == "RGBA"):
                        continue
                    yield _read_by(read, path, bits, model, program, levels / np.iinfo(levels.dtype).max, lossy=lossy)
    yield from _written_light(folder)


def _written_light(folder: Path) -> Iterator[Row]:
    for suffix, depth in ((".exr", "half"), (".exr", "float"), (".tif", "float")):
        for model in MODELS:
            planes = light(model)
            colours = multiplied(planes)
            picture = planes[..., 0] if model == "grey" else Light(colours[..., :3], colours[..., 3] if model == "RGBA" else None)
            path = folder / f"ours{depth}{model}{suffix}"
            write_image(picture, path, options=FileOptions(depth=depth))
            readers: dict[str, Reader] = {"OpenEXR": by_openexr} if suffix == ".exr" else {"tifffile": by_tifffile}
            for program, read in readers.items():
                off = (np.abs(read(path) - planes) / np.maximum(1, np.abs(planes))).max()
                yield Row(FORMATS[suffix], depth, model, program, "", float(f"{off:.1e}"))


def _read_by(read: Reader, path: Path, bits: int, model: str, program: str, wanted: np.ndarray, *, lossy: bool) -> Row:
    seen = read(path)
    seen = seen[..., : wanted.shape[2]] if seen.shape[2] > wanted.shape[2] else seen
    apart = np.abs(seen - wanted).max() * (2**bits - 1)
    half = 0.5 if bits == 10 else 0.0
    return Row(FORMATS[path.suffix], str(bits), model, program, "", round(float(max(0.0, apart - half - 1e-6)), 2), lossy)


# ---- the page -------------------------------------------------------------------------------------------------------------------------


def table(rows: list[Row], first: str) -> str:
    """One line a format and depth: which pictures, which programs, and how far apart at most."""
    lines = [f"| format | depth | {first} | pictures | channels | largest difference |", "|---|---|---|---|---|---|"]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.format, row.depth), []).append(row)
    for (name, depth), group in sorted(groups.items(), key=lambda pair: (list(FORMATS.values()).index(pair[0][0]), _order(pair[0][1]))):
        programs = ", ".join(dict.fromkeys(row.program for row in group))
        models = ", ".join(model for model in MODELS if any(row.model == model for row in group))
        lines.append(f"| {name} | {depth} | {programs} | {len(group)} | {models} | {_difference(group, depth)} |")
    return "\n".join(lines)


def _order(depth: str) -> int:
    return int(depth) if depth.isdigit() else 100 + len(depth)


def _difference(group: list[Row], depth: str) -> str:
    most = max(row.off for row in group)
    if not depth.isdigit():
        return "none" if most == 0 else f"{most:.0e} of the value"
    said = "none" if most == 0 else f"{most:g} levels"
    return f"{said} (lossy)" if most and all(row.lossy for row in group) else said


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        makers = (of_ffmpeg, of_pillow, of_opencv, of_libheif, of_tifffile, of_openexr, of_openimageio, of_variants)
        read = [row for maker in makers for row in maker(folder)]
        ours = list(written(folder))
    versions = {"OpenImageIO": OpenImageIO.VERSION_STRING, "OpenEXR": OpenEXR.__version__, "libheif": pillow_heif.libheif_version()}
    versions |= {"Pillow": Image.__version__, "OpenCV": cv2.__version__, "tifffile": tifffile.__version__}
    versions |= {"FFmpeg": imageio_ffmpeg.get_ffmpeg_version(), "Python": sys.version.split()[0]}
    RESULTS.write_text(
        json.dumps({"versions": versions, "read": [vars(row) for row in read], "written": [vars(row) for row in ours]}, indent=1) + "\n"
    )
    tables = {
        "read": table(read, "written by"),
        "written": table(ours, "read by"),
        "count": f"Read: {len(read)} pictures of other programs. Written: {len(ours)} comparisons with other readers. Versions: "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".",
    }
    PAGE.write_text(with_tables(PAGE.read_text(), tables))
    print(tables["count"])


if __name__ == "__main__":
    main()
