"""Photos and guides as the tensors a model takes."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from mattecli.core.runtime import Device, LoadedModel, to_tensor
from mattecli.core.usage import wait_for
from mattecli.io.images import Photo, Pixels
from mattecli.matting.levels import Levels, Plane, to_levels

Made = TypeVar("Made")
ToGuide = Callable[[str, Pixels, LoadedModel], Tensor]
"""Makes the tensor of a guide: (its name, its pixels, the model it is for)."""


def seen_image(photo: Photo, model: LoadedModel) -> Tensor:
    """The photo as a model sees it, [1, 3, H, W]: parts its own alpha hides are mid-grey, not whatever lies under them."""
    image = to_tensor(photo.pixels, model.device)
    if photo.alpha is None:
        return image
    own = to_tensor(photo.alpha, model.device)
    return image * own + 0.5 * (1 - own)


def guide_tensor(name: str, pixels: Pixels, model: LoadedModel) -> Tensor:
    """A guide as the contract wants it; a trimap's 128 becomes exactly 0.5."""
    tensor = to_tensor(pixels, model.device)
    return (tensor * 2).round() / 2 if name == "trimap" else tensor


class _Last(Generic[Made]):
    """What was made of the last array under each name: while it is the very same array, it is not made again."""

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[object, Made]] = {}

    def __call__(self, name: Hashable, array: object, make: Callable[[], Made]) -> Made:
        last = self._last.get(name)
        if last is None or last[0] is not array:
            last = self._last[name] = (array, make())
        return last[1]


class LastGuides:
    """guide_tensor for the frames of a clip: a guide that is the very array it was a frame ago is not converted again.

    Several threads may share one.
    """

    def __init__(self) -> None:
        self._last = _Last[Tensor]()

    def __call__(self, name: str, pixels: Pixels, model: LoadedModel) -> Tensor:
        return self._last(name, pixels, lambda: _there(guide_tensor(name, pixels, model)))


class LastBackdrop:
    """Backdrops [H, W, 3] as composing wants them; one that is the very array it was for the last picture is there already.

    Several threads may share one.
    """

    def __init__(self) -> None:
        self._tensors, self._levels = _Last[Tensor](), _Last[Levels]()

    def levels(self, backdrop: Plane, top: int) -> Levels:
        """In integers from 0 to `top`, not to be written to."""
        return self._levels(top, backdrop, lambda: to_levels(backdrop, top))

    def on(self, device: Device, backdrop: Plane) -> Tensor:
        """As a tensor [1, 3, H, W] on a device."""
        return self._tensors(device, backdrop, lambda: _there(_planes_on(device, backdrop)))


def _planes_on(device: Device, picture: Plane) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).to(device.torch).permute(2, 0, 1)[None].contiguous()


def _there(tensor: Tensor) -> Tensor:
    """A tensor once it is made: others will use it in streams of their own."""
    wait_for(tensor.device)
    return tensor
