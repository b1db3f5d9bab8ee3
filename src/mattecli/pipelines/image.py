"""The main job: read -> guide -> matte -> refine -> compose -> write, one photo at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.compositing.backdrop import Backdrop, notes_behind, plain_backdrop
from mattecli.compositing.foreground import estimate_foreground
from mattecli.compositing.layers import lay_levels_over, lay_over, own_where, with_alpha
from mattecli.compositing.over import mixed_over
from mattecli.core.clock import Clock
from mattecli.core.contract import Tunable
from mattecli.core.runtime import LoadedModel, to_array, to_host, to_tensor
from mattecli.core.tuning.memory_guard import Outcome, picture_in_work, run_within
from mattecli.core.tuning.parallelism import own_stream
from mattecli.core.usage import wait_for
from mattecli.guides.choose import DRAWN, SUBJECT, ModelChoice, read_guides
from mattecli.io.images import Photo, Pixels, holds_sixteen_bit, read_photo, write_image
from mattecli.matting.levels import interleave, to_levels, to_uint8
from mattecli.matting.screen import despill, hold_to_key
from mattecli.matting.trimap import trimap_from_alpha
from mattecli.pipelines.refine import AROUND_COARSE, AROUND_FOUND, retraced, tells_apart
from mattecli.pipelines.result import Result
from mattecli.pipelines.tensors import LastBackdrop, ToGuide, guide_tensor, seen_image
from mattecli.requests.photos import Job

# From this alpha on, the photo shows the subject alone.
SOLID = 1 - 0.5 / 255


@dataclass(frozen=True)
class Recipe:
    """How every picture of a run is made.

    kind: cutout | alpha | foreground | composite. backdrop: what a composite is laid over, and linear: whether light is mixed there, or
    encoded values. options: tunables of the model, by name. decontaminate: whether the old background is taken out of the colours.
    max_memory: bytes this process may hold, or the device's of them; None for all there are. tell: is told the peak expected.
    last_backdrop: has backdrops ready for composing.
    """

    choice: ModelChoice
    model: LoadedModel
    refiner: LoadedModel | None = None
    kind: str = "cutout"
    backdrop: Backdrop | None = None
    options: dict[str, Tunable] = field(default_factory=dict)
    linear: bool = True
    decontaminate: bool = True
    max_memory: int | None = None
    tell: Callable[[str], None] = lambda text: None
    last_backdrop: LastBackdrop = field(default_factory=LastBackdrop)


@dataclass(frozen=True)
class Matted:
    """A picture and its matte as tensors [1, C, H, W]: the model's foreground and the plate where there is one.

    pixels: the photo as it was read. image: its true colours. seen: it as models see it, the same tensor where nothing of it is
    transparent. alpha: the matte of what was seen. own: the photo's own transparency, or None. notes: what was changed for the lack of
    memory. expected: the peak of memory that was expected, in bytes.
    """

    pixels: Pixels
    image: Tensor
    seen: Tensor
    alpha: Tensor
    foreground: Tensor | None
    plate: Tensor | None
    own: Tensor | None = None
    notes: tuple[str, ...] = ()
    expected: int | None = None

    @property
    def cover(self) -> Tensor:
        """How much of the subject is to be seen: its matte, and never more than the photo showed."""
        return self.alpha if self.own is None else self.alpha * self.own


def process(job: Job, recipe: Recipe) -> Result:
    """Make one picture file. Raises MatteError for what the caller can mend; then nothing is written."""
    clock = Clock()
    with clock("read"):
        photo = read_photo(job.source)
    with picture_in_work(photo.size, recipe.model.device, recipe.max_memory):
        return _made(job, photo, recipe, clock)


def _made(job: Job, photo: Photo, recipe: Recipe, clock: Clock) -> Result:
    top = photo.top if holds_sixteen_bit(job.destination) else 255
    with clock("guide"):
        guides = read_guides(photo, job.guides, recipe.choice)
    matted = matte(photo, guides, recipe, clock=clock)
    with clock("compose"):
        picture = compose(matted, recipe, top=top, icc=photo.icc)
    with clock("write"):
        write_image(picture, job.destination, icc=photo.icc, dpi=photo.dpi)
    notes = (*photo.notes, *matted.notes, *doubts(matted.cover), *notes_behind(recipe.backdrop, photo.icc))
    return Result(job.source, job.destination, (photo.size[1], photo.size[0]), clock.split, notes, matted.expected)


def matte(photo: Photo, guides: Mapping[str, Pixels], recipe: Recipe, *, clock: Clock) -> Matted:
    """The matte a recipe finds for a photo and its guides, refined where the recipe says so."""
    return matte_all([photo], [guides], recipe, clock=clock)[0]


def matte_all(
    photos: Sequence[Photo],
    guides: Sequence[Mapping[str, Pixels]],
    recipe: Recipe,
    *,
    clock: Clock,
    to_guide: ToGuide = guide_tensor,
) -> list[Matted]:
    """The mattes of several photos of one size, in one pass through the model; `to_guide` is guide_tensor, or one that remembers."""
    device = recipe.model.device
    with own_stream(device):
        with clock("matte"):
            images = _batch([seen_image(photo, recipe.model) for photo in photos])
            options = suited(recipe.model, photos[0]) | recipe.options
            if recipe.choice.trimap_source == SUBJECT:
                guides = [_found(of, seen, recipe, options) for of, seen in zip(guides, images.split(1), strict=True)]
            tensors = {name: _batch([to_guide(name, of[name], recipe.model) for of in guides]) for name in guides[0]}
            outcome = run_within(recipe.model, images, tensors, options, limit=recipe.max_memory, tell=recipe.tell)
            if recipe.choice.trimap_source in DRAWN:
                outcome = replace(outcome, alpha=_as_drawn(outcome.alpha, tensors["trimap"]))
            wait_for(device.torch)
        mattes = [
            _finish(photo, _matted(photo, images, outcome, tensors.get("background"), slice(n, n + 1)), recipe, clock)
            for n, photo in enumerate(photos)
        ]
        wait_for(device.torch)  # they are composed in another thread
    return mattes


def _found(guides: Mapping[str, Pixels], image: Tensor, recipe: Recipe, options: Mapping[str, Tunable]) -> dict[str, Pixels]:
    """The guides of a subject that was found without a model, its rough outline traced anew."""
    rough = to_uint8(guides["trimap"])
    return {**guides, "trimap": retraced(rough, image, recipe.model, options, bands=AROUND_FOUND, limit=recipe.max_memory)}


def _as_drawn(alpha: Tensor, trimap: Tensor) -> Tensor:
    """A matte with what a person said is known: models that see a plate may think otherwise of it."""
    with torch.inference_mode():
        return torch.where(trimap == 0.5, alpha, trimap.to(alpha.dtype))


def _matted(photo: Photo, images: Tensor, outcome: Outcome, plates: Tensor | None, at: slice) -> Matted:
    seen, foreground, plate = images[at], _part(outcome.foreground, at), _part(plates, at)
    return Matted(photo.pixels, seen, seen, outcome.alpha[at], foreground, plate, notes=outcome.notes, expected=outcome.expected)


def _batch(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _part(tensors: Tensor | None, at: slice) -> Tensor | None:
    return None if tensors is None else tensors[at]


def _finish(photo: Photo, matted: Matted, recipe: Recipe, clock: Clock) -> Matted:
    """The matte refined where the recipe says so and within what the screen allows, with the photo's true colours and transparency."""
    with clock("refine"):
        if recipe.refiner is not None:
            matted = refine(matted, recipe.refiner, suited(recipe.refiner, photo), recipe)
    if recipe.choice.screen and matted.plate is not None:
        held = hold_to_key(to_array(matted.alpha), to_array(matted.seen), to_array(matted.plate))
        matted = replace(matted, alpha=_as_tensor(held, matted.alpha))
    if photo.alpha is not None:
        device = recipe.model.device
        matted = replace(matted, image=to_tensor(photo.pixels, device), own=to_tensor(photo.alpha, device))
    return matted


