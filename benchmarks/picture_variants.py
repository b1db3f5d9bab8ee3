"""Pictures as formats store them less often: further pages and frames, palettes, one bit a pixel, progressive, tiled."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR
import tifffile
from PIL import Image

from drawn_pictures import as_depth, drawn, light, multiplied


@dataclass(frozen=True)
class Variant:
    """A written file, who wrote it and how it is stored; `levels` are 16 bits or floats of light, [H, W, C], with straight alpha."""

    path: Path
    bits: int
    model: str
    program: str
    stored: str
    levels: np.ndarray
    page: int = 1
    lossy: bool = False


def variants(folder: Path) -> Iterator[Variant]:
    """All of them, written into a folder."""
    yield from _pages(folder)
    yield from _palettes(folder)
    yield from _bits(folder)
    yield from _progressive(folder)
    yield from _exr(folder)


def _turned(levels: np.ndarray, quarters: int) -> np.ndarray:
    """The picture turned by half turns, so that pages differ and have one size."""
    return np.ascontiguousarray(np.rot90(levels, 2 * quarters))


def _pages(folder: Path) -> Iterator[Variant]:
    bytes_, deep = as_depth(drawn("RGB"), 8), drawn("RGB")
    pages = [Image.fromarray(_turned(bytes_, page)) for page in range(3)]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    tifffile.imwrite(folder / "deep_pages.tif", np.stack([_turned(deep, page) for page in range(3)]), photometric="rgb")
    steps = as_depth(drawn("RGB"), 8) // 51 * 51  # 216 colours at most
    frames = [Image.fromarray(_turned(steps, page)).quantize(256, dither=Image.Dither.NONE) for page in range(3)]
    frames[0].save(folder / "frames.gif", save_all=True, append_images=frames[1:])
    for page in range(3):
        yield Variant(folder / "pages.tif", 8, "RGB", "Pillow", f"page {page + 1}", _wide(_turned(bytes_, page)), page + 1)
        yield Variant(folder / "deep_pages.tif", 16, "RGB", "tifffile", f"page {page + 1}", _turned(deep, page), page + 1)
        yield Variant(folder / "frames.gif", 8, "RGB", "Pillow", f"frame {page + 1}", _wide(_turned(steps, page)), page + 1)


def _wide(levels: np.ndarray) -> np.ndarray:
    return levels.astype(np.uint16) * 257


def _palettes(folder: Path) -> Iterator[Variant]:
    steps = as_depth(drawn("RGB"), 8) // 51 * 51
    indexed = Image.fromarray(steps).quantize(256, dither=Image.Dither.NONE)
    for suffix in (".png", ".tif", ".bmp"):
        indexed.save(folder / f"palette{suffix}")
        yield Variant(folder / f"palette{suffix}", 8, "RGB", "Pillow", "palette", _wide(steps))
    alphas = bytes(255 - place % 128 for place in range(256))
    indexed.save(folder / "clear.png", transparency=alphas)
    alpha = np.frombuffer(alphas, np.uint8)[np.asarray(indexed)]
    yield Variant(folder / "clear.png", 8, "RGBA", "Pillow", "palette with alpha", _wide(np.dstack([steps, alpha])))
    grey = as_depth(drawn("RGBA"), 8)[..., [0, 3]]
    Image.fromarray(grey, "LA").save(folder / "grey_alpha.png")
    yield Variant(folder / "grey_alpha.png", 8, "RGBA", "Pillow", "grey with alpha", _wide(grey[..., [0, 0, 0, 1]]))


def _bits(folder: Path) -> Iterator[Variant]:
    black = as_depth(drawn("grey"), 8)[..., 0] > 100
    for suffix, stored, options in (
        (".png", "1 bit", {}),
        (".bmp", "1 bit", {}),
        (".tif", "fax, group 4", {"compression": "group4"}),
    ):
        Image.fromarray(black).save(folder / f"bits{suffix}", **options)
        yield Variant(folder / f"bits{suffix}", 8, "grey", "Pillow", stored, _wide(black[..., None].astype(np.uint8) * 255))


def _progressive(folder: Path) -> Iterator[Variant]:
    for model in ("grey", "RGB"):
        levels = as_depth(drawn(model), 8)
        path = folder / f"progressive{model}.jpg"
        Image.fromarray(levels[..., 0] if model == "grey" else levels).save(path, quality=100, subsampling=0, progressive=True)
        yield Variant(path, 8, model, "Pillow", "progressive", _wide(levels), lossy=True)


def _exr(folder: Path) -> Iterator[Variant]:
    """Half floats in tiles, and packed by PXR24, which keeps all of their bits."""
    for stored, header in (
        ("tiles", {"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription(), "compression": OpenEXR.ZIP_COMPRESSION}),
        ("PXR24", {"type": OpenEXR.scanlineimage, "compression": OpenEXR.PXR24_COMPRESSION}),
    ):
        for model, name in (("grey", "Y"), ("RGB", "RGB"), ("RGBA", "RGBA")):
            planes = np.ascontiguousarray(multiplied(light(model)).astype(np.float16))
            path = folder / f"{stored}{model}.exr"
            OpenEXR.File(header, {name: planes[..., 0] if model == "grey" else planes}).write(str(path))
            yield Variant(path, 16, model, "OpenEXR", stored, planes.astype(np.float32))
