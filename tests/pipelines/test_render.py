"""Rendering: solid parts are the photo's own integers, and all is what floats would have given."""

import numpy as np
import pytest
import torch

from mattecli.compositing.backdrop import plain_backdrop
from mattecli.compositing.output import CUTOUT, OutputOptions
from mattecli.compositing.over import lay_over
from mattecli.core.runtime import pick_device, to_array, to_tensor
from mattecli.matting.levels import interleave, to_levels
from mattecli.pipelines.render import levels_of, render, true_colours
from mattecli.pipelines.tensors import Matted

SIZE = (30, 41)


def _matted(dtype: type, *, own: bool) -> Matted:
    """A photo with a soft matte that has clear, solid and all but solid parts, and any foreground."""
    random, cpu, top = np.random.default_rng(0), pick_device("cpu"), np.iinfo(dtype).max
    photo, transparency = (random.integers(0, top, shape, dtype, endpoint=True) for shape in ((*SIZE, 3), SIZE))
    alpha = torch.linspace(-0.2, 1.2, SIZE[1]).clamp(0, 1).repeat(1, 1, SIZE[0], 1)
    alpha[:, :, :3] = 0.9995
    tensor, foreground = to_tensor(photo, cpu), torch.from_numpy(random.random((1, 3, *SIZE), np.float32))
    return Matted(tensor, tensor, alpha, foreground, None, pixels=photo, own=to_tensor(transparency, cpu) if own else None)


def _by_floats(matted: Matted, output: OutputOptions, top: int) -> np.ndarray:
    """The whole picture in floats, rounded at the end."""
    colours, cover = to_array(true_colours(matted)), to_array(matted.cover)
    if output.kind == "composite":
        return to_levels(lay_over(colours, cover, output.backdrop.at(SIZE), linear=output.linear), top)
    if output.kind == "foreground":
        return to_levels(colours, top)
    cutout = to_levels(np.dstack([colours, cover]), top)
    return np.where(cutout[..., 3:] > 0, cutout, 0)  # nothing is left of what is not seen


@pytest.mark.parametrize("kind", ["cutout", "foreground", "composite"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("own", [False, True])
def test_integer_results_equal_float_results_exactly(kind: str, dtype: type, own: bool) -> None:
    matted, top = _matted(dtype, own=own), np.iinfo(dtype).max
    output = OutputOptions(kind, plain_backdrop("orange") if kind == "composite" else None)
    made = render(matted, output, top=top)
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, _by_floats(matted, output, top))


def test_opaque_pixels_equal_the_photo_exactly() -> None:
    matted = _matted(np.uint8, own=False)
    cutout = render(matted, CUTOUT, top=255)
    solid = cutout[..., 3] == 255
    assert 0 < solid.sum() < solid.size
    np.testing.assert_array_equal(cutout[solid][:, :3], matted.pixels[solid])


@pytest.mark.parametrize(("top", "off"), [(255, 0), (65535, 1)])  # OpenCV multiplies in float64: what lies next to a half may differ
def test_tensors_and_arrays_give_equal_integers(top: int, off: int) -> None:
    planes = [torch.rand(9, 31, generator=torch.Generator().manual_seed(seed)) * 1.2 - 0.1 for seed in range(4)]
    levels = levels_of(planes, top).numpy().view(np.uint8 if top == 255 else np.uint16)
    expected = interleave([to_levels(plane.numpy(), top) for plane in planes])
    assert levels.shape == expected.shape and np.abs(levels.astype(int) - expected.astype(int)).max() <= off
