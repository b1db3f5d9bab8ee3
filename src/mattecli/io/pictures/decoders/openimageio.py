"""EXR, DPX and JPEG XL through OpenImageIO, which comes with the extra `formats`."""

import contextlib
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.pictures.decoders.decoded import Decoded, File, chosen_page, refuse_layer
from mattecli.io.pictures.decoders.exr_layers import choose_layer, layers_of
from mattecli.io.pictures.decoders.heif import stretched
from mattecli.io.pictures.formats import ENDINGS
from mattecli.io.pictures.light import Floats, Light, are_sound, counted, mended, shown
from mattecli.io.pictures.metadata import EXR_ATTRIBUTES, X_RESOLUTION_TAG, Y_RESOLUTION_TAG, Metadata, with_exif

SHORT = 256
"""Bytes; OpenImageIO takes shorter JPEG XL files for broken ones."""
_LOG_TRANSFERS, _LINEAR = ("Printing density", "Logarithmic"), "Linear"
# Cineon's printing density (Kodak, "Conversion of 10-bit log film data to 8-bit linear or video data", 1995): the codes of 10 bits of
# black and white, densities a code, and the film's gamma.
_BLACK, _WHITE, _DENSITY, _GAMMA = 95, 685, 0.002, 0.6


def check_installed(kind: str, name: str) -> None:
    """InputError, with what to do, where OpenImageIO is not installed."""
    if find_spec("OpenImageIO") is None:
        raise InputError(f"{name} is {kind}, which needs OpenImageIO; pip install 'mattecli[formats]'")


def decode_exr(file: File) -> Decoded:
    """The RGB(A) of an EXR file, or the requested layer, on the canvas of its display window."""
    chosen_page(file, 1)
    with _opened(file, "EXR") as picture:
        layer, told = choose_layer(layers_of(picture), file.pick.layer, file.name)
        spec = _at(picture, layer.part)
        if spec.deep:
            raise InputError(f"{file.name} holds several samples a pixel (deep data); flatten it first")
        canvas = (spec.full_height, spec.full_width)
        file.check(canvas, bits=32)
        file.check((spec.height, spec.width), bits=32)
        planes = np.dstack([_channel(picture, layer.part, channel) for channel in layer.channels])
        stated, metadata = spec.getattribute("chromaticities"), _metadata(spec)
    planes, bad = mended(_on_canvas(planes, (spec.y - spec.full_y, spec.x - spec.full_x), canvas))
    beyond = spec.width > canvas[1] or spec.height > canvas[0] or spec.x < spec.full_x or spec.y < spec.full_y
    notes = (
        *told,
        *((f"{bad} of its values are no finite numbers and were replaced",) if bad else ()),
        *(("its data reach beyond its display window, and what lies outside is cut off",) if beyond else ()),
    )
    return _lit(file, _light(planes, _chromaticities(stated)), metadata, notes)


def decode_dpx(file: File) -> Decoded:
    """A DPX file: logarithmic codes are converted to light, others are read as encoded."""
    refuse_layer(file)
    chosen_page(file, 1)
    with _opened(file, "DPX") as picture:
        spec = picture.spec()
        file.check((spec.height, spec.width), bits=16)
        if int(spec.getattribute("oiio:BitsPerSample") or 0) == 10 and spec.width * spec.nchannels % 3:
            # OpenImageIO 3.2 takes the last sample of each row from the wrong bits of its word.
            raise InputError(f"{file.name} has 10 bits and rows that end within a word, which is not read; save it as RGB or in 16 bits")
        levels = _filled(picture.read_image(0, 0, 0, spec.nchannels, "uint16"), int(spec.getattribute("oiio:BitsPerSample") or 16))
        transfer = spec.getattribute("dpx:Transfer") or spec.getattribute("dpx:Colorimetric")
    if levels is None or levels.shape[2] not in (1, 3, 4):
        raise InputError(f"{file.name} is damaged, or holds pixels of a kind that is not read; save it as RGB")
    if transfer not in (*_LOG_TRANSFERS, _LINEAR) or levels.shape[2] != 3 or file.as_levels:
        return Decoded(np.ascontiguousarray(levels))
    is_linear = transfer == _LINEAR
    light = Light(np.asarray(levels / np.float32(65535), np.float32) if is_linear else _from_log(levels))
    said = "linear" if is_linear else "logarithmic, and they are taken as Cineon's printing density"
    return Decoded(shown(light), notes=(f"its codes are {said}",), light=light)


def decode_jxl(file: File) -> Decoded:
    """A JPEG XL file, with its profile: 8 or 16 bits; floats are read as encoded."""
    refuse_layer(file)
    chosen_page(file, 1)
    with _opened(file, "JXL") as picture:
        spec = picture.spec()
        kind = "uint8" if str(spec.format) == "uint8" else "uint16"
        file.check((spec.height, spec.width), bits=8 if kind == "uint8" else 16)
        levels = picture.read_image(0, 0, 0, spec.nchannels, kind)
        profile = spec.getattribute("ICCProfile")
        narrowed = str(spec.format) not in ("uint8", "uint16")
    if levels is None or levels.shape[2] not in (1, 2, 3, 4):
        raise InputError(f"{file.name} is damaged or cut off; get a whole copy")
    notes = ("its floats are taken as 16 bits",) if narrowed else ()
    return Decoded(np.ascontiguousarray(levels), Metadata(icc=_bytes(profile)), lossy=True, notes=notes)