def suited(model: LoadedModel, photo: Photo) -> dict[str, Tunable]:
    """The tunables that suit the kind of file the photo came from; compression leaves noise that some models should not believe."""
    return dict(model.info.lossy_options) if photo.lossy else {}


def refine(matted: Matted, refiner: LoadedModel, options: Mapping[str, Tunable], recipe: Recipe) -> Matted:
    """Turn a coarse matte into a trimap and let a trimap model finish it, if there is anything to finish."""
    coarse = trimap_from_alpha(to_array(matted.alpha))
    trimap = retraced(coarse, matted.seen, refiner, options, bands=AROUND_COARSE, limit=recipe.max_memory)
    if not tells_apart(trimap):
        return matted
    guides = {"trimap": guide_tensor("trimap", trimap, refiner)}
    outcome = run_within(refiner, matted.seen, guides, options, limit=recipe.max_memory, tell=recipe.tell)
    expected = max(matted.expected or 0, outcome.expected or 0) or None
    return replace(matted, alpha=outcome.alpha, foreground=None, notes=matted.notes + outcome.notes, expected=expected)


def doubts(alpha: Tensor) -> tuple[str, ...]:
    """What a person should be told of a matte that can hardly be right."""
    share = float(alpha.mean())
    if share < 0.001:
        return ("the matte is all but empty: nothing was found; try another model or give a --trimap",)
    if share > 0.999:
        return ("the matte covers the whole picture: no background was found; try another model or give a --trimap",)
    return ()


def compose(matted: Matted, recipe: Recipe, *, top: int, seconds: float = 0.0, icc: bytes | None = None) -> Pixels:
    """The result in integers from 0 to `top` (255 or 65535).

    For a backdrop, `seconds` is the moment of a video, and `icc` the profile of the picture's colours.
    """
    # Until the integers have come to the host the GPU may read of the mattes, which the caller holds as long.
    with own_stream(recipe.model.device):
        return _composed(matted, recipe, top, seconds, icc)


