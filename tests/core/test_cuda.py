"""What only a GPU can show: it computes what the processor does, in every precision, recorded or not, in one thread or several.

And it says so when it has no memory left.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from mattecli.compositing.backdrop import plain_backdrop
from mattecli.compositing.output import OutputOptions
from mattecli.core.random_weights import random_export
from mattecli.core.registry import registry
from mattecli.core.runtime import Device, LoadedModel, load_model, pick_device, to_array, to_tensor
from mattecli.core.tuning.cuda_graphs import CALLS_BEFORE, Replayed
from mattecli.core.tuning.parallelism import own_stream
from mattecli.core.usage import wait_for
from mattecli.errors import OutOfMemoryError
from mattecli.pipelines.render import render, to_uint
from mattecli.pipelines.tensors import Matted

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA")

NETWORKS = ("bgmv2", "bgmv2-resnet50", "modnet", "shm-fast", "fdm-erd", "dim", "fusion", "fusion-plate")
# The most that an alpha may be off in a precision, of networks with random weights; modnet's instance norms lead.
OFF = {"tf32": 0.02, "fp16": 0.02, "bf16": 0.15}
SOLVERS = ("closed-form", "fusion", "fusion-plate")
# Which cells Background Matting V2 refines is a matter of rounding where its weights are random.
EVERYWHERE = {name: {"mode": "full"} for name in ("bgmv2", "bgmv2-resnet50")}
Inputs = tuple[Tensor, dict[str, Tensor]]


@pytest.fixture(scope="module", autouse=True)
def cuda(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATTE_HOME", str(tmp_path_factory.mktemp("home")))
        yield pick_device("cuda")
        _matter.cache_clear()


@cache
def _matter(name: str, device: str = "cuda", precision: str = "fp32") -> LoadedModel:
    return load_model(random_export(registry().models[name]), device=pick_device(device), precision=precision)


def _scene(height: int, width: int, device: str = "cuda", seed: int = 0) -> Inputs:
    """A soft disc before a wall, with every guide."""
    rows, columns = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    distance = (rows.square() + columns.square()).sqrt()
    generator = torch.Generator().manual_seed(seed)
    wall = torch.rand(1, 3, 1, 1, generator=generator) * 0.5 + 0.1 * torch.sin(9 * rows * columns) + 0.2
    disc = ((0.63 - distance) / 0.05).clamp(0, 1)
    image = (
        disc * torch.rand(1, 3, 1, 1, generator=generator) + (1 - disc) * wall + 0.02 * torch.rand(1, 3, height, width, generator=generator)
    )
    trimap = torch.where(distance < 0.55, 1.0, torch.where(distance > 0.66, 0.0, 0.5))[None, None]
    guides = {"trimap": trimap, "background": wall, "mask": (distance < 0.6).float()[None, None]}
    where = torch.device(device)
    return image.clamp(0, 1).to(where), {name: guide.to(where) for name, guide in guides.items()}


def _off(one: Tensor, other: Tensor) -> float:
    assert one.shape == other.shape
    return float((one.cpu() - other.cpu()).abs().max())


@pytest.mark.parametrize("size", [(131, 197), (7, 5), (1, 1)], ids=str)
@pytest.mark.parametrize("name", [*NETWORKS, "closed-form"])
def test_fp32_on_the_gpu_equals_the_cpu(name: str, size: tuple[int, int]) -> None:
    alpha, foreground = _matter(name)(*_scene(*size), EVERYWHERE.get(name, {}))
    exact, colours = _matter(name, "cpu")(*_scene(*size, "cpu"), EVERYWHERE.get(name, {}))
    # A handful of pixels with next to nothing known hardly decide a solver's equations.
    near = 0.1 if name in SOLVERS and min(size) < 16 else 2e-3
    assert _off(alpha, exact) < near
    assert (foreground is None) == (colours is None)
    assert foreground is None or colours is None or _off(foreground, colours) < near


@pytest.mark.parametrize("precision", OFF)
@pytest.mark.parametrize("name", NETWORKS)
def test_other_precisions_are_close(name: str, precision: str) -> None:
    alpha, _ = _matter(name, precision=precision)(*_scene(131, 197), EVERYWHERE.get(name, {}))
    assert _off(alpha, _matter(name)(*_scene(131, 197), EVERYWHERE.get(name, {}))[0]) < OFF[precision]


def _recorded(model: LoadedModel) -> bool:
    assert isinstance(model.module, Replayed)
    return model.module.recording is not None


@pytest.mark.parametrize("name", ["bgmv2", "modnet", "shm-fast", "fdm-erd", "dim"])
def test_repeated_calls_are_recorded_with_unchanged_outputs(name: str) -> None:
    file = random_export(registry().models[name])
    model, plain = (load_model(file, device=pick_device("cuda"), precision="fp16") for _ in range(2))
    for call in range(CALLS_BEFORE + 3):
        scene = _scene(96, 160, seed=call)
        assert _recorded(model) == (call > CALLS_BEFORE)
        alpha, foreground = model(*scene)
        expected, colours = plain.module._module(scene[0], *(scene[1][guide] for guide in plain.info.guides))
        assert _off(alpha, expected) < 1e-3
        assert foreground is None or _off(foreground, colours) < 1e-3


def test_outputs_are_not_overwritten_by_the_next_call() -> None:
    model = _matter("shm-fast", precision="fp16")
    first = [model(*_scene(64, 96, seed=seed))[0] for seed in range(CALLS_BEFORE + 3)]
    again = [model(*_scene(64, 96, seed=seed))[0] for seed in range(CALLS_BEFORE + 3)]
    assert all(_off(one, other) < 1e-3 for one, other in zip(first, again, strict=True))
    assert _off(first[-1], first[-2]) > 0


def test_a_frame_of_another_size_runs_without_recording() -> None:
    model = _matter("fdm-erd")
    for _ in range(CALLS_BEFORE + 1):
        alpha, _ = model(*_scene(64, 96))
    assert model(*_scene(50, 40))[0].shape == (1, 1, 50, 40)
    assert _recorded(model)
    assert _off(model(*_scene(64, 96))[0], alpha) < 1e-5


@pytest.mark.parametrize(("name", "options"), [("closed-form", {}), ("bgmv2", {"mode": "thresholding"})])
def test_a_call_that_synchronises_runs_unrecorded(name: str, options: Mapping[str, str]) -> None:
    model = load_model(random_export(registry().models[name]), device=pick_device("cuda"))
    answers = [model(*_scene(96, 160), options)[0] for _ in range(CALLS_BEFORE + 3)]
    assert not _recorded(model)
    assert _off(answers[0], answers[-1]) < 1e-5
    assert torch.cuda.current_stream() == torch.cuda.default_stream()


def test_memory_of_a_failed_recording_is_released() -> None:
    model = load_model(random_export(registry().models["closed-form"]), device=pick_device("cuda"))
    side = torch.cuda.Stream()
    for _ in range(CALLS_BEFORE + 2):
        model(*_scene(96, 160))
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    for _ in range(3):
        torch.zeros(1 << 24, device="cuda").record_stream(side)  # held for ever while a recording seems to be under way
    torch.cuda.synchronize()
    torch.zeros(1, device="cuda")
    assert torch.cuda.memory_allocated() <= before + (1 << 20)


@pytest.mark.parametrize("name", ["bgmv2", "modnet", "closed-form"])
def test_two_threads_compute_what_one_computes(name: str, cuda: Device) -> None:
    model = _matter(name, precision="fp16" if name != "closed-form" else "fp32")

    def alpha_of(seed: int) -> Tensor:
        with own_stream(cuda):
            alpha, _ = model(*_scene(96, 160, seed=seed))
            wait_for(cuda.torch)
            return alpha

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(alpha_of, range(20)))
    for seed, alpha in enumerate(together):
        assert _off(alpha, alpha_of(seed)) < 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_equals_its_pictures_one_by_one(name: str) -> None:
    scenes = [_scene(66, 98, seed=seed) for seed in range(3)]
    batch = torch.cat([image for image, _ in scenes]), {key: torch.cat([guides[key] for _, guides in scenes]) for key in scenes[0][1]}
    together, _ = _matter(name)(*batch)
    assert all(_off(together[at : at + 1], _matter(name)(*scene)[0]) < 2e-3 for at, scene in enumerate(scenes))


def test_out_of_gpu_memory_is_an_error_and_later_calls_work() -> None:
    model, scene = _matter("bgmv2"), _scene(1080, 1920)
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (64 << 20)) / whole)
    try:
        with pytest.raises(OutOfMemoryError, match="more memory than there is"):
            model(*scene)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert model(*scene)[0].isfinite().all()


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_pixels_survive_the_transfer_to_the_gpu_and_back(dtype: type, top: int, cuda: Device) -> None:
    pixels = np.random.default_rng(0).integers(0, top + 1, (33, 47, 4), dtype=dtype)
    tensor = to_tensor(pixels, cuda)
    np.testing.assert_array_equal(to_uint(top, tensor), pixels)
    np.testing.assert_array_equal(to_uint(top, tensor[:, :1]), pixels[..., 0])
    np.testing.assert_array_equal(np.rint(to_array(tensor) * top), pixels)


@pytest.mark.parametrize("kind", ["cutout", "alpha", "foreground", "composite"])
@pytest.mark.parametrize("top", [255, 65535])
def test_compositing_on_the_gpu_equals_the_cpu(kind: str, top: int) -> None:
    pictures = []
    for device in ("cuda", "cpu"):
        image, guides = _scene(66, 98, device)
        alpha = (guides["trimap"] * 0.9).clamp(0.05, 1)
        output = OutputOptions(kind, plain_backdrop("orange") if kind == "composite" else None)
        matted = Matted(image, image, alpha, foreground=image.flip(1), plate=guides["background"], pixels=to_uint(top, image))
        pictures.append(render(matted, output, top=top))
    assert pictures[0].dtype == pictures[1].dtype and pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0].astype(int) - pictures[1].astype(int)).max() <= 2
