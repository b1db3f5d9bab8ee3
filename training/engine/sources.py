"""The pictures that examples are made of, and pieces of them.

A folder of sources holds `sources.json`, which lists the files under "backgrounds" (photographs) and "foregrounds" (RGBA cut-outs with
straight alpha), each with its licence, and a folder `alpha_textures` of RGBA pictures of which only the alpha is used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattecli.errors import InputError
from training.engine.layers import Plane
from training.engine.textures import painted

Bytes = NDArray[np.uint8]
# Decoded pictures that a process keeps, and the largest long side they are kept at: about 3 MB each.
KEPT, LONG_SIDE = 160, 1280
# A crop is enlarged by this factor at most: more would show that it is blurred.
LARGEST_ZOOM = 1.25


@dataclass(frozen=True)
class Sources:
    """Picture files. Where a list is empty, what it would have given is made up instead."""

    backgrounds: tuple[Path, ...] = ()
    cutouts: tuple[Path, ...] = ()
    alpha_textures: tuple[Path, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Sources:
        """The sources in a folder. Raises InputError when it has no readable sources.json or a file of it is missing."""
        try:
            lists = json.loads((folder / "sources.json").read_text(encoding="utf-8"))
            backgrounds, cutouts = (tuple(folder / entry["file"] for entry in lists[name]) for name in ("backgrounds", "foregrounds"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder / 'sources.json'} does not list backgrounds and foregrounds ({error}); give a folder of sources"
            ) from error
        missing = [path for path in (*backgrounds, *cutouts) if not path.is_file()]
        if missing:
            raise InputError(f"{folder / 'sources.json'} lists {missing[0]}, which is missing; fetch it or take it off the list")
        return cls(backgrounds, cutouts, tuple(sorted((folder / "alpha_textures").glob("*.png"))))


@lru_cache(KEPT)
def picture(path: Path) -> Bytes:
    """A picture file: uint8 [H, W, 3] RGB or [H, W, 4] RGBA, shrunk to LONG_SIDE. Raises InputError when it is none."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise InputError(f"{path} is not a picture with 8-bit colours; remove it from the sources")
    scale = LONG_SIDE / max(pixels.shape[:2])
    if scale < 1 and pixels.shape[2] == 3:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[..., order])


def surface(rng: Generator, size: int, sources: Sources, *, made_up: float = 0.0) -> Plane:
    """A piece of a background photograph [size, size, 3], at any scale, perhaps mirrored; with the chance `made_up` (or without
    photographs) a painted surface."""
    if not sources.backgrounds or rng.random() < made_up:
        return painted(rng, size)
    photo = picture(sources.backgrounds[rng.integers(len(sources.backgrounds))])
    largest = min(photo.shape[:2])
    side = int(min(largest, np.exp(rng.uniform(np.log(size / LARGEST_ZOOM), np.log(max(largest, size))))))
    top, left = (rng.integers(0, length - side + 1) for length in photo.shape[:2])
    piece = photo[top : top + side, left : left + side][:, :: -1 if rng.random() < 0.5 else 1]
    way = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(piece), (size, size), interpolation=way).astype(np.float32) / np.float32(255)
