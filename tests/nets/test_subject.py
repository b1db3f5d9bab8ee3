"""The network that finds subjects: its published half to the bit that floats allow, its contract at any size."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mattecli.core.torchscript import script
from mattecli.nets import subject
from training.adopt import adopt


@pytest.fixture(scope="module")
def network() -> subject.CompleteSubject:
    torch.manual_seed(0)
    return subject.wrap(subject.build()).eval()


@pytest.mark.parametrize("size", [(1, 1), (33, 70), (400, 20)])
def test_any_size_has_a_matte_and_a_verdict(network: subject.CompleteSubject, size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        alpha, foreground, verdict = network(image, side=64, second=32)
        alone = network(image[1:], side=64, second=32)
    assert alpha.shape == (2, 1, *size) and foreground is None and verdict.shape == (2, 2)
    assert alpha.min() >= 0.0 and alpha.max() <= 1.0 and verdict.min() > 0.0 and verdict.max() < 1.0
    torch.testing.assert_close(alpha[1:], alone[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(verdict[1:], alone[2], atol=1e-5, rtol=0)


def test_the_export_gives_the_outputs_of_the_network(network: subject.CompleteSubject) -> None:
    image = torch.rand(1, 3, 50, 40, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        exported, expected = script(network)(image, 64, 32), network(image, 64, 32)
    assert torch.equal(exported[0], expected[0]) and torch.equal(exported[2], expected[2])


def test_two_views_are_averaged(network: subject.CompleteSubject) -> None:
    image = torch.rand(1, 3, 50, 40, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        both, large, small = network(image, 64, 32), network(image, 64, 0), network(image, 32, 0)
    for answer in (0, 2):
        torch.testing.assert_close(both[answer], (large[answer] + small[answer]) / 2)
    assert not torch.equal(both[0], large[0])


def test_exposure_does_not_change_the_outputs() -> None:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(subject.prepared(image, 32), subject.prepared(0.5 * image, 32))
    assert subject.prepared(torch.zeros(1, 3, 8, 8), 32).isfinite().all(), "a black picture"


def test_the_published_network_gives_its_reference_outputs(shared: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    published = shared / "training" / "people" / "teachers" / "u2netp.onnx"
    adopt(published, tmp_path / "start.pt")
    network = subject.build().eval()
    network.load_state_dict(torch.load(tmp_path / "start.pt", weights_only=True), strict=False)
    seen = torch.randn(1, 3, 320, 320, generator=torch.Generator().manual_seed(4))
    reference = onnxruntime.InferenceSession(str(published)).run(None, {"input.1": seen.numpy()})
    with torch.inference_mode():
        logits, _ = network(seen)
    for place, expected in enumerate(reference):
        assert np.abs(torch.sigmoid(logits[:, place : place + 1]).numpy() - expected).max() < 1e-4, place
