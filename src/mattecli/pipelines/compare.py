"""One photo through many models, over a loud colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattecli.compositing.backdrop import plain_backdrop
from mattecli.compositing.contact_sheet import contact_sheet
from mattecli.compositing.output import OutputOptions
from mattecli.core.clock import Clock
from mattecli.core.registry import ModelSpec, Registry
from mattecli.core.store import is_runnable
from mattecli.errors import UsageError
from mattecli.guides.choose import ModelChoice, choose
from mattecli.guides.derive import guides_for_photo
from mattecli.io.images import Photo
from mattecli.matting.levels import to_uint8
from mattecli.pipelines.matte import matte_photo
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.render import render

LOUD = "#ff00ff"


@dataclass(frozen=True)
class Tile:
    """One model's composite, uint8 [H, W, 3], with its name, the seconds of matting and refining, and the device."""

    picture: NDArray[np.uint8]
    model: str
    seconds: float
    device: str

    @property
    def caption(self) -> str:
        return f"{self.model}   {self.seconds:.2f} s   {self.device}"


def fitting(
    registry: Registry, names: list[str] | None, given: Mapping[str, str]
) -> tuple[list[tuple[ModelChoice, dict[str, str]]], list[str]]:
    """The models to compare, each with the guides it takes of those given, and a sentence for each one that cannot take part.

    names: None for every installed model.
    """
    specs = [spec for spec in registry.models.values() if is_runnable(spec)] if names is None else [registry.find(name) for name in names]
    chosen, left_out = [], []
    for spec in specs:
        guides = _guides_for(spec, given)
        try:
            chosen.append((choose(registry, spec.name, guides), guides))
        except UsageError as error:
            left_out.append(str(error))
    return chosen, left_out


def _guides_for(spec: ModelSpec, given: Mapping[str, str]) -> dict[str, str]:
    """What a model takes of the given guides: its own, and one to make a trimap from where it wants a trimap."""
    own = {guide: file for guide, file in given.items() if guide in spec.guides}
    if "trimap" in spec.guides and "trimap" not in own:
        own |= dict([(guide, file) for guide, file in given.items() if guide not in own][:1])
    return own


def make_tile(photo: Photo, guide_files: Mapping[str, str], recipe: Recipe) -> Tile:
    """Matte a photo with one recipe and lay it over a loud colour."""
    clock = Clock()
    matted = matte_photo(photo, guides_for_photo(photo, guide_files, recipe.choice).guides, recipe, clock=clock)
    picture = render(matted, OutputOptions("composite", plain_backdrop(LOUD)), top=255)
    name = recipe.model.info.name + (f" + {recipe.refiner.info.name}" if recipe.refiner else "")
    return Tile(picture.astype(np.uint8), name, clock.split["matte"] + clock.split["refine"], str(recipe.model.device))


def make_sheet(photo: Photo, tiles: Sequence[Tile]) -> NDArray[np.uint8]:
    """The photo and its tiles on one contact sheet."""
    captions = [f"the photo   {photo.size[1]}x{photo.size[0]}", *(tile.caption for tile in tiles)]
    return contact_sheet([to_uint8(photo.pixels), *(tile.picture for tile in tiles)], captions)
