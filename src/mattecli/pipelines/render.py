"""From mattes to pixels: alpha, foreground, cut-out, or composite over a backdrop."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from mattecli.compositing.backdrop import plain_backdrop
from mattecli.compositing.foreground import estimate_foreground
from mattecli.compositing.framing import SQUARE, framed, framed_straight, window_of
from mattecli.compositing.lit import cut_out, laid_over, light_behind, unmixed_light
from mattecli.compositing.output import OutputOptions
from mattecli.compositing.over import lay_levels_over, lay_over, lay_tensors_over, own_where, premultiply_levels, shown, with_alpha
from mattecli.compositing.srgb import SRGB
from mattecli.core.runtime import Device, to_array, to_host
from mattecli.core.tuning.parallelism import own_stream
from mattecli.errors import UsageError
from mattecli.io.icc import converted
from mattecli.io.pictures.light import Light
from mattecli.io.pictures.photo import Pixels
from mattecli.io.pictures.transfer import to_light
from mattecli.matting.levels import Plane, from_levels, interleave, to_levels
from mattecli.matting.screen.despill import despill
from mattecli.pipelines.tensors import Matted, array_tensor, finished, inverted
from mattecli.requests.pictures import WHOLE, Framing

# From this alpha on, the picture's colour is the foreground's.
SOLID = 1 - 0.5 / 255


def render_framed(
    matted: Matted,
    output: OutputOptions,
    *,
    top: int,
    seconds: float = 0.0,
    icc: bytes | None = None,
    aspect: Fraction = SQUARE,
    step: int = 1,
) -> Pixels:
    """The result as render gives it, inverted, cut and scaled as asked for; `aspect` and `step` as in compositing.framing."""
    shown = inverted(matted) if output.invert else matted
    if output.framing.is_plain:
        return render(shown, output, top=top, seconds=seconds, icc=icc)
    framing, window = framing_of(output), window_of(to_array(shown.cover), output.framing)
    if output.kind != "composite" and not framing.scales:
        return np.ascontiguousarray(render(shown, replace(output, framing=WHOLE, invert=False), top=top)[window])
    if output.kind in ("alpha", "foreground"):
        plain = from_levels(render(shown, unframed(output, output.kind), top=top))
        return to_levels(framed(plain[window], framing, aspect, step).clip(0, 1), top)
    cutout = from_levels(render(shown, unframed(output, "cutout"), top=65535))[window]
    colours, alpha = framed_straight(cutout, framing, aspect, step)
    if output.kind == "composite":
        behind = (output.backdrop or plain_backdrop("white")).at((alpha.shape[0], alpha.shape[1]), seconds, icc=icc)
        return to_levels(lay_over(colours, alpha, behind, linear=output.linear, encoding=output.encoding), top)
    laid = to_levels(np.dstack([colours * alpha[..., None] if output.premultiplied else colours, alpha]), top)
    laid[laid[..., 3] == 0] = 0
    return laid


def unframed(output: OutputOptions, kind: str) -> OutputOptions:
    """The options for the whole picture; a composite's cut-out is laid over its backdrop when it has its size."""
    backdrop = output.backdrop if kind == "composite" else None
    return replace(output, kind=kind, backdrop=backdrop, framing=WHOLE, premultiplied=False, invert=False)


def framing_of(output: OutputOptions) -> Framing:
    """How a result is framed; UsageError for a foreground of an exact size."""
    if output.kind == "foreground" and output.framing.size is not None:
        raise UsageError("a size leaves a margin, which a foreground has no colours for; give a longest side instead")
    return output.framing


def render(matted: Matted, output: OutputOptions, *, top: int, seconds: float = 0.0, icc: bytes | None = None) -> Pixels:
    """The result in integers from 0 to `top` (255 or 65535): [H, W] for an alpha, [H, W, 4] for a cut-out, else [H, W, 3].

    For a backdrop, `seconds` is the time in a clip, and `icc` the profile of the picture's colours.
    """
    picture = _rendered(matted, output, top=top, seconds=seconds, icc=icc)
    return premultiply_levels(picture) if output.premultiplied else picture


def _rendered(matted: Matted, output: OutputOptions, *, top: int, seconds: float, icc: bytes | None) -> Pixels:
    # The mattes, which the caller holds, must outlive the asynchronous copy to the host.
    with own_stream(Device(matted.alpha.device, "where the matte lies")):
        if output.kind == "alpha":
            return to_uint(top, matted.cover)
        if output.decontaminate and matted.foreground is not None and _is_whole_levels(matted, top) and output.encoding is SRGB:
            return _rendered_in_levels(matted, matted.foreground, output, seconds=seconds, icc=icc)
        colours = true_colours(matted) if output.decontaminate else matted.image
        is_own = matted.foreground is not None or not output.decontaminate
        if output.kind == "foreground":
            return to_uint(top, colours)
        if output.kind == "composite":
            return _composite(matted, colours, output, top=top, seconds=seconds, icc=icc)
        if output.keep_hidden or is_own:
            colours = torch.where(_is_seen(matted, top), colours, matted.image if output.keep_hidden else 0.0)
        return to_uint(top, colours, matted.cover)


