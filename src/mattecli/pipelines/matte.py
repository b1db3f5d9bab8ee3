"""From pictures and guides to mattes: model, refinement and screen key, in one pass for several pictures of one size."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.core.clock import Clock
from mattecli.core.contract import Tunable
from mattecli.core.finder.companion import with_companions
from mattecli.core.finder.subject_box import Framed, haze, run_in_boxes
from mattecli.core.runtime import Device, LoadedModel, to_array, to_tensor
from mattecli.core.tuning.memory_guard import Outcome, run_within
from mattecli.core.tuning.parallelism import own_stream
from mattecli.core.usage import wait_for
from mattecli.guides.choose import DRAWN, is_keyed
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.matting.pedestrians import pedestrian_beside
from mattecli.matting.screen.key import hold_to_key
from mattecli.matting.tracking.follow import SmallMatte
from mattecli.matting.trimap import UNKNOWN
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.refine import FAST_SIDE, refine, tells_apart
from mattecli.pipelines.tensors import Guide, Matted, ToGuide, array_tensor, guide_tensor, seen_image
from mattecli.requests.quality import FAST


def matte_photo(photo: Photo, guides: Mapping[str, Guide], recipe: Recipe, *, clock: Clock) -> Matted:
    """The matte of a photo and its guides, refined where the recipe says so."""
    return matte_photos([photo], [guides], recipe, clock=clock)[0]


def matte_photos(
    photos: Sequence[Photo],
    guides: Sequence[Mapping[str, Guide]],
    recipe: Recipe,
    *,
    clock: Clock,
    to_guide: ToGuide = guide_tensor,
    companions: bool = True,
) -> list[Matted]:
    """The mattes of several photos of one size, in one pass through the model; `to_guide`: guide_tensor, or a caching one.

    companions: whether someone is looked for beside a person who is found (core/finder/companion.py).
    """
    device = recipe.model.device
    with own_stream(device):
        with clock("matte"):
            images = _batch([seen_image(photo, recipe.model) for photo in photos])
        mattes = _mattes(images, guides, recipe, clock, to_guide=to_guide, lossy=photos[0].lossy, companions=companions)
        mattes = [_with_photo(matted, photo, recipe) for matted, photo in zip(mattes, photos, strict=True)]
        wait_for(device.torch)  # another thread renders them
    return mattes


def refined_matte(matted: Matted, recipe: Recipe, *, clock: Clock, lossy: bool) -> Matted:
    """A matte that `matte_photos` made without the recipe's refiner, refined; lossy: whether the picture's compression is."""
    device = recipe.model.device
    with own_stream(device):
        refined = _finish(matted, recipe, clock, lossy=lossy)
        wait_for(device.torch)  # another thread renders it
    return refined


def own_matte(pixels: Pixels, transparency: Pixels | None, device: Device) -> Matted:
    """The matte of a cut-out [H, W, 3]: its own transparency [H, W], under which its colours are the subject's."""
    image = to_tensor(pixels, device)
    alpha = torch.ones_like(image[:, :1]) if transparency is None else to_tensor(transparency, device)
    return Matted(image, image, alpha, image, None, pixels=pixels)


