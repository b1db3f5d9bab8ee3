"""A picture and its matte over a backdrop: read -> estimate foreground -> compose -> write. Loads torch only for soft pixels."""

from dataclasses import dataclass

import numpy as np

from mattecli.compositing.backdrop import Backdrop, notes_behind
from mattecli.compositing.over import lay_over, premultiply
from mattecli.compositing.srgb import SRGB, Encoding
from mattecli.core.clock import Clock
from mattecli.errors import InputError
from mattecli.io.images import Photo, Pixels, holds_sixteen_bit, read_levels, read_photo, write_image
from mattecli.io.video.levels import is_tinted
from mattecli.matting.levels import Plane, from_levels, to_levels
from mattecli.pipelines.result import Result
from mattecli.requests.photos import Job

TRANSPARENT = "transparent"


@dataclass(frozen=True)
class Layout:
    """How every picture of a run is composed.

    backdrop: None for a transparent background; premultiplied: whether its colours are multiplied by alpha. linear: blend in linear light
    instead of encoded values. decontaminate: remove the old background from the colours of pictures with a given matte. keep_hidden: keep
    colours where a transparent result's alpha is 0; otherwise they are black. encoding: of the colours. device: a name as in core.runtime.
    """

    backdrop: Backdrop | None
    premultiplied: bool = False
    linear: bool = True
    decontaminate: bool = True
    keep_hidden: bool = False
    device: str = "auto"
    encoding: Encoding = SRGB

    @property
    def kind(self) -> str:
        """What the results are, as plan.KINDS names them."""
        return "cutout" if self.backdrop is None else "composite"


def process_composite(job: Job, layout: Layout) -> Result:
    """Make one picture from the job's source and its guide "alpha". Raises MatteError; then nothing is written."""
    clock = Clock()
    with clock("read"):
        photo = read_photo(job.source)
        alpha = matte_of(photo, job.source, job.guides.get("alpha"))
    with clock("foreground"):
        # The colours of a picture with its own transparency are the subject's already.
        mixed = photo.alpha is None and layout.decontaminate
        colours = unmixed(photo.pixels, alpha, device=layout.device) if mixed else from_levels(photo.pixels)
    with clock("compose"):
        picture = composed(colours, alpha, layout, top=photo.top if holds_sixteen_bit(job.destination) else 255, icc=photo.icc)
    with clock("write"):
        write_image(picture, job.destination, icc=photo.icc, dpi=photo.dpi, premultiplied=layout.premultiplied)
    notes = (*photo.notes, *notes_behind(layout.backdrop, photo.icc))
    return Result(job.source, job.destination, photo.size, clock.split, notes)


def matte_of(photo: Photo, source: str, file: str | None) -> Plane:
    """The matte that belongs to a photo, float32 [H, W]: the given file's, else the photo's own transparency."""
    if file is None:
        if photo.alpha is None:
            raise InputError(f"{source} has no transparency of its own; give its matte")
        return from_levels(photo.alpha)
    return alpha_of(read_levels(file), file, photo.size)


def alpha_of(levels: Pixels, file: str, size: tuple[int, int]) -> Plane:
    """The matte in a picture, float32 [H, W]: its transparency, or its grey levels; `size` is the required (height, width)."""
    if levels.shape[:2] != size:
        raise InputError(
            f"{file}: the alpha is {levels.shape[1]}x{levels.shape[0]}, the picture {size[1]}x{size[0]}; make them the same size"
        )
    values = from_levels(levels)
    if values.ndim == 2:
        return values
    if values.shape[2] == 4:
        return np.ascontiguousarray(values[..., 3])
    if is_tinted(levels):
        raise InputError(f"{file} is no matte: it has colours and no transparency; a matte is grey, white where the subject is")
    return values.mean(axis=2, dtype=np.float32)


def unmixed(pixels: Pixels, alpha: Plane, *, device: str) -> Plane:
    """The foreground colours [H, W, 3] in 0..1: estimated where the matte is soft, elsewhere the picture's."""
    if not ((alpha > 0) & (alpha < 1)).any():
        return from_levels(pixels)
    import torch  # loading takes a second, which hard edges do not need

    from mattecli.compositing.foreground import estimate_foreground
    from mattecli.core.runtime import pick_device, to_array, to_tensor

    chosen = pick_device(device)
    with torch.inference_mode():
        share = torch.from_numpy(alpha)[None, None].to(chosen.torch)
        return to_array(estimate_foreground(to_tensor(pixels, chosen), share))


def composed(colours: Plane, alpha: Plane, layout: Layout, *, top: int, seconds: float = 0.0, icc: bytes | None = None) -> Pixels:
    """The picture in integers from 0 to `top`: RGB over the backdrop at `seconds`, or RGBA; `icc` is the profile of the colours."""
    if layout.backdrop is not None:
        behind = layout.backdrop.at((alpha.shape[0], alpha.shape[1]), seconds, icc=icc)
        return to_levels(lay_over(colours, alpha, behind, linear=layout.linear, encoding=layout.encoding), top)
    laid = to_levels(np.dstack([premultiply(colours, alpha) if layout.premultiplied else colours, alpha]), top)
    if not layout.keep_hidden:
        laid[laid[..., 3] == 0] = 0
    return laid
