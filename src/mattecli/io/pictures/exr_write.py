"""EXR files by OpenImageIO: half or single precision floats of linear light, compressed without loss."""

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import OutputError, UsageError
from mattecli.io.pictures.beside import Beside
from mattecli.io.pictures.light import LARGEST_HALF, Floats, Light
from mattecli.io.pictures.metadata import EXR_ATTRIBUTES, loaded_exif


def check_exr(name: str) -> None:
    """UsageError where OpenImageIO is not here, with what to do."""
    if find_spec("OpenImageIO") is None:
        raise UsageError(f"{name}: EXR needs OpenImageIO; pip install 'mattecli[formats]', or choose .tif with `depth` float")


def encode_exr(picture: Light | Floats, stream: BinaryIO, beside: Beside, *, depth: str, straight: bool) -> None:
    """Write light as RGB or RGBA, or a matte [H, W] as Y; depth: half | float; straight: do not multiply colours by alpha."""
    names, planes = _planes(picture, straight=straight)
    if depth == "half":
        planes = planes.clip(-LARGEST_HALF, LARGEST_HALF)
    # OpenImageIO writes files alone.
    with tempfile.TemporaryDirectory(prefix="matte-") as folder:
        path = Path(folder) / "picture.exr"
        _write(path, planes, _spec(names, planes.shape, depth, picture, beside))
        stream.write(path.read_bytes())


def _planes(picture: Light | Floats, *, straight: bool) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    if not isinstance(picture, Light):
        return ("Y",), np.ascontiguousarray(picture[..., None])
    colours = picture.straight if straight else picture.colours
    if picture.alpha is None:
        return ("R", "G", "B"), np.ascontiguousarray(colours)
    return ("R", "G", "B", "A"), np.dstack([colours, picture.alpha])


def _spec(names: tuple[str, ...], shape: tuple[int, ...], depth: str, picture: Light | Floats, beside: Beside) -> Any:
    import OpenImageIO

    spec = OpenImageIO.ImageSpec(shape[1], shape[0], len(names), depth)
    spec.channelnames = names
    spec.attribute("compression", "zip")
    if isinstance(picture, Light) and picture.chromaticities is not None:
        spec.attribute("chromaticities", "float[8]", tuple(picture.chromaticities))
    if beside.dpi is not None:
        spec.attribute("XResolution", float(beside.dpi[0]))
        spec.attribute("YResolution", float(beside.dpi[1]))
        spec.attribute("ResolutionUnit", "in")
    exif = loaded_exif(beside.exif)
    for tag, name in EXR_ATTRIBUTES.items():
        if tag in exif:
            spec.attribute(name, str(exif[tag]))
    return spec


def _write(path: Path, planes: NDArray[np.float32], spec: Any) -> None:
    import OpenImageIO

    output = OpenImageIO.ImageOutput.create(str(path))
    if output is None or not output.open(str(path), spec) or not output.write_image(planes) or not output.close():
        said = str(output.geterror() if output is not None else OpenImageIO.geterror()).partition("\n")[0].strip()
        raise OutputError(f"the EXR encoder failed ({said}); try another format")