def render_light(matted: Matted, output: OutputOptions, light: Light | None, *, icc: bytes | None = None) -> Light | Plane:
    """The result as floats: a matte [H, W] for an alpha, else light, of a cut-out with alpha.

    light: that of the picture, None for a picture of integers, whose profile is `icc`: its light is what its colours mean.
    """
    if output.keep_hidden:
        raise UsageError("floats are stored multiplied by alpha, so they keep no hidden colours; leave that out")
    with own_stream(Device(matted.alpha.device, "where the matte lies")):
        alpha = to_array(matted.cover)
        if output.kind == "alpha":
            return alpha
        if light is None:
            return _light_of_colours(matted, output, alpha, icc)
        colours = light.straight
        if output.decontaminate:
            colours = unmixed_light(light, alpha, Device(matted.alpha.device, "where the matte lies"), plate=_plate_of(matted))
        return _lit(colours, alpha, output, light.chromaticities)


def _plate_of(matted: Matted) -> Plane | None:
    return None if matted.plate is None else to_array(matted.plate)


def _light_of_colours(matted: Matted, output: OutputOptions, alpha: Plane, icc: bytes | None) -> Light | Plane:
    """The light of encoded colours, which have been estimated as they are encoded."""
    colours = true_colours(matted) if output.decontaminate else matted.image
    levels = converted(to_uint(65535, colours), icc, None)
    return _lit(np.asarray(to_light(from_levels(levels)), np.float32), alpha, output, None)


def _lit(colours: Plane, alpha: Plane, output: OutputOptions, chromaticities: tuple[float, ...] | None) -> Light:
    if output.kind == "foreground":
        return Light(colours, None, chromaticities)
    front = cut_out(colours, alpha, chromaticities)
    if output.kind == "cutout":
        return front
    backdrop = output.backdrop or plain_backdrop("white")
    return laid_over(front, light_behind(backdrop, front.size, 0.0, chromaticities), linear=output.linear)


def _is_seen(matted: Matted, top: int) -> Tensor:
    """Where a cut-out's alpha is more than 0 in integers from 0 to `top`, bool [1, 1, H, W]."""
    return (matted.cover.float() * top).round() > 0


def _is_whole_levels(matted: Matted, top: int) -> bool:
    """Whether the picture's integers are on the host and have the requested depth."""
    return matted.pixels is not None and np.iinfo(matted.pixels.dtype).max == top and matted.alpha.device.type == "cpu"


def _composite(matted: Matted, colours: Tensor, output: OutputOptions, *, top: int, seconds: float, icc: bytes | None) -> Pixels:
    backdrop = output.backdrop or plain_backdrop("white")
    behind = backdrop.at((colours.shape[2], colours.shape[3]), seconds, icc=icc)
    if colours.device.type == "cuda" and output.encoding is SRGB:
        plane = output.converted(colours.device, behind, lambda: finished(_planes(behind).to(colours.device).contiguous()))
        return to_uint(top, lay_tensors_over(colours.float(), matted.cover.float(), plane, linear=output.linear))
    front = interleave(list(colours[0].float().cpu().numpy()))
    return to_levels(lay_over(front, to_array(matted.cover), behind, linear=output.linear, encoding=output.encoding), top)


def _planes(picture: Plane) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]


def _rendered_in_levels(matted: Matted, foreground: Tensor, output: OutputOptions, *, seconds: float, icc: bytes | None) -> Pixels:
    """`render` for a predicted foreground on the host: the picture's integers are used where its colours are."""
    assert matted.pixels is not None
    own, predicted, solid = matted.pixels, _predicted(matted, foreground), to_array(matted.alpha) > SOLID
    top = int(np.iinfo(own.dtype).max)
    if output.kind == "composite":
        backdrop = (output.backdrop or plain_backdrop("white")).at((own.shape[0], own.shape[1]), seconds, icc=icc)
        levels = output.converted(top, backdrop, lambda: to_levels(backdrop, top))
        return lay_levels_over(own, solid, predicted[0].float().numpy(), to_array(matted.cover), backdrop, levels, linear=output.linear)
    colours = own_where(solid, own, to_uint(top, predicted))
    if output.kind == "foreground":
        return colours
    alpha = to_uint(top, matted.cover)
    return with_alpha(shown(colours, alpha, hidden=own if output.keep_hidden else None), alpha)


def true_colours(matted: Matted) -> Tensor:
    """The foreground [1, 3, H, W]: the model's where it predicts one, else estimated, without a screen's spill; the picture's own where
    alpha is 1."""
    with torch.inference_mode():
        if matted.foreground is not None:
            return torch.where(matted.alpha > SOLID, matted.image, _predicted(matted, matted.foreground))
        colours = _estimated(matted)
        if not matted.keyed or matted.plate is None:
            return colours
        return array_tensor(despill(to_array(colours), to_array(matted.alpha), to_array(matted.plate)), colours)


def _predicted(matted: Matted, foreground: Tensor) -> Tensor:
    """A model's foreground; estimated where the picture is half transparent, because the model's input was blended with grey there."""
    if matted.own is None:
        return foreground
    with torch.inference_mode():
        return torch.where(matted.own < 1, _estimated(matted), foreground)


def _estimated(matted: Matted) -> Tensor:
    """The foreground estimated from the picture and its matte; colours under hidden pixels are not of the scene and are filled in first."""
    image = matted.image
    if matted.own is not None:
        image = estimate_foreground(image, (matted.own > 0).to(image))
    return estimate_foreground(image, matted.alpha, background=matted.plate)


def to_uint(top: int, *parts: Tensor) -> Pixels:
    """Values [1, C, H, W] in 0..1, channels of several parts in a row, as the nearest integers from 0 to `top`.

    uint8 or uint16, [H, W] for one channel in all, else [H, W, C]. They are rounded on their device, so that a GPU copies bytes, not
    floats.
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
