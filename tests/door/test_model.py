"""Images and guides in every form give equal mattes; invalid ones are one-sentence errors."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import mattecli
from mattecli import Model
from mattecli.errors import InputError, ModelError, UsageError


@pytest.fixture(scope="module")
def model() -> Model:
    return mattecli.load("closed-form")


def test_every_form_of_an_image_gives_the_same_alpha(model: Model, scene: Path) -> None:
    expected = model("photo.png", trimap="trimap.png").alpha
    pixels, trimap = (np.asarray(Image.open(f"{name}.png")) for name in ("photo", "trimap"))
    planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    forms = [
        Image.open("photo.png"),
        pixels,
        pixels.astype(np.uint16) * 257,
        pixels / 255.0,
        io.BytesIO((scene / "photo.png").read_bytes()),
    ]
    for form in forms:
        np.testing.assert_allclose(model(form, trimap=trimap).alpha, expected, atol=1e-4)
    for form in (planes, planes.float() / 255, planes[None]):
        alpha = model(form, trimap=Image.open("trimap.png")).alpha
        assert isinstance(alpha, torch.Tensor) and alpha.shape == (*form.shape[:-3], 1, 72, 96)
        np.testing.assert_allclose(alpha.squeeze().numpy(), expected, atol=1e-4)


def test_guides_are_accepted_as_batched_tensors(model: Model, scene: Path) -> None:
    expected = model("photo.png", trimap="trimap.png")
    image = torch.from_numpy(np.array(Image.open("photo.png"))).permute(2, 0, 1) / 255
    trimap = torch.from_numpy(expected.trimap / 255.0)[None]
    both = model(torch.stack([image, image.flip(2)]), trimap=torch.stack([trimap, trimap.flip(2)]))
    assert both.alpha.shape == (2, 1, 72, 96) and both.foreground.shape == (2, 3, 72, 96) and len(both) == 2
    np.testing.assert_allclose(both.alpha[0, 0].numpy(), expected.alpha, atol=1e-4)
    np.testing.assert_allclose(both[1].foreground.permute(1, 2, 0).numpy(), expected.foreground[:, ::-1], atol=0.02)
    with pytest.raises(UsageError, match=r"the matte of 2 images; take one of them"):
        both.cutout()


def test_several_threads_may_call_one_model(model: Model, scene: Path) -> None:
    expected = model("photo.png", trimap="trimap.png").alpha
    with ThreadPoolExecutor(4) as pool:
        mattes = list(pool.map(lambda _: model("photo.png", trimap="trimap.png").alpha, range(8)))
    assert all(np.array_equal(alpha, expected) for alpha in mattes)


def test_a_batch_equals_its_images_one_by_one(model: Model, scene: Path) -> None:
    tables = [{"trimap": "trimap.png"}, {"strokes": "strokes.png"}]
    alone = [model("photo.png", **table).alpha for table in tables[:1] * 2]
    for matte, expected in zip(model.batch(["photo.png"] * 2, tables[:1] * 2), alone, strict=True):
        np.testing.assert_allclose(matte.alpha, expected, atol=1e-4)


def test_a_matte_reports_coverage_model_and_notes(model: Model, scene: Path) -> None:
    matte = model("photo.png", mask="true.png")
    assert (matte.model, matte.guide, matte.refiner, matte.device, matte.size, matte.bits) == (
        "closed-form",
        "mask",
        None,
        "cpu",
        (72, 96),
        8,
    )
    assert set(np.unique(matte.trimap)) == {0, 128, 255}
    assert list(matte.record()["split"]) == ["read", "guide", "matte", "refine"] and matte.record()["size"] == [96, 72]


def test_the_default_model_suits_the_given_guides(scene: Path) -> None:
    assert mattecli.load(guides=["trimap"]).name == "fusion"
    assert mattecli.load(guides={"background": "plate.png"}).name == "fusion-plate"


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((4, 4, 2), np.uint8), r"an array of shape \[4, 4, 2\] is no picture"),
        (np.full((4, 4, 3), 255.0), r"must lie in 0\.\.1; divide it"),
        (np.zeros((4, 4, 3), np.int64), "an array of int64 is no picture"),
        (torch.zeros(5, 4, 4), r"a tensor of shape \[5, 4, 4\] is no image"),
        (b"bytes", "bytes is no image; give a path"),
        (io.BytesIO(b""), "is empty"),
        ("none.png", "there is no file none.png"),
    ],
)
def test_inputs_that_are_no_images_are_errors(model: Model, scene: Path, image: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        model(image, trimap="trimap.png")


def test_contradicting_arguments_are_errors(model: Model, scene: Path) -> None:
    with pytest.raises(ModelError, match="no model called 'modnett'; did you mean modnet"):
        mattecli.load("modnett")
    with pytest.raises(UsageError, match="closed-form takes one way to a trimap"):
        mattecli.load("closed-form", guides=["background", "mask"])
    with pytest.raises(UsageError, match="needs a trimap"):
        model("photo.png")
    with pytest.raises(UsageError, match="works from a trimap already"):
        model.prepare(guides=["trimap"], refine="fusion")
    with pytest.raises(UsageError, match="has no option"):
        model("photo.png", trimap="trimap.png", options={"wings": 2})
    with pytest.raises(InputError, match=r"the mask is 4x4, the picture 96x72"):
        model("photo.png", mask=np.eye(4, dtype=bool))
