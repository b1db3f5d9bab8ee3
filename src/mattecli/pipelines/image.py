"""The main job: read -> guide -> matte -> refine -> compose -> write, one photo at a time."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
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
    """Seconds spent in each step, by name, in order."""

    def __init__(self) -> None:
        self.split: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.add(step, time.perf_counter() - begin)

    def add(self, step: str, seconds: float) -> None:
        self.split[step] = self.split.get(step, 0.0) + seconds


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
    return matte_all([photo], [guides], recipe, clock=clock)[0]


def matte_all(photos: Sequence[Photo], guides: Sequence[Mapping[str, Pixels]], recipe: Recipe, *, clock: Clock) -> list[Matted]:
    """The mattes of several photos of one size, in one pass through the model."""
    with clock("matte"):
        images = torch.cat([seen_image(photo, recipe.matter) for photo in photos])
        tensors = {name: torch.cat([guide_tensor(name, of[name], recipe.matter) for of in guides]) for name in guides[0]}
        alphas, foregrounds = recipe.matter(images, tensors, suited(recipe.matter, photos[0]) | recipe.options)
        plates = tensors.get("background")
    return [
        _finish(photo, Matted(images[at], alphas[at], _part(foregrounds, at), _part(plates, at)), recipe, clock)
        for photo, at in zip(photos, (slice(n, n + 1) for n in range(len(photos))), strict=True)
    ]


def _part(tensors: Tensor | None, at: slice) -> Tensor | None:
    return None if tensors is None else tensors[at]


def _finish(photo: Photo, matted: Matted, recipe: Recipe, clock: Clock) -> Matted:
    """The matte refined where the recipe says so, and within the photo's own transparency."""
    with clock("refine"):
        if recipe.refiner is not None:
            alpha, refined = refine(matted.image, matted.alpha, recipe.refiner, suited(recipe.refiner, photo))
            matted = replace(matted, alpha=alpha, foreground=None if refined else matted.foreground)
    if photo.alpha is not None:
        matted = replace(matted, alpha=matted.alpha * to_tensor(photo.alpha, recipe.matter.device))
    return matted


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
    if recipe.kind == "alpha":
        return integers(matted.alpha, top)
    colours = true_colours(matted)
    if recipe.kind == "foreground":
        return integers(colours, top)
    if recipe.kind == "composite":
        backdrop = recipe.backdrop or plain_backdrop("white")
        size = (colours.shape[2], colours.shape[3])
        laid = lay_over(to_array(colours), to_array(matted.alpha), backdrop.at(size, seconds))
        return integers(torch.from_numpy(laid).permute(2, 0, 1)[None], top)
    return integers(torch.cat([colours, matted.alpha], 1), top)


def true_colours(matted: Matted) -> Tensor:
    """The foreground: the model's where it predicts one, else estimated; the photo's own pixels where alpha is 1."""
    with torch.inference_mode():
        if matted.foreground is None:
            return estimate_foreground(matted.image, matted.alpha, background=matted.plate)
        return torch.where(matted.alpha > 1 - 0.5 / 255, matted.image, matted.foreground)


def integers(values: Tensor, top: int) -> Pixels:
    """Values [1, C, H, W] in 0..1 as the nearest integers from 0 to `top`: uint8 or uint16, [H, W] (C = 1) or [H, W, C].

    They are rounded where they lie, so that from a GPU bytes travel and not floats.
    """
    with torch.inference_mode():
        levels = (values[0].float().clamp(0, 1) * top + 0.5).to(torch.uint8 if top == 255 else torch.int32)
        array = levels.permute(1, 2, 0).contiguous().cpu().numpy()
    array = array if top == 255 else array.astype(np.uint16)
    return array[..., 0] if array.shape[2] == 1 else array
