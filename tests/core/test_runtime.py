"""Devices are named honestly, options are checked, pixels become tensors exactly."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mattecli.core import torchscript
from mattecli.core.contract import ExportInfo
from mattecli.core.random_weights import random_export
from mattecli.core.registry import registry
from mattecli.core.runtime import checked_options, load_model, pick_device, pick_precision, to_array, to_tensor
from mattecli.errors import DeviceError, UsageError

CPU = pick_device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_an_absent_cuda_device_is_an_error_with_its_reason(name: str) -> None:
    with pytest.raises(DeviceError, match=r"cuda is not available: .*; .*`device` cpu"):
        pick_device(name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA")
def test_cuda_is_used_when_requested() -> None:
    assert pick_device("cuda").torch.type == "cuda"
    with pytest.raises(DeviceError, match="there is no device cuda:99"):
        pick_device("cuda:99")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:0", ""])
def test_an_unknown_device_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match="devices are auto, cpu, cuda"):
        pick_device(name)


def test_auto_reports_its_choice() -> None:
    chosen = pick_device("auto")
    assert chosen.reason
    assert pick_precision("auto", chosen) == "fp32"


def test_tf32_is_used_on_gpus_that_have_it() -> None:
    with pytest.raises(DeviceError, match=r"cpu cannot compute in tf32, .*; use `precision` fp32, or `device` cuda"):
        pick_precision("tf32", CPU)
    with pytest.raises(UsageError, match="precisions are auto, fp32, tf32, fp16 and bf16"):
        pick_precision("fp24", CPU)


def test_pixels_of_sixteen_bits_keep_their_upper_half() -> None:
    levels = [0, 1, 32767, 32768, 65535]
    assert (to_tensor(np.array([levels], np.uint16), CPU) * 65535).round().flatten().tolist() == levels


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_pixels_survive_the_round_trip_to_tensors(dtype: type, top: int) -> None:
    pixels = np.random.default_rng(0).integers(0, top + 1, (5, 7, 3), dtype=dtype)
    tensor = to_tensor(pixels, CPU)
    assert tensor.shape == (1, 3, 5, 7)
    np.testing.assert_array_equal(np.rint(to_array(tensor) * top), pixels)
    assert to_array(to_tensor(pixels[..., 0], CPU)).shape == (5, 7)


def test_options_take_the_type_of_their_default() -> None:
    info = ExportInfo("toy", "toy", (), {"side": 256, "sharp": False, "eps": 0.1}, False, None, "", {})
    assert checked_options(info, {"side": "512", "sharp": "true", "eps": "1e-3"}) == {"side": 512, "sharp": True, "eps": 1e-3}
    for bad in ({"size": "1"}, {"side": "big"}, {"sharp": "maybe"}):
        with pytest.raises(UsageError, match="option"):
            checked_options(info, bad)


def test_cuda_graphs_are_not_used_on_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    model = load_model(random_export(registry().models["fdm"]), device=CPU)
    assert isinstance(model.module, torchscript.Module)
