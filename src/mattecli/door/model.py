"""Loading a model once and calling it for many images."""

import copy
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from torch import Tensor

from mattecli.core.choices import checked_options
from mattecli.core.clock import Clock
from mattecli.core.contract import Tunable
from mattecli.core.registry import ModelSpec, registry
from mattecli.core.runtime import LoadedModel, open_model, pick_device, pick_precision
from mattecli.core.store import runnable
from mattecli.core.tuning.memory import bytes_of
from mattecli.core.tuning.memory_guard import picture_in_work, reading_budget, settle
from mattecli.door.inputs import ImageLike, claimed_size, guide_of, images_of, photo_of
from mattecli.door.matte import Matte
from mattecli.errors import UsageError
from mattecli.guides.choose import SCREEN, ModelChoice, choose, choose_refiner, match
from mattecli.guides.derive import Derived, guides_for_photo
from mattecli.io.pictures.memory import photo_from_array
from mattecli.io.pictures.photo import Photo
from mattecli.io.pictures.sizes import reading_within
from mattecli.pipelines.matte import matte_photos, matte_tensors
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.tensors import Guide
from mattecli.requests.quality import BEST, check_quality

Progress = Callable[[str, int, int | None], None]
SCREEN_COLOUR = "auto"
NOTHING: Mapping[str, Any] = MappingProxyType({})
AT_ONCE = nullcontext()
Made = TypeVar("Made")


