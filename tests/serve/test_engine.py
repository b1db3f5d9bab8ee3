"""From what is asked to files, without a service around it."""

from pathlib import Path

import numpy as np
import pytest

from mattecli.io.images import read_photo
from mattecli.serve.engine import MOST_MODELS, Engine, Made
from mattecli.serve.forms.asked import Asked
from mattecli.serve.problems import RequestError
from mattecli.serve.settings import Settings


def asked(pictures: Path, folder: Path, **changes: object) -> Asked:
    folder.mkdir()
    photo = folder / "image"
    photo.write_bytes((pictures / "photo.png").read_bytes())
    return Asked(photo, {"trimap": pictures / "trimap.png"}, (72, 96), ("alpha",), model="closed-form", **changes)  # type: ignore[arg-type]


def test_similar_requests_share_a_batch_with_unchanged_results(pictures: Path, tmp_path: Path) -> None:
    engine = Engine(Settings(device="cpu"))
    works = [asked(pictures, tmp_path / str(number)) for number in range(3)]
    engine._most_together = 2  # as on a GPU
    assert engine.together(works) == 2
    together, alone = engine.make_all(works[:2]), engine.make_all(works[2:])
    made = [read_photo(result.files["alpha"]).pixels for result in (*together, *alone) if isinstance(result, Made)]
    assert len(made) == 3
    np.testing.assert_array_equal(made[0], made[2])
    np.testing.assert_array_equal(made[1], made[2])


def test_a_bad_request_in_a_batch_fails_alone(pictures: Path, tmp_path: Path) -> None:
    works = [asked(pictures, tmp_path / str(number)) for number in range(2)]
    works[1].image.write_bytes(works[1].image.read_bytes()[:200])
    good, bad = Engine(Settings(device="cpu")).make_all(works)
    assert isinstance(good, Made) and isinstance(bad, RequestError)
    assert bad.status == 422 and "image is damaged" in bad.detail and str(tmp_path) not in bad.detail


@pytest.mark.parametrize("change", [{"size": (72, 97)}, {"refine": "none"}, {"quality": "fast"}, {"options": {"epsilon": "1e-7"}}])
def test_requests_that_differ_are_not_batched(pictures: Path, tmp_path: Path, change: dict[str, object]) -> None:
    from dataclasses import replace

    engine = Engine(Settings(device="cpu"))
    engine._most_together = 8
    first = asked(pictures, tmp_path / "first")
    assert engine.together([first, replace(first, **change), first]) == 1  # type: ignore[arg-type]


def test_the_number_of_loaded_models_is_bounded() -> None:
    engine = Engine(Settings(device="cpu"))
    for guides in ((), ("trimap",), ("mask",), ("strokes",), ("mask", "background"), ("trimap", "background")):
        engine._model_for(None, guides)
    assert len(engine._open) == MOST_MODELS