def small_matte(recipe: Recipe) -> SmallMatte | None:
    """How the recipe's model makes mattes of small pictures and trimaps; None where it takes something else than a trimap."""
    model = recipe.model
    if model.info.guides != ("trimap",) or recipe.choice.screen:
        return None

    def matte(picture: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not tells_apart(trimap):
            return np.asarray(trimap > UNKNOWN, np.float32)
        with own_stream(model.device):
            guides = {"trimap": guide_tensor("trimap", trimap, model)}
            outcome = run_within(model, to_tensor(picture, model.device), guides, dict(recipe.options), limit=recipe.max_memory)
            return to_array(outcome.alpha)

    return matte


def matte_tensors(images: Tensor, guides: Sequence[Mapping[str, Guide]], recipe: Recipe, *, clock: Clock) -> list[Matted]:
    """The mattes of images [B, 3, H, W], float32 in 0..1, in one pass; guides are as matte_photos takes them, one table an image."""
    device = recipe.model.device
    wait_for(images.device)  # the stream below is not synchronised with the caller's
    with own_stream(device):
        mattes = _mattes(images.to(device.torch), guides, recipe, clock)
        wait_for(device.torch)
    return mattes


def suited(model: LoadedModel, *, lossy: bool) -> dict[str, Tunable]:
    """The tunables for the kind of file a picture came from; some models need others for the noise of lossy compression."""
    return dict(model.info.lossy_options) if lossy else {}


def _mattes(
    images: Tensor,
    guides: Sequence[Mapping[str, Guide]],
    recipe: Recipe,
    clock: Clock,
    *,
    to_guide: ToGuide = guide_tensor,
    lossy: bool = False,
    companions: bool = True,
) -> list[Matted]:
    """The mattes of images on the model's device, refined, and keyed where the recipe has a screen."""
    with clock("matte"):
        options = suited(recipe.model, lossy=lossy) | dict(recipe.options)
        tensors = {name: _batch([to_guide(name, table[name], recipe.model) for table in guides]) for name in guides[0]}
        outcome, parts = _run(recipe, images, tensors, options, companions=companions)
        if recipe.choice.trimap_source in DRAWN:
            outcome = replace(outcome, alpha=_as_drawn(outcome.alpha, tensors["trimap"]))
        wait_for(images.device)
    mattes = [_framed(_part(images, tensors, outcome, index), framed) for index, framed in enumerate(parts)]
    return [_finish(matted, recipe, clock, lossy=lossy) for matted in mattes]


def _run(
    recipe: Recipe, images: Tensor, guides: Mapping[str, Tensor], options: Mapping[str, Tunable], *, companions: bool
) -> tuple[Outcome, Sequence[Framed | None]]:
    """The outputs of the recipe's model, and the part of each image that it was given, if it has a finder."""
    model, limit, tell = recipe.model, recipe.max_memory, recipe.tell
    finder, settings = (model, options) if model.finder is None else (model.finder, {})
    outcome = run_within(finder, images, {} if model.finder else guides, settings, limit=limit, tell=tell)
    if companions and finder.info.verdict:
        outcome = with_companions(outcome, finder, images, settings, pedestrian_beside, limit=limit)
    if model.finder is None:
        return outcome, [None] * len(images)
    return run_in_boxes(model, outcome, images, options, limit=limit, tell=tell)


def _framed(matted: Matted, framed: Framed | None) -> Matted:
    """The matte with what its finder gave, and with the haze of the finder's matte, or of its own where it comes with a verdict."""
    if framed is not None:
        return replace(matted, framed=framed, haze=framed.haze)
    return matted if matted.verdict is None else replace(matted, haze=haze(matted.alpha.float()))


def _as_drawn(alpha: Tensor, trimap: Tensor) -> Tensor:
    """The matte with 0 and 1 where the given trimap has them; models that take a plate may differ there."""
    with torch.inference_mode():
        return torch.where(trimap == 0.5, alpha, trimap.to(alpha.dtype))


def _part(images: Tensor, guides: Mapping[str, Tensor], outcome: Outcome, index: int) -> Matted:
    at = slice(index, index + 1)
    image, plate, trimap = images[at], guides.get("background"), guides.get("trimap")
    return Matted(
        image,
        image,
        outcome.alpha[at],
        None if outcome.foreground is None else outcome.foreground[at],
        None if plate is None else plate[at],
        trimap=None if trimap is None else trimap[at],
        notes=outcome.notes,
        expected=outcome.expected,
        verdict=None if outcome.verdict is None else outcome.verdict[at],
    )


def _finish(matted: Matted, recipe: Recipe, clock: Clock, *, lossy: bool) -> Matted:
    """The matte refined where the recipe has a refiner, and limited by the screen's key."""
    with clock("refine"):
        if recipe.refiner is not None:
            options = suited(recipe.refiner, lossy=lossy)
            side = FAST_SIDE if recipe.quality == FAST else None
            matted = refine(matted, recipe.refiner, options, side=side, limit=recipe.max_memory, tell=recipe.tell)
    if not is_keyed(recipe.choice.screen) or matted.plate is None:
        return matted
    held = hold_to_key(to_array(matted.alpha), to_array(matted.seen), to_array(matted.plate))
    return replace(matted, alpha=array_tensor(held, matted.alpha), keyed=True)


def _with_photo(matted: Matted, photo: Photo, recipe: Recipe) -> Matted:
    """The matte with its photo's integers, and with the photo's colours and transparency where it is partly transparent."""
    if photo.alpha is None:
        return replace(matted, pixels=photo.pixels)
    device = recipe.model.device
    return replace(matted, pixels=photo.pixels, image=to_tensor(photo.pixels, device), own=to_tensor(photo.alpha, device))


def _batch(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))
