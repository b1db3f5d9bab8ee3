"""Deep Image Matting reads every published layout and computes with it what its publisher's code computes.

The expected numbers were recorded from that code (mmagic 0a560bba; huochaitiantang's repository before ecc9c40, which is how its
releases up to v1.3 were made), on a CPU in float32, with the random weights of golden/fill.py.
"""

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mattecli.nets import dim

Shapes = Mapping[str, list[int]]
OPENMMLAB = {"skips": False, "refines": True, "kernel": 1, "fit": "pad"}
RELEASE_1_3 = {"skips": False, "refines": True, "kernel": 1}
STAGES = {1: [(4, 64), (64, 64)], 2: [(64, 128), (128, 128)], 3: [(128, 256), (256, 256), (256, 256)]}
STAGES |= {4: [(256, 512), (512, 512), (512, 512)], 5: [(512, 512), (512, 512), (512, 512)]}
DECODER = {"deconv6_1": [512, 512, 1, 1], "deconv5_1": [512, 512, 5, 5], "deconv4_1": [256, 512, 5, 5], "deconv3_1": [128, 256, 5, 5]}
DECODER |= {"deconv2_1": [64, 128, 5, 5], "deconv1_1": [64, 64, 5, 5], "deconv1": [1, 64, 5, 5]}
REFINER = {"refine_conv1": [64, 4, 3, 3], "refine_conv2": [64, 64, 3, 3], "refine_conv3": [64, 64, 3, 3], "refine_pred": [1, 64, 3, 3]}


def with_biases(weights: Iterable[tuple[str, list[int]]]) -> Shapes:
    return {f"{layer}.{leaf}": shape[:size] for layer, shape in weights for leaf, size in (("weight", 4), ("bias", 1))}


def openmmlab_shapes() -> Shapes:
    encoder = [(f"layer{n}.{2 * at}", [out, into, 3, 3]) for n, layers in STAGES.items() for at, (into, out) in enumerate(layers)]
    backbone = [(f"encoder.{name}", shape) for name, shape in [*encoder, ("conv6", [512, 512, 1, 1])]]
    backbone += [(f"decoder.{name}", shape) for name, shape in DECODER.items()]
    refiner = [(f"refiner.{name}", shape) for name, shape in REFINER.items()]
    return with_biases([(f"backbone.{name}", shape) for name, shape in backbone] + refiner)


def release_1_3_shapes() -> Shapes:
    encoder = [(f"conv{n}_{at + 1}", [out, into, 3, 3]) for n, layers in STAGES.items() for at, (into, out) in enumerate(layers)]
    return with_biases([*encoder, ("conv6_1", [512, 512, 1, 1]), *DECODER.items(), *REFINER.items()])


def filled(golden: Path, shapes: Shapes, seed: int) -> dict[str, Tensor]:
    spec = importlib.util.spec_from_file_location("golden_fill", golden / "fill.py")
    assert spec is not None and spec.loader is not None
    fill = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fill)
    return {key: torch.from_numpy(value) for key, value in fill.fill(shapes, seed).items()}


def loaded(state: Mapping[str, Tensor], build: Mapping[str, Any]) -> dim.Dim:
    network = dim.build(**build)
    network.load_state_dict(dim.convert(state))
    return network.eval()


def samples(network: dim.Dim) -> list[list[float]]:
    noise = np.random.RandomState(0).standard_normal((1, 4, 96, 64)).astype(np.float32)
    with torch.inference_mode():
        return [alpha[0, 0, 10::20, 30].tolist() for alpha in network(torch.from_numpy(noise)) if alpha is not None]


def test_a_checkpoint_of_openmmlab_computes_what_mmagic_computes(shared: Path) -> None:
    network = loaded(filled(shared / "golden", openmmlab_shapes(), 3), OPENMMLAB)
    expected = [[0.525217, 0.572911, 0.488584, 0.519406, 0.535355], [0.49704, 0.238707, 0.347538, 0.348337, 0.797873]]
    np.testing.assert_allclose(samples(network), expected, atol=2e-5)
    case = np.load(shared / "golden" / "dim" / "e2e-stage1-A.npz")
    image, trimap = torch.from_numpy(case["image"]).permute(2, 0, 1)[None] / 255, torch.from_numpy(case["trimap"])[None, None] / 255
    with torch.inference_mode():
        alpha = dim.wrap(network, **OPENMMLAB)(image, trimap)[0][0, 0]
    unknown = [alpha[row, column].item() for row, column in ((0, 0), (36, 27), (69, 39), (101, 3), (131, 19), (180, 0))]
    np.testing.assert_allclose(unknown, [0.441395, 0.568738, 0.167424, 0.096195, 0.449592, 0.428286], atol=2e-5)
    known = trimap[0, 0] != 128 / 255
    assert torch.equal(alpha[known], trimap[0, 0][known])


def test_a_checkpoint_of_release_1_3_computes_what_its_code_computed(shared: Path) -> None:
    network = loaded(filled(shared / "golden", release_1_3_shapes(), 5), RELEASE_1_3)
    expected = [[0.480547, 0.501302, 0.494363, 0.493183, 0.549521], [0.140468, 0.810728, 0.320145, 0.613011, 0.610135]]
    np.testing.assert_allclose(samples(network), expected, atol=2e-5)


def zeros(shapes: Shapes) -> dict[str, Tensor]:
    return {key: torch.zeros(shape) for key, shape in shapes.items()}


@pytest.mark.parametrize(
    ("build", "complaint"), [(OPENMMLAB | {"refines": False}, "Unexpected key"), (OPENMMLAB | {"kernel": 3}, "size mismatch")]
)
def test_a_checkpoint_of_another_stage_or_kernel_is_reported(build: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(RuntimeError, match=complaint):
        loaded(zeros(openmmlab_shapes()), build)


def test_a_larger_picture_is_shrunk_and_its_alpha_comes_back_in_full_size() -> None:
    network = dim.build(**OPENMMLAB).eval()
    image, trimap = torch.rand(1, 3, 50, 90), torch.full((1, 1, 50, 90), 0.5)
    trimap[..., :30], trimap[..., 60:] = 0.0, 1.0
    with torch.inference_mode():
        alpha = dim.wrap(network, **OPENMMLAB)(image, trimap, 40)[0]
    assert alpha.shape == trimap.shape
    assert (alpha[..., :30] == 0).all() and (alpha[..., 60:] == 1).all()
    assert ((alpha[..., 30:60] > 0) & (alpha[..., 30:60] < 1)).all()