def _composed(matted: Matted, recipe: Recipe, top: int, seconds: float, icc: bytes | None) -> Pixels:
    if recipe.kind == "alpha":
        return integers(top, matted.cover)
    as_deep = np.iinfo(matted.pixels.dtype).max == top
    if recipe.decontaminate and matted.foreground is not None and as_deep and matted.alpha.device.type == "cpu":
        return _composed_here(matted, matted.foreground, recipe, seconds=seconds, icc=icc)
    colours = true_colours(matted, recipe) if recipe.decontaminate else matted.image
    if recipe.kind == "foreground":
        return integers(top, colours)
    if recipe.kind == "composite":
        backdrop = recipe.backdrop or plain_backdrop("white")
        behind = backdrop.at((colours.shape[2], colours.shape[3]), seconds, icc=icc)
        if colours.device.type == "cuda":
            plane = recipe.last_backdrop.on(recipe.model.device, behind)
            return integers(top, mixed_over(colours.float(), matted.cover.float(), plane, linear=recipe.linear))
        front = interleave(list(colours[0].float().cpu().numpy()))
        return to_levels(lay_over(front, to_array(matted.cover), behind, linear=recipe.linear), top)
    return integers(top, colours, matted.cover)


def _composed_here(matted: Matted, foreground: Tensor, recipe: Recipe, *, seconds: float, icc: bytes | None) -> Pixels:
    """What compose makes of a predicted foreground, on the processor: where the photo's own colours are taken, so are its own integers."""
    own, predicted, solid = matted.pixels, _predicted(matted, foreground), to_array(matted.alpha) > SOLID
    top = int(np.iinfo(own.dtype).max)
    if recipe.kind == "composite":
        backdrop = (recipe.backdrop or plain_backdrop("white")).at((own.shape[0], own.shape[1]), seconds, icc=icc)
        soft, levels = predicted[0].float().numpy(), recipe.last_backdrop.levels(backdrop, top)
        return lay_levels_over(own, solid, soft, to_array(matted.cover), backdrop, levels, linear=recipe.linear)
    colours = own_where(solid, own, integers(top, predicted))
    return colours if recipe.kind == "foreground" else with_alpha(colours, integers(top, matted.cover))


def true_colours(matted: Matted, recipe: Recipe) -> Tensor:
    """The foreground: the model's where it predicts one, else estimated, without a screen's spill; the photo's own where alpha is 1."""
    with torch.inference_mode():
        if matted.foreground is None:
            colours = _estimated(matted)
            if not recipe.choice.screen or matted.plate is None:
                return colours
            return _as_tensor(despill(to_array(colours), to_array(matted.alpha), to_array(matted.plate)), colours)
        return torch.where(matted.alpha > SOLID, matted.image, _predicted(matted, matted.foreground))


def _predicted(matted: Matted, foreground: Tensor) -> Tensor:
    """A model's foreground, but for pixels that it saw half transparent: there it has predicted some of the grey it saw."""
    if matted.own is None:
        return foreground
    with torch.inference_mode():
        return torch.where(matted.own < 1, _estimated(matted), foreground)


def _estimated(matted: Matted) -> Tensor:
    """The foreground found from the photo and its matte; colours under hidden pixels are not of the scene and are filled in first."""
    image = matted.image
    if matted.own is not None:
        image = estimate_foreground(image, (matted.own > 0).to(image))
    return estimate_foreground(image, matted.alpha, background=matted.plate)


def _as_tensor(array: NDArray[np.float32], like: Tensor) -> Tensor:
    """An array [H, W] or [H, W, C] as a tensor [1, C, H, W] of the kind and device of another."""
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes))[None].to(like)


def integers(top: int, *parts: Tensor) -> Pixels:
    """Values [1, C, H, W] in 0..1, channels of several parts in a row, as the nearest integers from 0 to `top`.

    uint8 or uint16, [H, W] for one channel in all, else [H, W, C]. They are rounded where they lie, so that from a GPU bytes travel and
    not floats.
    """
    planes = [plane for part in parts for plane in part[0]]
    if planes[0].device.type == "cpu":
        return interleave([to_levels(plane.float().numpy(), top) for plane in planes])
    levels: Pixels = to_host(levels_of(planes, top)).numpy().view(np.uint8 if top == 255 else np.uint16)
    return levels[..., 0] if levels.shape[2] == 1 else levels


def levels_of(planes: Sequence[Tensor], top: int) -> Tensor:
    """Planes [H, W] of values in 0..1 as the nearest integers from 0 to `top`, [H, W, C]: uint8, or the bits of uint16 as int16."""
    with torch.inference_mode():
        levels = [(plane.float() * top).round_().clamp_(0, top) for plane in planes]
        if top == 255:
            return torch.stack([level.to(torch.uint8) for level in levels], dim=2)
        return torch.stack([level.to(torch.int32).to(torch.int16) for level in levels], dim=2)
