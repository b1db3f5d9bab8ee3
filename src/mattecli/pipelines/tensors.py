"""Photos and guides as the tensors a model takes."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mattecli.core.runtime import Device, Matter, to_tensor
from mattecli.core.usage import wait_for
from mattecli.io.images import Photo, Pixels
from mattecli.matting.compose import Levels, Plane, to_levels

ToGuide = Callable[[str, Pixels, Matter], Tensor]
"""Makes the tensor of a guide: (its name, its pixels, the model it is for)."""


def seen_image(photo: Photo, matter: Matter) -> Tensor:
    """The photo as a model sees it, [1, 3, H, W]: parts its own alpha hides are mid-grey, not whatever lies under them."""
    image = to_tensor(photo.pixels, matter.device)
    if photo.alpha is None:
        return image
    own = to_tensor(photo.alpha, matter.device)
    return image * own + 0.5 * (1 - own)


def guide_tensor(name: str, pixels: Pixels, matter: Matter) -> Tensor:
    """A guide as the contract wants it; a trimap's 128 becomes exactly 0.5."""
    tensor = to_tensor(pixels, matter.device)
    return (tensor * 2).round() / 2 if name == "trimap" else tensor


class LastGuides:
    """guide_tensor for the frames of a clip: a guide that is the very array it was a frame ago is not converted again.

    Several threads may share one.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[Pixels, Tensor]] = {}

    def __call__(self, name: str, pixels: Pixels, matter: Matter) -> Tensor:
        last = self._last.get(name)
        if last is None or last[0] is not pixels:
            last = (pixels, guide_tensor(name, pixels, matter))
            wait_for(matter.device.torch)  # others will use it in streams of their own
            self._last[name] = last
        return last[1]


class LastBackdrop:
    """Backdrops [H, W, 3] as composing wants them; one that is the very array it was for the last picture is there already.

    Several threads may share one.
    """

    def __init__(self) -> None:
        self._last: tuple[Plane, Tensor] | None = None
        self._levels: tuple[Plane, Levels] | None = None

    def levels(self, backdrop: Plane, top: int) -> Levels:
        """In integers from 0 to `top`, not to be written to."""
        last = self._levels
        if last is None or last[0] is not backdrop or np.iinfo(last[1].dtype).max != top:
            last = (backdrop, to_levels(backdrop, top))
            self._levels = last
        return last[1]

    def on(self, device: Device, backdrop: Plane) -> Tensor:
        """As a tensor [1, 3, H, W] on a device."""
        last = self._last
        if last is None or last[0] is not backdrop:
            tensor = torch.from_numpy(np.ascontiguousarray(backdrop)).to(device.torch)
            last = (backdrop, tensor.permute(2, 0, 1)[None].contiguous())
            wait_for(device.torch)  # others will use it in streams of their own
            self._last = last
        return last[1]
