"""The result of one matte for a file of floats: the whole picture, or a cropped and scaled part."""

from mattecli.compositing.backdrop import plain_backdrop
from mattecli.compositing.framing import framed, framed_light, window_of
from mattecli.compositing.lit import laid_over, light_behind
from mattecli.compositing.output import OutputOptions
from mattecli.core.runtime import to_array
from mattecli.io.pictures.light import Light
from mattecli.matting.levels import Plane
from mattecli.pipelines.render import framing_of, render_light, unframed
from mattecli.pipelines.tensors import Matted, inverted


def made_in_light(matted: Matted, output: OutputOptions, light: Light | None, *, icc: bytes | None) -> Light | Plane:
    """The result as floats, as render_light gives them."""
    shown = inverted(matted) if output.invert else matted
    if output.framing.is_plain:
        return render_light(shown, output, light, icc=icc)
    framing, window = framing_of(output), window_of(to_array(shown.cover), output.framing)
    kind = "cutout" if output.kind == "composite" else output.kind
    made = render_light(shown, unframed(output, kind), light, icc=icc)
    if not isinstance(made, Light):
        return framed(made[window], framing).clip(0, 1)
    part = framed_light(made, window, framing)
    if output.kind != "composite":
        return part
    behind = light_behind(output.backdrop or plain_backdrop("white"), part.size, 0.0, part.chromaticities)
    return laid_over(part, behind, linear=output.linear)