def load(
    name: str | os.PathLike[str] | None = None,
    *,
    guides: Iterable[str] | Mapping[str, object] = (),
    device: str = "auto",
    precision: str = "auto",
    offline: bool = False,
    max_memory: int | str | None = None,
    on_progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> "Model":
    """Load a model.

    name: a model of `models()` or the path of an exported .pt file; NAME@authors or NAME@ours is the model with these weights, a name
    alone the authors' where they are installed, else this project's where there are some. None for the best installed one for the
    `guides` that will be given, which are names: trimap, strokes, mask, background, screen. device: auto | cpu | cuda | cuda:N | mps.
    precision: auto | fp32 | tf32 | fp16 | bf16. A named model that is missing is downloaded, unless `offline`; on_progress is called
    with (file, bytes, bytes in all or None). max_memory: bytes to stay below, or "6G". tell: is called with a sentence on the memory that
    each new size of image is expected to take.

    Nothing of the process is changed: no environment variable, thread count or global setting of torch, Pillow or OpenCV. Raises
    ModelError, which lists the good names, UsageError where model and guides do not go together, DeviceError.
    """
    given = _as_given(guides)
    choice = choose(registry(), None if name is None else os.fspath(name), given) if given or name is None else None
    spec = choice.spec if choice is not None else runnable(registry().find(os.fspath(name or "")))
    chip = pick_device(device)
    exact = pick_precision(precision, chip)
    limit = bytes_of(max_memory)

    def open_one(wanted: ModelSpec) -> LoadedModel:
        model = open_model(wanted, device=chip, precision=exact, offline=offline, on_progress=on_progress)
        if limit is not None:
            settle(model)
        return model

    return Model(spec, open_one, choice=choice if not given else None, max_memory=limit, tell=tell)


class Model:
    """A loaded model. Several threads may call one at the same time.

    name: its own. guides: what its network takes beside the image. options: its tunables with their defaults. device, precision: where
    and how it computes. weights: the set its weights are of, "authors" or one of this project's such as "ours-2026-11", "" where that is
    not known; weights_sha256: of its checkpoint, None without weights. quality: how coarse mattes are refined, see `at`.
    """

    def __init__(
        self,
        spec: ModelSpec,
        open_one: Callable[[ModelSpec], LoadedModel],
        *,
        choice: ModelChoice | None = None,
        max_memory: int | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """open_one: loads a model. choice: what is done with an image alone, where that was found out already."""
        self._open, self._choice, self._max_memory, self._tell = open_one, choice, max_memory, tell or (lambda text: None)
        self._refiners: dict[str, LoadedModel] = {}
        self._turn = threading.Lock()
        self.spec, self.loaded = spec, open_one(spec)
        self.name, self.guides = spec.name, spec.guides
        self.options: dict[str, Tunable] = dict(self.loaded.info.options)
        self.device, self.precision = str(self.loaded.device), self.loaded.precision
        self.weights = self.loaded.info.weights
        self.weights_sha256 = self.loaded.info.checkpoint_sha256
        self.quality = BEST

    def at(self, quality: str) -> "Model":
        """The same loaded model, whose coarse mattes are refined "fast", in a small copy of the image, or "best", in the image itself.

        Mattes that are not refined are the same at both. Raises UsageError for another quality.
        """
        model = copy.copy(self)
        model.quality = check_quality(quality)
        return model

    def __repr__(self) -> str:
        return f"<mattecli.Model {self.name} on {self.device}, {self.precision}>"

    def __call__(
        self,
        image: ImageLike,
        *,
        trimap: ImageLike | None = None,
        strokes: ImageLike | None = None,
        mask: ImageLike | None = None,
        background: ImageLike | None = None,
        screen: str | None = None,
        refine: str | None = None,
        options: Mapping[str, Tunable] | None = None,
    ) -> Matte:
        """The matte of an image.

        image: a path, "-" for stdin, a BytesIO of a picture file, a picture of Pillow's; an array [H, W, 3] (or [H, W], [H, W, 4]) of
        uint8, uint16 or floats in 0..1; or a tensor [3, H, W] or [B, 3, H, W]. Guides likewise, of the image's size: trimap (black,
        grey, white), strokes (scribbles, or polylines as a .json file or a table), mask, background (the scene without the subject).
        screen: green | blue | auto, or a colour such as white or #808080, for an image taken before one. refine: None for what the model
        advises, "none", "auto", or the name of the trimap model that finishes a coarse matte. options: tunables of the model, by name.

        Raises InputError for an image or a guide that cannot be used, UsageError for guides the model does not take, OutOfMemoryError.
        """
        values = {"trimap": trimap, "strokes": strokes, "mask": mask, "background": background, SCREEN: screen}
        given = {name: value for name, value in values.items() if value is not None}
        return self.then(image, lambda matte: matte, guides=given, refine=refine, options=options)

    def then(
        self,
        image: ImageLike,
        finish: Callable[[Matte], Made],
        *,
        guides: Mapping[str, Any] = NOTHING,
        refine: str | None = None,
        options: Mapping[str, Tunable] | None = None,
        turn: AbstractContextManager[object] = AT_ONCE,
    ) -> Made:
        """What `finish` makes of an image's matte, such as a file; guides: by name, see __call__, and "screen" is its colour.

        The memory for the picture is reserved until `finish` returns, so that pictures of several threads fit beside each other. turn:
        such as a lock, is held from when the image is read until then.
        """
        recipe, clock = self.recipe(guides, refine=refine, options=options), Clock()
        if isinstance(image, Tensor):
            return finish(self._of_tensor(image, guides, recipe, clock))
        with reading_within(reading_budget(self.loaded.device, self._max_memory)), self._place_for(image, turn):
            with clock("read"):
                photo = photo_of(image)
            with turn, picture_in_work(photo.size, self.loaded, self._max_memory):
                return finish(self._of_photos([photo], [guides], recipe, clock)[0])

    def _place_for(self, image: ImageLike, turn: AbstractContextManager[object]) -> AbstractContextManager[object]:
        """Under a limit, the memory for a file's picture, reserved before it is read. Not beside a turn, which others may hold and wait."""
        size = claimed_size(image) if self._max_memory is not None and turn is AT_ONCE else None
        return AT_ONCE if size is None else picture_in_work(size, self.loaded, self._max_memory)

    def batch(
        self, images: Sequence[ImageLike], guides: Sequence[Mapping[str, Any]] | None = None, *, recipe: Recipe | None = None
    ) -> list[Matte]:
        """The mattes of several images of one size, in one pass through the network; guides: for each image a table by name.

        All images come with guides of the same names. recipe: one of `recipe`, None for the model's own way.
        """
        tables = guides or [{} for _ in images]
        chosen, clock = recipe or self.recipe(tables[0]), Clock()
        with clock("read"):
            photos = [photo_of(image) for image in images]
        if len({photo.size for photo in photos}) > 1:
            raise UsageError("the images of a batch must have one size; call the model for each of them")
        return self._of_photos(photos, tables, chosen, clock)

    def _of_photos(self, photos: Sequence[Photo], tables: Sequence[Mapping[str, Any]], recipe: Recipe, clock: Clock) -> list[Matte]:
        with clock("guide"):
            derived = [_derived(photo, table, recipe) for photo, table in zip(photos, tables, strict=True)]
        mattes = matte_photos(photos, [found.guides for found in derived], recipe, clock=clock)
        told = [replace(photo, notes=(*photo.notes, *found.notes)) for photo, found in zip(photos, derived, strict=True)]
        return [Matte([matted], recipe, clock, photo=photo) for matted, photo in zip(mattes, told, strict=True)]

    def prepare(
        self,
        *,
        guides: Iterable[str] | Mapping[str, object] = (),
        screen: str | None = None,
        refine: str | None = None,
        options: Mapping[str, Tunable] | None = None,
    ) -> None:
        """Raise what a call with these would raise for its request, and load the refiner, before the first image comes."""
        given = _as_given(guides)
        self.recipe(given if screen is None else {**given, SCREEN: screen}, refine=refine, options=options)

    def recipe(self, given: Mapping[str, object], *, refine: str | None = None, options: Mapping[str, Tunable] | None = None) -> Recipe:
        """How images with these guides are matted; the value of "screen" is its colour, those of others do not count."""
        choice = self._choice if not given and self._choice is not None else match(self.spec, given)
        refiner = choose_refiner(registry(), choice, refine)
        checked = checked_options(self.loaded.info, options or {})
        return Recipe(choice, self.loaded, self._refiner(refiner), checked, self._max_memory, self._tell, self.quality)

    def _refiner(self, spec: ModelSpec | None) -> LoadedModel | None:
        if spec is None:
            return None
        with self._turn:
            if spec.name not in self._refiners:
                self._refiners[spec.name] = self._open(spec)
            return self._refiners[spec.name]

    def _of_tensor(self, tensor: Tensor, given: Mapping[str, Any], recipe: Recipe, clock: Clock) -> Matte:
        with clock("read"):
            images = images_of(tensor)
        with clock("guide"):
            tables = [_tensor_guides(images, given, index, recipe) for index in range(len(images))]
        return Matte(matte_tensors(images, tables, recipe, clock=clock), recipe, clock, like=tensor)


def _as_given(guides: Iterable[str] | Mapping[str, object]) -> dict[str, object]:
    """Guides by name; of a screen without its colour that is auto."""
    return dict(guides) if isinstance(guides, Mapping) else dict.fromkeys(guides, SCREEN_COLOUR)


def _derived(photo: Photo, given: Mapping[str, Any], recipe: Recipe) -> Derived:
    values = {name: value if name == SCREEN else guide_of(value) for name, value in given.items()}
    return guides_for_photo(photo, values, recipe.choice)


def _tensor_guides(images: Tensor, given: Mapping[str, Any], index: int, recipe: Recipe) -> dict[str, Guide]:
    """The guides of one image of a batch. Those that the network takes as they are stay on their device; the others are derived."""
    parts = {name: _part(value, index) for name, value in given.items()}
    wanted = recipe.choice.spec.guides
    if set(parts) == set(wanted) and "background" not in wanted and all(isinstance(part, Tensor) for part in parts.values()):
        return {name: _ready(part) for name, part in parts.items()}
    if not wanted and not recipe.choice.screen:
        return {}
    photo = photo_from_array(images[index].permute(1, 2, 0).cpu().numpy())
    return dict(_derived(photo, parts, recipe).guides)


def _part(value: Any, index: int) -> Any:
    """The part of a guide that belongs to one image of a batch; one without a batch belongs to all."""
    if isinstance(value, Tensor) and value.dim() == 4:
        return value[index if len(value) > 1 else 0]
    return value


def _ready(guide: Tensor) -> Tensor:
    """A guide [1, H, W] or [H, W], uint8 or float in 0..1, as the network takes it: [1, 1, H, W]."""
    planes = guide[None] if guide.dim() == 2 else guide
    return planes[None].float() / 255 if not guide.is_floating_point() else planes[None].float()
