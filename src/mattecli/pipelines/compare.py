"""The comparison sheet of one photo's mattes by several models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattecli.compositing.contact_sheet import contact_sheet
from mattecli.core.registry import ModelSpec, Registry
from mattecli.core.store import is_runnable, runnable
from mattecli.errors import UsageError
from mattecli.guides.choose import choose
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.matting.levels import to_uint8

LOUD = "#ff00ff"


@dataclass(frozen=True)
class Panel:
    """One model's composite, uint8 [H, W, 3], with its name, the seconds of matting and refining, and the device."""

    picture: Pixels
    model: str
    seconds: float
    device: str

    @property
    def caption(self) -> str:
        return f"{self.model}   {self.seconds:.2f} s   {self.device}"


def _runnable_names(registry: Registry) -> list[str]:
    """The models that run without a download, each weight set once."""
    names: dict[object, str] = {}
    for spec in filter(is_runnable, registry.models.values()):
        names.setdefault(tuple(file.sha256 or file.name for file in runnable(spec).files) or spec.name, spec.name)
    return list(names.values())


def fitting(registry: Registry, names: list[str] | None, given: Mapping[str, str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The models to compare by name, each with those of the given guides that it takes, and a sentence for each one left out.

    names: models or paths of exports; None for every installed model.
    """
    chosen: dict[str, dict[str, str]] = {}
    left_out = []
    for name in _runnable_names(registry) if names is None else names:
        guides = _guides_for(registry.find(name), given)
        try:
            choose(registry, name, guides)
            chosen[name] = guides
        except UsageError as error:
            left_out.append(str(error))
    return chosen, left_out


def _guides_for(spec: ModelSpec, given: Mapping[str, str]) -> dict[str, str]:
    """What a model takes of the given guides: its own, and one to make a trimap from where it takes a trimap."""
    own = {guide: file for guide, file in given.items() if guide in spec.guides}
    if "trimap" in spec.guides and "trimap" not in own:
        own |= dict([(guide, file) for guide, file in given.items() if guide not in own][:1])
    return own


def make_sheet(photo: Photo, panels: Sequence[Panel]) -> NDArray[np.uint8]:
    """A photo and its panels on one contact sheet."""
    captions = [f"the photo   {photo.size[1]}x{photo.size[0]}", *(panel.caption for panel in panels)]
    return contact_sheet([to_uint8(photo.pixels), *(to_uint8(panel.picture) for panel in panels)], captions)
