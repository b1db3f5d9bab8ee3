"""A picture and its matte over a backdrop: read -> estimate foreground -> compose -> write. Loads torch only for soft pixels."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mattecli.compositing.backdrop import notes_behind
from mattecli.compositing.framing import SQUARE, Window, framed_light, framed_straight, window_of
from mattecli.compositing.lit import cut_out, laid_over, light_behind, unmixed_light
from mattecli.compositing.output import OutputOptions
from mattecli.compositing.over import lay_over, premultiply
from mattecli.core.choices import AUTO
from mattecli.core.clock import Clock
from mattecli.errors import InputError, UsageError
from mattecli.io.files import notes_of_reading
from mattecli.io.icc import converted
from mattecli.io.images import STANDARD_STREAM, read_photo, read_values, write_image
from mattecli.io.pictures.decoders.decoded import FIRST, Pick
from mattecli.io.pictures.file_options import FLOATS
from mattecli.io.pictures.light import Light, light_of
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.io.video.levels import is_tinted
from mattecli.matting.levels import Plane, from_levels, to_levels
from mattecli.pipelines.result import Result
from mattecli.requests.photos import Job
from mattecli.requests.pictures import Framing

if TYPE_CHECKING:
    from mattecli.core.runtime import Device

TRANSPARENT = "transparent"


@dataclass(frozen=True)
class Layout:
    """How every picture of a run is composed.

    output: of the kind composite, or cutout for a transparent background. pick: which picture of a file is read. device: where colours are
    estimated, by a name as in core.runtime.
    """

    output: OutputOptions
    pick: Pick = FIRST
    device: str = AUTO


def process_composite(job: Job, layout: Layout) -> Result:
    """Make one picture from the job's source and its guide "alpha". Raises MatteError; then nothing is written."""
    clock, output = Clock(), layout.output
    with clock("read"):
        photo = read_photo(job.source, pick=layout.pick)
        with notes_of_reading() as reading_notes:
            alpha = matte_of(photo, job.source, job.guides.get("alpha"))
        alpha = 1 - alpha if output.invert else alpha
    picture, icc = _picture(photo, alpha, layout, job, clock)
    with clock("write"):
        beside = {"dpi": photo.dpi, "exif": photo.exif, "premultiplied": output.premultiplied}
        write_image(picture, job.destination, icc=icc, options=output.file, **beside)  # type: ignore[arg-type]
    notes = (*photo.notes, *reading_notes, *notes_behind(output.backdrop, photo.icc))
    return Result(job.source, job.destination, photo.size, clock.split, notes)


def _picture(photo: Photo, alpha: Plane, layout: Layout, job: Job, clock: Clock) -> tuple[Pixels | Light, bytes | None]:
    """The picture and the profile it is in: floats where the photo has them, or where they are asked for."""
    output = layout.output
    suffix = ".png" if job.destination == STANDARD_STREAM else Path(job.destination).suffix.lower()
    depth = output.file.depth_of(suffix, 8 if photo.top == 255 else 16, is_light=photo.light is not None)
    # A picture with a transparency of its own is a cut-out already: its colours are the subject's.
    mixed = photo.alpha is None and output.decontaminate
    if photo.light is not None or depth in FLOATS:
        return _lit(photo, alpha, layout, clock, mixed=mixed), None
    with clock("foreground"):
        colours = unmixed(photo.pixels, alpha, device=layout.device) if mixed else from_levels(photo.pixels)
    with clock("compose"):
        colours, alpha = framed_parts(colours, alpha, output.framing, window_of(alpha, output.framing))
        return composed(colours, alpha, output, top=255 if depth == "8" else 65535, icc=photo.icc), photo.icc


def framed_parts(
    colours: Plane, alpha: Plane, framing: Framing, window: Window, *, aspect: Fraction = SQUARE, step: int = 1
) -> tuple[Plane, Plane]:
    """Colours and their matte, cut to a window and scaled; `aspect` and `step` as in compositing.framing."""
    if framing.is_plain:
        return colours, alpha
    if not framing.scales:
        return colours[window], alpha[window]
    return framed_straight(np.dstack([colours[window], alpha[window]]), framing, aspect, step)


def _lit(photo: Photo, alpha: Plane, layout: Layout, clock: Clock, *, mixed: bool) -> Light:
    """The picture in linear light."""
    output = layout.output
    if output.keep_hidden:
        raise UsageError("floats are stored multiplied by alpha, so they keep no hidden colours; leave out `keep_hidden`")
    with clock("foreground"):
        light = photo.light or light_of(converted(photo.pixels, photo.icc, None), photo.alpha)
        if light.alpha is None or alpha is not light.alpha:
            colours = unmixed_light(light, alpha, _device(layout)) if mixed else light.straight
            light = cut_out(colours, alpha, light.chromaticities)
        if not output.framing.is_plain:
            light = framed_light(light, window_of(alpha, output.framing), output.framing)
    with clock("compose"):
        if output.backdrop is None:
            return light
        return laid_over(light, light_behind(output.backdrop, light.size, 0.0, light.chromaticities), linear=output.linear)


def _device(layout: Layout) -> "Device":
    from mattecli.core.runtime import pick_device

    return pick_device(layout.device)


def matte_of(photo: Photo, source: str, file: str | None) -> Plane:
    """The matte that belongs to a photo, float32 [H, W]: the given file's, else the photo's own transparency."""
    if file is None:
        if photo.alpha is None:
            raise InputError(f"{source} has no transparency of its own; give its matte")
        own = photo.light.alpha if photo.light is not None else None
        return from_levels(photo.alpha) if own is None else own
    return alpha_of(read_values(file), file, photo.size)


def alpha_of(levels: Pixels | Plane, file: str, size: tuple[int, int]) -> Plane:
    """The matte in integers or floats, float32 [H, W]: their transparency, or their grey; `size` is the required (height, width)."""
    if levels.shape[:2] != size:
        raise InputError(
            f"{file}: the alpha is {levels.shape[1]}x{levels.shape[0]}, the picture {size[1]}x{size[0]}; make them the same size"
        )
    values: Plane = levels.clip(0, 1) if levels.dtype == np.float32 else from_levels(levels)  # type: ignore[arg-type]
    if values.ndim == 2:
        return values
    if values.shape[2] == 4:
        return np.ascontiguousarray(values[..., 3])
    if is_tinted(to_levels(values, 65535)):
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


def composed(colours: Plane, alpha: Plane, output: OutputOptions, *, top: int, seconds: float = 0.0, icc: bytes | None = None) -> Pixels:
    """The picture in integers from 0 to `top`: RGB over the backdrop at `seconds`, or RGBA; `icc` is the profile of the colours."""
    if output.backdrop is not None:
        behind = output.backdrop.at((alpha.shape[0], alpha.shape[1]), seconds, icc=icc)
        return to_levels(lay_over(colours, alpha, behind, linear=output.linear, encoding=output.encoding), top)
    laid = to_levels(np.dstack([premultiply(colours, alpha) if output.premultiplied else colours, alpha]), top)
    if not output.keep_hidden:
        laid[laid[..., 3] == 0] = 0
    return laid
