"""Metrics against numbers worked out by hand, by a second way of computing them, and by the authors' own code under GNU Octave."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.evaluation.metrics import CONVENTIONS, Sample, conn, dtssd, grad, measure, prepared

Plane = NDArray[np.float32]


def _plane(*rows: list[float]) -> Plane:
    return np.array(rows, np.float32)


def _everywhere(plane: Plane) -> NDArray[np.bool_]:
    return np.full(plane.shape, True)


def _numbers(sample: Sample, convention: str, **more: Sample) -> dict[str, float | None]:
    return measure(prepared(sample, CONVENTIONS[convention]), CONVENTIONS[convention], **more)


PREDICTED, TRUE = _plane([0.5, 0.2], [1.0, 0.0]), _plane([1.0, 0.2], [0.6, 0.0])
TRIMAP = np.array([[128, 128], [255, 0]], np.uint8)


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("dim", {"sad": 0.0005, "mse": 0.125, "mad": 0.25}),
        ("bgmv2", {"sad": 0.0005, "mse": 0.125, "mad": 0.25}),
    ],
)
def test_only_the_unknown_pixels_of_a_trimap_count(convention: str, expected: dict[str, float]) -> None:
    numbers = _numbers(Sample(PREDICTED, TRUE, TRIMAP), convention)
    assert {name: numbers[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("dim", {"sad": 0.0009, "mse": 0.41 / 4, "mad": 0.9 / 4}),
        ("rvm", {"mad": 225.0, "mse": 102.5}),
        ("modnet", {"mad": 0.225, "mse": 0.1025}),
    ],
)
def test_without_a_trimap_every_pixel_counts_in_the_scale_of_the_convention(convention: str, expected: dict[str, float]) -> None:
    numbers = _numbers(Sample(PREDICTED, TRUE), convention)
    assert {name: numbers[name] for name in expected} == pytest.approx(expected)


def test_each_convention_has_its_own_metrics() -> None:
    assert {name: list(_numbers(Sample(PREDICTED, TRUE), name)) for name in CONVENTIONS} == {
        "dim": ["sad", "mse", "mad", "grad", "conn"],
        "bgmv2": ["sad", "mse", "mad", "grad", "conn"],
        "rvm": ["mad", "mse", "grad", "conn"],
        "modnet": ["mad", "mse"],
    }


def test_dim_sets_known_pixels_before_neighbourhoods_are_compared_and_bgmv2_does_not() -> None:
    true = np.zeros((9, 9), np.float32)
    true[:, 5:] = 1
    predicted = true.copy()
    predicted[:, 6:] = 0.5  # wrong only where the trimap knows better
    trimap = np.where(true > 0, 255, 0).astype(np.uint8)
    trimap[:, 4:6] = 128
    assert _numbers(Sample(predicted, true, trimap), "dim")["grad"] == 0
    unforced = _numbers(Sample(predicted, true, trimap), "bgmv2")
    assert unforced["grad"] is not None and unforced["grad"] > 0.1


def _plain_gradient(matte: Plane) -> NDArray[np.float64]:
    """gaussgradient.m and imfilter(..., 'replicate') written out: one pixel, one sum."""
    reach, sigma = 4, 1.4
    gauss = [math.exp(-(i**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi)) for i in range(-reach, reach + 1)]
    kernel = np.array([[gauss[i] * -(j - reach) * gauss[j] / sigma**2 for j in range(9)] for i in range(9)])
    kernel /= np.sqrt((kernel**2).sum())
    padded = np.pad(matte.astype(np.float64), reach, mode="edge")
    amplitude = np.zeros(matte.shape)
    for row, column in np.ndindex(*matte.shape):
        window = padded[row : row + 9, column : column + 9]
        amplitude[row, column] = np.hypot((window * kernel).sum(), (window * kernel.T).sum())
    return amplitude


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (12, 15)])
def test_grad_equals_the_explicit_sum_even_below_the_kernel_size(size: tuple[int, int]) -> None:
    predicted, true = np.random.default_rng(5).random((2, *size), np.float32)
    region = np.random.default_rng(6).random(size) < 0.7
    plain = ((_plain_gradient(predicted) - _plain_gradient(true)) ** 2)[region].sum()
    assert grad(predicted, true, region, stretches=False) == pytest.approx(plain, rel=1e-5, abs=1e-9)


def test_grad_stretches_each_matte_to_the_full_range_except_for_rvm() -> None:
    true = np.tile(np.linspace(0, 1, 12, dtype=np.float32), (12, 1))
    faint = 0.25 + true / 2
    assert grad(faint, true, _everywhere(true)) == pytest.approx(0, abs=1e-9)
    assert grad(faint, true, _everywhere(true), stretches=False) > 0.1
    stretched, plain = _numbers(Sample(faint, true), "dim")["grad"], _numbers(Sample(faint, true), "rvm")["grad"]
    assert stretched == pytest.approx(0, abs=1e-9) and plain is not None and plain > 1e-4


def test_a_matte_of_one_level_has_no_gradient() -> None:
    flat = np.full((5, 6), 0.5, np.float32)
    assert grad(flat, np.ones_like(flat), _everywhere(flat)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("predicted", "true", "expected"),
    [
        ([1, 1, 0, 0.5], [1, 1, 0, 1], 0.5),  # an island: its level is 0, so 0.5 and 1 of it are detached
        ([1, 0.9], [1, 1], 0.0),  # attached up to 0.9; what is beyond, 0.1, is below the slack of 0.15
        ([1, 0.5], [1, 0.7], 0.2),  # attached up to 0.5; 0.2 beyond
        ([0.12, 0.12, 0.12, 0, 1, 0.5], [0.12, 0.12, 0.12, 0, 1, 0.54], 0.04),  # once detached it stays so: 0.5 beside 0.54
        ([0.5, 0.5], [1, 1], 1.0),  # nothing solid above 0.5: every pixel leaves the empty part there
        ([0, 0], [0.1, 0], 0.0),  # nothing solid at all, and nothing beyond the slack
    ],
)
def test_conn_equals_values_computed_by_hand(predicted: list[float], true: list[float], expected: float) -> None:
    assert conn(_plane(predicted), _plane(true), _everywhere(_plane(true))) == pytest.approx(expected, abs=1e-6)


def test_a_level_on_a_threshold_reaches_it() -> None:
    # Six tenths of 255 is 153. In double precision numpy's arange gives 0.6000000000000001, and the pixel would stop at 0.5.
    predicted, true = (np.array([levels], np.float32) / np.float32(255) for levels in ([255, 153], [255, 204]))
    assert conn(predicted, true, _everywhere(true)) == pytest.approx(0.2, abs=1e-6)


def test_of_two_equally_large_parts_the_first_by_columns_is_the_subject() -> None:
    predicted, true = np.zeros((2, 3, 4), np.float32)
    predicted[0, 2:] = predicted[2, :2] = 0.5
    true[0, 2:], true[2, :2] = 1, 0.6
    # The lower left part is attached up to 0.5, so its 0.1 beyond is slack; the upper right one is detached: 0.5 beside 1, twice.
    assert conn(predicted, true, _everywhere(true)) == pytest.approx(1.0, abs=1e-6)


def test_the_authors_functions_under_octave_agree_on_blocks_of_tenths() -> None:
    # Recorded with GNU Octave 7.3 and the functions of PeterL1n/BackgroundMattingV2; ties are met here (by rows Conn would be 36.9).
    rows, columns = np.mgrid[:21, :27]
    tenths = 3 * (rows // 3) ** 2 + 6 * (columns // 3) + 3 * (rows // 3) * (columns // 3)
    true = np.round(25.5 * (tenths % 11)).astype(np.uint8)
    predicted = np.round(25.5 * ((tenths + tenths // 7 % 3) % 11)).astype(np.uint8)
    trimap = np.where((rows + columns) % 5 > 0, 128, np.where(true > 127, 255, 0)).astype(np.uint8)
    mattes = (levels.astype(np.float32) / np.float32(255) for levels in (predicted, true))
    numbers = _numbers(Sample(*mattes, trimap), "bgmv2")
    expected = {"sad": 0.0389215723, "mse": 0.0232150164, "grad": 20.4581738, "conn": 39.1862755}
    assert {name: numbers[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_a_trimap_without_unknown_pixels_gives_sums_of_nothing_and_no_means() -> None:
    known = np.array([[255, 255], [0, 0]], np.uint8)
    assert _numbers(Sample(PREDICTED, TRUE, known), "bgmv2") == {"sad": 0, "mse": None, "mad": None, "grad": 0, "conn": 0}


def test_dtssd_is_the_difference_of_temporal_gradients() -> None:
    before, after = _plane([0.0, 0.0]), _plane([0.5, 0.0])
    still, brighter = _plane([0.3, 0.3]), _plane([0.4, 0.4])
    assert dtssd((still, brighter), (before, before)) == pytest.approx(0.1)
    assert dtssd((still, still), (before, after)) == pytest.approx(math.sqrt(0.125))
    assert _numbers(Sample(after, still), "rvm", before=Sample(before, still))["dtssd"] == pytest.approx(100 * math.sqrt(0.125))


def test_foreground_mse_ignores_pixels_of_true_alpha_0() -> None:
    alpha = _plane([1.0, 0.5, 0.0, 0.0])
    predicted, true = np.zeros((2, 1, 4, 3), np.float32)
    predicted[0, 0], predicted[0, 2] = (0.3, 0.6, 0.0), 1.0
    squares = 0.09 + 0.36
    sample = Sample(alpha, alpha, colours=(predicted, true))
    assert _numbers(sample, "bgmv2")["fg_mse"] == pytest.approx(squares / 3 / 4)  # a mean over all that is counted
    assert _numbers(sample, "rvm")["fg_mse"] == pytest.approx(1000 * squares / 3 / 2)  # over the subject
    of_three = Sample(alpha, alpha, np.array([[128, 128, 128, 0]], np.uint8), (predicted, true))
    assert _numbers(of_three, "bgmv2")["fg_mse"] == pytest.approx(squares / 3 / 3)


def test_other_sizes_and_other_greys_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"prediction is 3x1 pixels but the true matte 2x2"):
        _numbers(Sample(_plane([0, 0, 0]), TRUE), "modnet")
    with pytest.raises(InputError, match=r"trimap is 1x2 pixels"):
        _numbers(Sample(PREDICTED, TRUE, TRIMAP[:, :1]), "dim")
    with pytest.raises(InputError, match=r"grey is 127 but only 128 counts"):
        _numbers(Sample(PREDICTED, TRUE, np.minimum(TRIMAP, 127)), "dim")