def stated_size(file: File, kind: str) -> tuple[int, int]:
    """The (height, width) of a file's canvas; of an EXR that of its first part."""
    with _opened(file, kind) as picture:
        spec = picture.spec()
        return (int(spec.full_height), int(spec.full_width)) if kind == "EXR" else (int(spec.height), int(spec.width))


def _filled(levels: Any, bits: int) -> Any:
    """16-bit levels whose lower bits are no zeros: some ways to store 10 and 12 bits come with zeros there, by which white is not white."""
    if levels is None or not 8 < bits < 16 or (levels & ((1 << 16 - bits) - 1)).any():
        return levels
    return stretched(levels >> 16 - bits, (1 << bits) - 1)


@contextlib.contextmanager
def _opened(file: File, kind: str) -> Iterator[Any]:
    """The file, opened by its content. OpenImageIO reads only files, and parses text after a ? in their names as settings."""
    check_installed(kind, file.name)
    import OpenImageIO

    with contextlib.ExitStack() as stack:
        place = file.path
        if place is None or "?" in place or len(file.data) < SHORT or Path(place).suffix.lower() not in ENDINGS[kind]:
            copy = stack.enter_context(tempfile.NamedTemporaryFile(prefix="matte-", suffix=ENDINGS[kind][0]))
            copy.write(file.data.ljust(SHORT, b"\0"))
            copy.flush()
            place = copy.name
        opened = OpenImageIO.ImageInput.open(place)
        if opened is None:
            said = OpenImageIO.geterror().partition("\n")[0].strip()
            raise InputError(f"{file.name} is damaged or cut off ({said}); get a whole copy")
        stack.callback(opened.close)
        yield opened


def _at(picture: Any, part: int) -> Any:
    picture.seek_subimage(part, 0)
    return picture.spec()


def _channel(picture: Any, part: int, channel: int) -> Floats:
    """One channel, float32 [H, W]."""
    plane = picture.read_image(part, 0, channel, channel + 1, "float")
    if plane is None:
        said = str(picture.geterror()).partition("\n")[0].strip()
        raise InputError(f"its pixels are damaged or cut off ({said}); get a whole copy")
    return np.asarray(plane[..., 0], np.float32)


def _on_canvas(planes: Floats, corner: tuple[int, int], size: tuple[int, int]) -> Floats:
    """Planes [h, w, C] placed at a corner (down, across) of a canvas of (height, width), 0 elsewhere."""
    if corner == (0, 0) and planes.shape[:2] == size:
        return planes
    canvas = np.zeros((*size, planes.shape[2]), np.float32)
    top, left = max(corner[0], 0), max(corner[1], 0)
    part = planes[top - corner[0] : size[0] - corner[0], left - corner[1] : size[1] - corner[1]]
    canvas[top : top + part.shape[0], left : left + part.shape[1]] = part
    return canvas


def _light(planes: Floats, chromaticities: tuple[float, ...] | None) -> Light:
    """Planes of grey, grey and alpha, RGB, or RGB and alpha."""
    count = planes.shape[2]
    colours = np.ascontiguousarray(planes[..., :3]) if count >= 3 else np.repeat(planes[..., :1], 3, axis=2)
    alpha = np.ascontiguousarray(planes[..., -1]).clip(0, 1) if count in (2, 4) else None
    return Light(colours, None if alpha is None or alpha.min() >= 1 else alpha, chromaticities)


def _chromaticities(stated: Any) -> tuple[float, ...] | None:
    values = tuple(float(value) for value in stated) if isinstance(stated, tuple) and len(stated) == 8 else None
    return values if values is not None and are_sound(values) else None


def _lit(file: File, light: Light, metadata: Metadata, notes: tuple[str, ...]) -> Decoded:
    return Decoded(counted(light) if file.as_levels else shown(light), metadata, notes=notes, light=light)


def _metadata(spec: Any) -> Metadata:
    """Camera, date and resolution."""
    exif = Image.Exif()
    for tag, name in EXR_ATTRIBUTES.items():
        if text := spec.getattribute(name):
            exif[tag] = str(text)
    across = spec.getattribute("XResolution")
    if across:
        aspect = float(spec.getattribute("PixelAspectRatio") or 1)
        exif[X_RESOLUTION_TAG], exif[Y_RESOLUTION_TAG] = float(across), float(across) * aspect
    return with_exif(Metadata(), exif)


def _from_log(codes: Any) -> Floats:
    """Codes of printing density as light: white is 1, and film reaches 13."""
    code = codes * np.float32(1023 / 65535)
    black = 10 ** ((_BLACK - _WHITE) * _DENSITY / _GAMMA)
    return np.asarray((10 ** ((code - _WHITE) * np.float32(_DENSITY / _GAMMA)) - black) / (1 - black), np.float32).clip(0, None)


def _bytes(value: Any) -> bytes | None:
    return np.asarray(value, np.uint8).tobytes() if value is not None and len(value) else None
