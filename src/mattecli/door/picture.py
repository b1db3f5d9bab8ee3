"""What is made of one matte as a file of some depth stores it: integers or floats, the whole or a part of some size."""

from dataclasses import replace

import numpy as np

from mattecli.compositing.backdrop import plain_backdrop
from mattecli.compositing.framing import framed, framed_light, window_of
from mattecli.compositing.lit import laid_over, light_behind
from mattecli.compositing.output import OutputOptions
from mattecli.compositing.over import lay_over
from mattecli.core.runtime import to_array
from mattecli.errors import UsageError
from mattecli.io.images import Pixels
from mattecli.io.pictures.light import Light
from mattecli.matting.levels import Plane, from_levels, to_levels
from mattecli.pipelines.render import render, render_light
from mattecli.pipelines.tensors import Matted
from mattecli.requests.pictures import WHOLE, Framing


def made_in_levels(matted: Matted, output: OutputOptions, *, top: int, icc: bytes | None) -> Pixels:
    """The result in integers from 0 to `top`, as render gives them; `icc` is the profile of the picture's colours."""
    shown = inverted(matted) if output.invert else matted
    if output.framing.is_plain:
        return render(shown, output, top=top, icc=icc)
    framing, window = _framing_of(output), window_of(to_array(shown.cover), output.framing)
    if output.kind != "composite" and not framing.scales:
        return np.ascontiguousarray(render(shown, replace(output, framing=WHOLE, invert=False), top=top)[window])
    if output.kind in ("alpha", "foreground"):
        plain = from_levels(render(shown, _unframed(output, output.kind), top=top))
        return to_levels(framed(plain[window], framing).clip(0, 1), top)
    return _framed_cutout(from_levels(render(shown, _unframed(output, "cutout"), top=65535))[window], output, top=top, icc=icc)


def made_in_light(matted: Matted, output: OutputOptions, light: Light | None, *, icc: bytes | None) -> Light | Plane:
    """The result as floats, as render_light gives them."""
    shown = inverted(matted) if output.invert else matted
    if output.framing.is_plain:
        return render_light(shown, output, light, icc=icc)
    framing, window = _framing_of(output), window_of(to_array(shown.cover), output.framing)
    kind = "cutout" if output.kind == "composite" else output.kind
    made = render_light(shown, _unframed(output, kind), light, icc=icc)
    if not isinstance(made, Light):
        return framed(made[window], framing).clip(0, 1)
    part = framed_light(made, window, framing)
    if output.kind != "composite":
        return part
    behind = light_behind(output.backdrop or plain_backdrop("white"), part.size, 0.0, part.chromaticities)
    return laid_over(part, behind, linear=output.linear)


def inverted(matted: Matted) -> Matted:
    """The background instead of the subject: its colours are the plate's where there is one, else estimated."""
    return replace(matted, alpha=1 - matted.alpha, foreground=matted.plate, plate=None, keyed=False)


def _framed_cutout(cutout: Plane, output: OutputOptions, *, top: int, icc: bytes | None) -> Pixels:
    """A straight cut-out [h, w, 4] at the size asked for, laid over the backdrop where there is one."""
    share = cutout[..., 3:]
    planes = framed(np.concatenate([cutout[..., :3] * share, share], axis=2), output.framing)
    alpha = np.ascontiguousarray(planes[..., 3]).clip(0, 1)
    multiplied = planes[..., :3].clip(0, None)
    colours = (multiplied / np.where(alpha > 0, alpha, 1)[..., None]).clip(0, 1)
    if output.kind == "composite":
        behind = (output.backdrop or plain_backdrop("white")).at((alpha.shape[0], alpha.shape[1]), icc=icc)
        return to_levels(lay_over(np.asarray(colours, np.float32), alpha, behind, linear=output.linear), top)
    laid = to_levels(np.asarray(np.dstack([multiplied if output.premultiplied else colours, alpha]), np.float32), top)
    laid[laid[..., 3] == 0] = 0
    return laid


def _unframed(output: OutputOptions, kind: str) -> OutputOptions:
    """The options for the whole picture; a composite's cut-out is laid over its backdrop when it has its size."""
    backdrop = output.backdrop if kind == "composite" else None
    return replace(output, kind=kind, backdrop=backdrop, framing=WHOLE, premultiplied=False, invert=False)


def _framing_of(output: OutputOptions) -> Framing:
    if output.kind == "foreground" and output.framing.size is not None:
        raise UsageError("a size leaves a margin, which a foreground has no colours for; give a longest side instead")
    return output.framing
