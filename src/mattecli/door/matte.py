"""The result of a model: a matte as arrays, tensors, Pillow images or files."""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.compositing.backdrop import Backdrop, notes_behind
from mattecli.compositing.output import CUTOUT, OutputOptions
from mattecli.core.clock import Clock
from mattecli.core.runtime import to_array
from mattecli.core.tuning.parallelism import own_stream
from mattecli.door.inputs import ImageLike, open_backdrop
from mattecli.door.picture import made_in_light
from mattecli.errors import UsageError
from mattecli.io.images import STANDARD_STREAM, encode_image, write_image
from mattecli.io.pictures.beside import Beside
from mattecli.io.pictures.file_options import DEPTHS, FLOATS
from mattecli.io.pictures.light import Light
from mattecli.io.pictures.memory import to_pillow
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.matting.levels import to_uint8
from mattecli.pipelines.found import Found, doubts, found, unlikely
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.render import render_framed, true_colours
from mattecli.pipelines.tensors import Matted

if TYPE_CHECKING:
    from PIL.Image import Image

Plane = NDArray[np.float32]


class Matte:
    """The matte of one image, or of a batch of them that came as a tensor; what a Model returns.

    size: (height, width). bits: 8 or 16, of the image's channels. icc: the image's profile, or None (sRGB).
    model, refiner, finder: names, or None. weights, weights_sha256: the set of the model's weights, and their hash.
    guide: what the trimap was made from ("trimap", "strokes", "mask", "background", "screen"), or None. device, precision:
    where and how it was computed. notes: notes for the user. doubt: whether the matte is implausible; the notes say why.
    expected: bytes of peak memory that were expected, or None.
    """

    def __init__(self, mattes: Sequence[Matted], recipe: Recipe, clock: Clock, *, photo: Photo | None = None, like: Tensor | None = None):
        """mattes: one for each image. photo: the image as it was read, where it was no tensor. like: the tensor that it was."""
        self._mattes, self._recipe, self._clock, self._photo, self._like = mattes, recipe, clock, photo, like
        height, width = mattes[0].alpha.shape[2:]
        self.size = (int(height), int(width))
        self.bits = 16 if photo is not None and photo.top > 255 else 8
        self.icc = None if photo is None else photo.icc
        self.dpi = None if photo is None else photo.dpi
        self.model = recipe.model.info.name
        self.weights = recipe.model.info.weights
        self.weights_sha256 = recipe.model.info.checkpoint_sha256
        self.finder = recipe.model.finder.info.name if recipe.model.finder else None
        self.refiner = recipe.refiner.info.name if recipe.refiner else None
        self.guide = recipe.choice.trimap_source or None
        self.device, self.precision = str(recipe.model.device), recipe.model.precision
        self.expected = max((matted.expected or 0 for matted in mattes), default=0) or None
        self._doubts = tuple(dict.fromkeys(note for matted in mattes for note in _doubts(matted, recipe)))
        self.doubt = bool(self._doubts)
        changes = dict.fromkeys(note for matted in mattes for note in matted.notes)
        self.notes = (*(() if photo is None else photo.notes), *changes, *self._doubts)

    def __len__(self) -> int:
        return len(self._mattes)

    def __getitem__(self, index: int) -> "Matte":
        """The matte of one image of a batch."""
        like = None if self._like is None else self._like[index] if self._like.dim() == 4 else self._like
        return Matte([self._mattes[index]], self._recipe, self._clock, photo=self._photo, like=like)

    @cached_property
    def alpha(self) -> Any:
        """float32 [H, W] in 0..1; of a tensor a tensor on its device: [1, H, W] of [3, H, W], [B, 1, H, W] of [B, 3, H, W]."""
        return self._as_given([matted.cover for matted in self._mattes])

    @cached_property
    def foreground(self) -> Any:
        """The subject's own colours, straight and encoded as the image's: float32 [H, W, 3] in 0..1; of a tensor a tensor like it.

        They are the model's where it predicts them, else estimated.
        """
        with own_stream(self._recipe.model.device):
            return self._as_given([true_colours(matted) for matted in self._mattes])

    @cached_property
    def trimap(self) -> NDArray[np.uint8] | None:
        """The trimap that the last model was given, uint8 [H, W] of 0, 128 and 255; None where none was."""
        trimap = self._one.trimap
        return None if trimap is None else np.rint(to_array(trimap) * 255 + 0.25).astype(np.uint8)

    @cached_property
    def found(self) -> Found:
        """The assessment of the matte: its coverage, and the probabilities of a subject and of a person. str() of it is a sentence.

        Where the model has a finder, the probabilities are the finder's, and `box` is the part of the image that the model was given.
        """
        framed = self._one.framed
        return found(self._one.cover, self._one.verdict, None if framed is None else framed.box)

    @property
    def split(self) -> dict[str, float]:
        """Seconds of each step so far, by name: read, guide, matte, refine, compose, write."""
        return dict(self._clock.split)

    def cutout(self) -> "Image":
        """The subject as a Pillow image, 8-bit RGBA with straight alpha."""
        return to_pillow(to_uint8(self.pixels(CUTOUT, bits=8)), self.icc)

    def over(self, backdrop: "Backdrop | ImageLike", *, fit: str = "cover", blur: str | float = 0, linear: bool = True) -> "Image":
        """The subject over a backdrop, as a Pillow image, 8-bit RGB. backdrop: as open_backdrop takes it, or its result."""
        opened = backdrop if hasattr(backdrop, "at") else open_backdrop(backdrop, fit=fit, blur=blur)
        return to_pillow(to_uint8(self.pixels(OutputOptions("composite", opened, linear=linear), bits=8)), self.icc)

    def pixels(self, output: OutputOptions = CUTOUT, *, bits: int | None = None) -> Pixels:
        """The result of the options as uint8 or uint16 (bits: 8 or 16, None for the image's): [H, W], [H, W, 3] or [H, W, 4]."""
        with self._clock("compose"):
            return render_framed(self._one, output, top=65535 if (bits or self.bits) == 16 else 255, icc=self.icc)

    def light(self, output: OutputOptions = CUTOUT) -> Light | Plane:
        """The result of the options as floats: linear light, its colours multiplied by alpha, or for an alpha float32 [H, W].

        A picture of floats keeps them, however bright; another's colours become light.
        """
        with self._clock("compose"):
            return made_in_light(self._one, output, self._light, icc=self.icc)

    def save(self, destination: str | os.PathLike[str], output: OutputOptions = CUTOUT) -> None:
        """Write the result of the options, complete or not at all, with the image's profile and, where the format has it, its depth.

        The format follows the suffix; "-" is stdout, as PNG. Raises UsageError for a suffix that cannot hold it, OutputError.
        """
        path = os.fspath(destination)
        picture = self._picture(output, path)
        with self._clock("write"):
            beside = self._beside
            write_image(picture, path, icc=beside.icc, dpi=beside.dpi, exif=beside.exif, options=output.file)

    def encode(self, suffix: str = ".png", output: OutputOptions = CUTOUT) -> bytes:
        """The picture file that `save` would write, as bytes. suffix: such as ".png", or a file name with it."""
        picture = self._picture(output, suffix)
        with self._clock("write"):
            return encode_image(picture, suffix, self._beside, output.file)

    def _picture(self, output: OutputOptions, name: str) -> Pixels | Light | Plane:
        """The result of the options in the depth of a file of that name."""
        suffix = ".png" if name == STANDARD_STREAM else (Path(name).suffix or name).lower()
        depth = output.file.depth_of(suffix, self.bits, is_light=self._light is not None) if suffix in DEPTHS else "8"
        return self.light(output) if depth in FLOATS else self.pixels(output, bits=8 if depth == "8" else 16)

    @property
    def _light(self) -> Light | None:
        return None if self._photo is None else self._photo.light

    @property
    def _beside(self) -> Beside:
        return Beside(self.icc, self.dpi, None if self._photo is None else self._photo.exif)

    def notes_of(self, output: OutputOptions) -> tuple[str, ...]:
        """The notes on the matte and on the backdrop."""
        empty = output.framing.crop is not None and not output.invert and self.found.coverage == 0
        uncut = ("the matte is empty, so there is nothing to cut it to and all of it is shown",) if empty else ()
        return (*self.notes, *notes_behind(output.backdrop, self.icc), *uncut)

    def record(self) -> dict[str, Any]:
        """The record of the matte (model, weights, guide, device, times), as plain values for JSON.

        size is [width, height], box [left, top, width, height].
        """
        box = self.found.box
        return {
            "model": self.model,
            "weights": self.weights or None,
            "weights_sha256": self.weights_sha256,
            "guide": self.guide,
            "finder": self.finder,
            "refine": self.refiner,
            "quality": self._recipe.quality,
            "device": self.device,
            "precision": self.precision,
            "seconds": round(sum(self.split.values()), 4),
            "split": {step: round(seconds, 4) for step, seconds in self.split.items()},
            "size": [self.size[1], self.size[0]],
            "coverage": round(self.found.coverage, 4),
            "confidence": _rounded(self.found.confidence),
            "person": _rounded(self.found.person),
            "box": None if box is None else [box.left, box.top, box.width, box.height],
            "doubt": self.doubt,
            "expected_memory": self.expected,
            "notes": list(self.notes),
        }

    @property
    def _one(self) -> Matted:
        if len(self._mattes) != 1:
            raise UsageError(f"this is the matte of {len(self._mattes)} images; take one of them, as in matte[0]")
        return self._mattes[0]

    def _as_given(self, parts: Sequence[Tensor]) -> Any:
        """Tensors [1, C, H, W] in the form the image came in."""
        if self._like is None:
            return to_array(parts[0])
        batch = torch.cat([part.float() for part in parts]).to(self._like.device)
        return batch[0] if self._like.dim() == 3 else batch


def _doubts(matted: Matted, recipe: Recipe) -> tuple[str, ...]:
    return doubts(matted.cover, matted.verdict, guided=bool(recipe.choice.spec.guides)) or unlikely(matted)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
