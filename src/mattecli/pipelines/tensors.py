"""Pictures, guides and mattes as tensors [B, C, H, W], float32 in 0..1."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.core.finder.subject_box import Framed
from mattecli.core.memo import LastByIdentity
from mattecli.core.runtime import Device, LoadedModel, to_array, to_tensor
from mattecli.core.usage import wait_for
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.io.video.hdr import Hdr

Guide = Pixels | Tensor
"""A guide as integers [H, W] or [H, W, 3], or as a tensor [B, C, H, W]."""

ToGuide = Callable[[str, Guide, LoadedModel], Tensor]
"""Makes the tensor of a guide: (its name, its pixels, the model it is for)."""


@dataclass(frozen=True)
class Matted:
    """A picture and its matte as tensors [1, C, H, W]; `foreground` is the model's prediction and `plate` the clean plate, or None.

    image: the picture's colours. seen: the models' input, the same tensor where nothing of the picture is transparent. alpha: the matte of
    `seen`. pixels: the picture's integers, None for one given as a tensor. own: its own transparency, or None. trimap: that of the last
    model, or None. keyed: whether the plate is a screen's, whose spill is removed. notes: what was changed to fit into memory. expected:
    the expected peak of memory in bytes. verdict: the model's or its finder's, [1, 2] as core/contract.py has it, or None.
    framed: the part that the model was given, None where it was given all, or nothing for its finder found nothing. haze: that of the
    coarse matte which came with the verdict, or None.
    """

    image: Tensor
    seen: Tensor
    alpha: Tensor
    foreground: Tensor | None
    plate: Tensor | None
    pixels: Pixels | None = None
    own: Tensor | None = None
    trimap: Tensor | None = None
    keyed: bool = False
    notes: tuple[str, ...] = ()
    expected: int | None = None
    verdict: Tensor | None = None
    framed: Framed | None = None
    haze: float | None = None

    @property
    def cover(self) -> Tensor:
        """The matte, limited to what the picture's own transparency shows."""
        return self.alpha if self.own is None else self.alpha * self.own


def seen_image(photo: Photo, model: LoadedModel) -> Tensor:
    """A photo as a model's input, [1, 3, H, W]: its transparent parts are mid-grey."""
    image = to_tensor(photo.pixels, model.device)
    if photo.alpha is None:
        return image
    own = to_tensor(photo.alpha, model.device)
    return image * own + 0.5 * (1 - own)


def guide_tensor(name: str, guide: Guide, model: LoadedModel) -> Tensor:
    """A guide as a tensor in the contract's range; a trimap's 128 becomes exactly 0.5."""
    tensor = guide.to(model.device.torch, torch.float32) if isinstance(guide, Tensor) else to_tensor(guide, model.device)
    return (tensor * 2).round() / 2 if name == "trimap" else tensor


class LastGuides:
    """guide_tensor for the frames of a clip, cached by array identity. Thread-safe."""

    def __init__(self) -> None:
        self._last = LastByIdentity()

    def __call__(self, name: str, guide: Guide, model: LoadedModel) -> Tensor:
        return self._last(name, guide, lambda: finished(guide_tensor(name, guide, model)))


def array_tensor(array: NDArray[np.float32], like: Tensor) -> Tensor:
    """An array [H, W] or [H, W, C] as a tensor [1, C, H, W] with the dtype and device of another."""
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes))[None].to(like)


def finished(tensor: Tensor) -> Tensor:
    """The tensor once its device has computed it, so that other streams may use it."""
    wait_for(tensor.device)
    return tensor


def in_hdr(matted: Matted, levels: Pixels, hdr: Hdr) -> Matted:
    """The matte with the levels [H, W, 3] of the file; the model's colours and the plate are brought out of the copy into its system."""
    image = to_tensor(levels, Device(matted.alpha.device, "where the matte lies"))
    foreground, plate = (_of_copy(tensor, hdr) for tensor in (matted.foreground, matted.plate))
    return replace(matted, image=image, pixels=levels, foreground=foreground, plate=plate)


def _of_copy(colours: Tensor | None, hdr: Hdr) -> Tensor | None:
    return None if colours is None else array_tensor(hdr.from_sdr(to_array(colours)), colours)


def inverted(matted: Matted) -> Matted:
    """The background instead of the subject: its colours are the plate's where there is one, else estimated."""
    return replace(matted, alpha=1 - matted.alpha, foreground=matted.plate, plate=None, keyed=False)
