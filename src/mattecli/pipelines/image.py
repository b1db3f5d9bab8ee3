"""The main job: read -> guide -> matte -> refine -> compose -> write, one photo at a time."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.core.contract import Tunable
from mattecli.core.runtime import Matter, to_array, to_tensor
from mattecli.io.images import Photo, Pixels, holds_sixteen_bit, read_photo, write_image
from mattecli.matting.compose import lay_over
from mattecli.matting.foreground import estimate_foreground
from mattecli.matting.trimap import trimap_from_alpha
from mattecli.pipelines.backdrop import Backdrop, plain_backdrop
from mattecli.pipelines.guides import Choice, read_guides
from mattecli.pipelines.plan import Job


@dataclass(frozen=True)
class Recipe:
    """How every picture of a run is made.

    kind: cutout | alpha | foreground | composite. backdrop: what a composite is laid over. options: tunables of the matter, by name.
    """

    choice: Choice
    matter: Matter
    refiner: Matter | None = None
    kind: str = "cutout"
    backdrop: Backdrop | None = None
    options: dict[str, Tunable] = field(default_factory=dict)


@dataclass(frozen=True)
class Matted:
    """A picture and its matte as tensors [1, C, H, W]: the model's foreground and the plate where there is one."""

    image: Tensor
    alpha: Tensor
    foreground: Tensor | None
    plate: Tensor | None


@dataclass(frozen=True)
class Result:
    """What was done for one picture: size is (width, height), split the seconds of each step, notes what a person should know."""

    source: str
    destination: str
    size: tuple[int, int]
    split: Mapping[str, float]
    notes: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return sum(self.split.values())


class Clock:
    """Seconds a step, by name, in order."""

    def __init__(self) -> None:
        self.split: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.split[step] = time.perf_counter() - begin


def process(job: Job, recipe: Recipe) -> Result:
    """Make one picture file. Raises MatteError for what the caller can mend; then nothing is written."""
    clock = Clock()
    with clock("read"):
        photo = read_photo(job.source)
    top = photo.top if holds_sixteen_bit(job.destination) else 255
    with clock("guide"):
        guides = read_guides(photo, job.guides, recipe.choice)
    matted = matte(photo, guides, recipe, clock=clock)
    with clock("compose"):
        picture = compose(matted, recipe, top=top)
    with clock("write"):
        write_image(picture, job.destination, icc=photo.icc)
    return Result(job.source, job.destination, (photo.size[1], photo.size[0]), clock.split, doubts(matted.alpha))


def matte(photo: Photo, guides: Mapping[str, Pixels], recipe: Recipe, *, clock: Clock) -> Matted:
    """The matte a recipe finds for a photo and its guides, refined where the recipe says so."""
    with clock("matte"):
        image = seen_image(photo, recipe.matter)
        tensors = {name: guide_tensor(name, pixels, recipe.matter) for name, pixels in guides.items()}
        alpha, foreground = recipe.matter(image, tensors, suited(recipe.matter, photo) | recipe.options)
    with clock("refine"):
        if recipe.refiner is not None:
            alpha, refined = refine(image, alpha, recipe.refiner, suited(recipe.refiner, photo))
            foreground = None if refined else foreground
    if photo.alpha is not None:
        alpha = alpha * to_tensor(photo.alpha, recipe.matter.device)
    return Matted(image, alpha, foreground, tensors.get("background"))


def seen_image(photo: Photo, matter: Matter) -> Tensor:
    """The photo as the model sees it, [1, 3, H, W]: parts its own alpha hides are mid-grey, not whatever lies under them."""
    image = to_tensor(photo.pixels, matter.device)
    if photo.alpha is None:
        return image
    own = to_tensor(photo.alpha, matter.device)
    return image * own + 0.5 * (1 - own)


def guide_tensor(name: str, pixels: Pixels, matter: Matter) -> Tensor:
    """A guide as the contract wants it; a trimap's 128 becomes exactly 0.5."""
    tensor = to_tensor(pixels, matter.device)
    return (tensor * 2).round() / 2 if name == "trimap" else tensor


def suited(matter: Matter, photo: Photo) -> dict[str, Tunable]:
    """The tunables that suit the kind of file the photo came from; compression leaves noise that some models should not believe."""
    return dict(matter.info.lossy_options) if photo.lossy else {}


def refine(image: Tensor, coarse: Tensor, refiner: Matter, options: Mapping[str, Tunable] | None = None) -> tuple[Tensor, bool]:
    """Turn a coarse matte into a trimap and let a trimap model finish it; returns (alpha, whether there was anything to finish)."""
    trimap = trimap_from_alpha(to_array(coarse))
    if not ((trimap == 255).any() and (trimap == 0).any() and (trimap == 128).any()):
        return coarse, False
    alpha, _ = refiner(image, {"trimap": guide_tensor("trimap", trimap, refiner)}, options)
    return alpha, True


def doubts(alpha: Tensor) -> tuple[str, ...]:
    """What a person should be told of a matte that can hardly be right."""
    share = float(alpha.mean())
    if share < 0.001:
        return ("the matte is all but empty: nothing was found; try another model or give a --trimap",)
    if share > 0.999:
        return ("the matte covers the whole picture: no background was found; try another model or give a --trimap",)
    return ()


def compose(matted: Matted, recipe: Recipe, *, top: int, seconds: float = 0.0) -> Pixels:
    """The result in integers from 0 to `top` (255 or 65535); `seconds` is the moment of a video, for a backdrop that moves."""
    flat = to_array(matted.alpha)
    if recipe.kind == "alpha":
        return integers(flat, top)
    colours = to_array(true_colours(matted))
    if recipe.kind == "foreground":
        return integers(colours, top)
    if recipe.kind == "composite":
        backdrop = recipe.backdrop or plain_backdrop("white")
        return integers(lay_over(colours, flat, backdrop.at((flat.shape[0], flat.shape[1]), seconds)), top)
    return np.dstack([integers(colours, top), integers(flat, top)])


def true_colours(matted: Matted) -> Tensor:
    """The foreground: the model's where it predicts one, else estimated; the photo's own pixels where alpha is 1."""
    with torch.inference_mode():
        if matted.foreground is None:
            return estimate_foreground(matted.image, matted.alpha, background=matted.plate)
        return torch.where(matted.alpha > 1 - 0.5 / 255, matted.image, matted.foreground)


def integers(values: NDArray[np.float32], top: int) -> Pixels:
    """Values in 0..1 as the nearest integers from 0 to `top`, uint8 or uint16."""
    dtype = np.uint8 if top == 255 else np.uint16
    return (np.clip(values, 0, 1) * top + 0.5).astype(dtype)
