"""MMNet where it differs from PyTorch's habits: TensorFlow's padding and resizing, one operator at a time, and the whole path."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.nets.mmnet import Unit, convert, resize_corners_aligned, resize_from_corner
from tests.nets.test_parity import GOLDEN, Case, assert_close, cases, channels_first, run, tensorflow_state

CASES = [case for case in cases("case") if case.model == "mmnet"]


@pytest.fixture(scope="module")
def operators(shared: Path) -> Mapping[str, NDArray[Any]]:
    with np.load(GOLDEN / "mmnet" / "ops.npz") as archive:
        return dict(archive)


def assert_same(found: Tensor, expected: NDArray[Any], tolerance: float = 1e-5) -> None:
    assert_close(found, channels_first(expected).numpy(), tolerance, "result")


def convolved(source: NDArray[Any], kernel: Tensor, **geometry: int) -> Tensor:
    """The convolution of a unit whose norm and activation do nothing."""
    unit = Unit(2, kernel.shape[0], 3, linear=True, **geometry).eval()
    unit.norm.eps = 0.0
    unit.conv.weight.data = kernel
    with torch.inference_mode():
        return unit(channels_first(source))


@pytest.mark.parametrize(("name", "factor"), [("up2", 2), ("up4_two_steps", 4)])
def test_upsampling_equals_that_of_tensorflow(operators: Mapping[str, NDArray[Any]], name: str, factor: int) -> None:
    assert_same(resize_from_corner(channels_first(operators["in_up"]), 3 * factor, 4 * factor), operators[name])


@pytest.mark.parametrize("sides", ["even", "odd"])
def test_a_convolution_of_stride_two_pads_as_tensorflow_does(operators: Mapping[str, NDArray[Any]], sides: str) -> None:
    kernel = torch.from_numpy(operators["kernel_hwio"]).permute(3, 2, 0, 1)
    assert_same(convolved(operators[f"in_{sides}"], kernel, stride=2), operators[f"conv_s2_{sides}"])


@pytest.mark.parametrize(
    ("name", "source", "geometry"),
    [("dw_s2_even", "in_even", {"stride": 2}), ("dw_rate2", "in_odd", {"rate": 2}), ("dw_rate4", "in_odd", {"rate": 4})],
)
def test_a_depthwise_convolution_is_that_of_tensorflow(
    operators: Mapping[str, NDArray[Any]], name: str, source: str, geometry: dict[str, int]
) -> None:
    kernel = torch.from_numpy(operators["kernel_dw_hwc1"]).permute(2, 3, 0, 1)
    assert_same(convolved(operators[source], kernel, groups=2, **geometry), operators[name])


def test_an_image_is_resized_as_its_authors_resize_it(operators: Mapping[str, NDArray[Any]]) -> None:
    image = channels_first(operators["in_image_u8"])
    assert_same(resize_corners_aligned(image, 32, 48), operators["pre_resize_32x48"], 2e-3)  # of values up to 255
    assert_same(resize_from_corner(channels_first(operators["in_even"]), 11, 13), operators["post_resize_11x13"])


@pytest.mark.parametrize("case", [case for case in CASES if case.path.stem in ("case-w1.00-256x256", "case-w0.50-128x128-b2")], ids=str)
def test_pictures_get_the_alpha_their_authors_give_them(case: Case) -> None:
    arrays, meta = case.read()
    alpha = run(case, meta, case.adapter.pictures(arrays), {"side": meta["height"]}, wrapped=True, from_file=True)[0]
    assert_close(alpha[:, 0], arrays["alpha"], case.adapter.alpha_tolerance, "alpha")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pictures_of_any_shape_get_their_alpha_from_the_logits(case: Case) -> None:
    arrays, meta = case.read()
    logits, _ = run(case, meta, case.adapter.pictures(arrays), {}, wrapped=False, from_file=False)
    assert_close(torch.softmax(logits, 1)[:, 1], arrays["alpha"], case.adapter.alpha_tolerance, "alpha")


@pytest.mark.parametrize("case", CASES[:1], ids=str)
def test_tensors_used_in_training_only_are_left_out_of_a_checkpoint(case: Case) -> None:
    _, meta = case.read()
    state = tensorflow_state(case.model, meta["seed"])
    extra = {name + "/Adam_1": value for name, value in state.items()} | {"global_step": torch.zeros(()), "beta1_power": torch.zeros(())}
    assert convert(state | extra).keys() == convert(state).keys()
    assert json.loads((GOLDEN / "mmnet" / "spec.json").read_text())["parameters"]["0.5"]["all"] == sum(map(Tensor.numel, state.values()))
