"""How far a matte is from the true one: SAD, MSE, MAD, Grad, Conn, dtSSD and the foreground's MSE, in the scales of named conventions.

Mattes are float32 [H, W] in 0..1: a stored level divided by its full scale (255 or 65535), as the references do; a multiplication by
1/255 would round differently and let levels miss Conn's thresholds. Regions are bool [H, W].

SAD, MSE, Grad and Conn follow the MATLAB functions of Ning Xu (Xu et al., Deep Image Matting, CVPR 2017; Grad and Conn were proposed by
Rhemann et al., CVPR 2009), published again in the folder eval of PeterL1n/BackgroundMattingV2; dtSSD is that of Erofeev et al.
(BMVC 2015) as evaluation/evaluate_hr.py of PeterL1n/RobustVideoMatting computes it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.matting.parts import connected_parts
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

Plane = NDArray[np.float32]
Region = NDArray[np.bool_]

GRAD_SIGMA, GRAD_CUT = 1.4, 1e-2
# single() of MATLAB's 0:0.1:1. In double precision 0.6 would come out above the level 153 of 255.
CONN_LEVELS = (np.arange(11) / 10).astype(np.float32)
CONN_SLACK = np.float32(0.15)


@dataclass(frozen=True)
class Convention:
    """How one line of papers turns two mattes into numbers.

    about: one sentence for people. scales: the metrics it has, in the order they are shown, and the factor each is printed with.
    takes_trimap: only a trimap's unknown pixels count. forces_known: the trimap's known pixels of the prediction are set to 0 and 1
    first. stretches: Grad stretches each matte to 0..1. fg_over_subject: the foreground's MSE is a mean over the pixels where the true
    alpha is above 0, and not over all that count.
    """

    name: str
    about: str
    scales: Mapping[str, float]
    takes_trimap: bool = True
    forces_known: bool = False
    stretches: bool = True
    fg_over_subject: bool = False


CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention(
            "dim",
            "Deep Image Matting on Composition-1k: SAD, Grad and Conn in thousands, MSE and MAD plain means",
            {"sad": 1e-3, "mse": 1.0, "mad": 1.0, "grad": 1e-3, "conn": 1e-3},
            forces_known=True,
        ),
        Convention(
            "bgmv2",
            "BackgroundMattingV2: SAD in thousands, Grad and Conn plain sums, MSE, MAD and foreground MSE plain means",
            {"sad": 1e-3, "mse": 1.0, "mad": 1.0, "grad": 1.0, "conn": 1.0, "fg_mse": 1.0},
        ),
        Convention(
            "rvm",
            "RobustVideoMatting: MAD, MSE and foreground MSE times 1000, Grad and Conn in thousands, dtSSD times 100",
            {"mad": 1e3, "mse": 1e3, "grad": 1e-3, "conn": 1e-3, "dtssd": 1e2, "fg_mse": 1e3},
            takes_trimap=False,
            stretches=False,
            fg_over_subject=True,
        ),
        Convention("modnet", "MODNet: MAD and MSE as plain means", {"mad": 1.0, "mse": 1.0}, takes_trimap=False),
    )
}


@dataclass(frozen=True)
class Sample:
    """A matte beside the true one, both float32 [H, W] in 0..1.

    trimap: uint8 [H, W], of which only the level 128 is unknown, or None. colours: the predicted and the true foreground, float32
    [H, W, 3] in 0..1, or None where one of them is not known.
    """

    predicted: Plane
    true: Plane
    trimap: NDArray[np.uint8] | None = None
    colours: tuple[Plane, Plane] | None = None

    @property
    def region(self) -> Region:
        """The pixels that count."""
        return np.full(self.true.shape, True) if self.trimap is None else self.trimap == UNKNOWN


def prepared(sample: Sample, convention: Convention) -> Sample:
    """The sample as the convention looks at it. Raises InputError when sizes differ or the trimap's grey is not 128."""
    _check_sizes(sample)
    trimap = sample.trimap if convention.takes_trimap else None
    if trimap is None:
        return replace(sample, trimap=None)
    _check_levels(trimap)
    if not convention.forces_known:
        return sample
    predicted = np.select([trimap == BACKGROUND, trimap == FOREGROUND], [np.float32(0), np.float32(1)], sample.predicted)
    return replace(sample, predicted=predicted)


def measure(sample: Sample, convention: Convention, *, before: Sample | None = None) -> dict[str, float | None]:
    """The convention's numbers for a prepared sample, by metric: sad, mse, mad, grad, conn, dtssd, fg_mse.

    A mean over no pixel (a trimap without unknown ones) is None. dtssd needs the clip's sample `before` and fg_mse the colours;
    without them they are left out.
    """
    region = sample.region
    error = (sample.predicted - sample.true)[region]
    ways: dict[str, Callable[[], float | None]] = {
        "sad": lambda: sad(error),
        "mse": lambda: mse(error),
        "mad": lambda: mad(error),
        "grad": lambda: grad(sample.predicted, sample.true, region, stretches=convention.stretches),
        "conn": lambda: conn(sample.predicted, sample.true, region),
    }
    if before is not None:
        ways["dtssd"] = lambda: dtssd((before.predicted, sample.predicted), (before.true, sample.true))
    if sample.colours is not None:
        ways["fg_mse"] = lambda: fg_mse(sample, over_subject=convention.fg_over_subject)
    return {name: _scaled(ways[name](), scale) for name, scale in convention.scales.items() if name in ways}


def sad(error: Plane) -> float:
    """The sum of absolute differences, of any shape."""
    return float(np.abs(error).sum(dtype=np.float64))


def mse(error: Plane) -> float | None:
    """The mean of squared differences; None when there are none."""
    return float(np.square(error).mean(dtype=np.float64)) if error.size else None


def mad(error: Plane) -> float | None:
    """The mean of absolute differences; None when there are none."""
    return float(np.abs(error).mean(dtype=np.float64)) if error.size else None


def grad(predicted: Plane, true: Plane, region: Region, *, stretches: bool = True) -> float:
    """The sum of squared differences between the two mattes' gradient magnitudes, over a region of the picture."""
    difference = _gradient(predicted, stretches) - _gradient(true, stretches)
    return float(np.square(difference[region]).sum(dtype=np.float64))


def conn(predicted: Plane, true: Plane, region: Region) -> float:
    """How differently the mattes' pixels hang together with the largest part solid in both, summed over a region of the picture."""
    solid = np.minimum(predicted, true)
    connected = np.full(true.shape, True)
    steps = np.zeros(true.shape, np.uint8)  # thresholds for which a pixel belongs to the largest part without a break
    for level in CONN_LEVELS[1:]:
        connected &= _largest_part(solid >= level)
        steps += connected
    held = CONN_LEVELS[steps[region]]
    difference = _detachment(predicted[region], held) - _detachment(true[region], held)
    return float(np.abs(difference).sum(dtype=np.float64))


def dtssd(predicted: tuple[Plane, Plane], true: tuple[Plane, Plane]) -> float:
    """The root mean square of how differently two mattes change from one frame to the next; each is (earlier, later)."""
    difference = (predicted[1] - predicted[0]) - (true[1] - true[0])
    return math.sqrt(np.square(difference).mean(dtype=np.float64))


def fg_mse(sample: Sample, *, over_subject: bool) -> float | None:
    """The mean squared difference of the foreground colours that count: none where the true alpha is 0.

    It is a mean over the three channels and over all pixels of the region, or `over_subject` over those with true alpha above 0.
    """
    if sample.colours is None:
        return None
    subject = sample.region & (sample.true > 0)
    count = np.count_nonzero(subject if over_subject else sample.region)
    predicted, true = sample.colours
    total = np.square(predicted[subject] - true[subject]).sum(dtype=np.float64)
    return float(total / (3 * count)) if count else None


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _check_sizes(sample: Sample) -> None:
    for name, other in (("prediction", sample.predicted), ("trimap", sample.trimap)):
        if other is not None and other.shape != sample.true.shape:
            raise InputError(f"the {name} is {_size(other)} pixels but the true matte {_size(sample.true)}; bring the {name} to that size")


def _size(plane: NDArray[np.generic]) -> str:
    return f"{plane.shape[1]}x{plane.shape[0]}"


def _check_levels(trimap: NDArray[np.uint8]) -> None:
    """The references count `trimap == 128` and nothing else, so a trimap drawn with 127 would silently count nothing."""
    if (trimap == UNKNOWN).any():
        return
    between = trimap[(trimap != BACKGROUND) & (trimap != FOREGROUND)]
    if between.size:
        raise InputError(f"the trimap's grey is {int(np.median(between))} but only 128 counts as unknown; save it with 0, 128 and 255")


def _gradient(matte: Plane, stretches: bool) -> Plane:
    """The gradient's magnitude by derivatives of a Gaussian: MATLAB's mat2gray, imfilter(..., 'replicate') in double, then single."""
    low, high = (float(matte.min()), float(matte.max())) if stretches else (0.0, 1.0)
    levels = (matte.astype(np.float64) - low) / ((high - low) or 1.0)
    smooth, slope = _gaussian()
    across = cv2.sepFilter2D(levels, cv2.CV_64F, slope, smooth, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(levels, cv2.CV_64F, smooth, slope, borderType=cv2.BORDER_REPLICATE)
    return cv2.magnitude(across, down).astype(np.float32)


def _gaussian() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A Gaussian and its derivative, cut where it falls below GRAD_CUT; their outer product has the norm 1."""
    reach = math.ceil(GRAD_SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * GRAD_SIGMA * GRAD_CUT)))
    offsets = np.arange(-reach, reach + 1, dtype=np.float64)
    smooth = np.exp(-(offsets**2) / (2 * GRAD_SIGMA**2))
    slope = offsets * smooth
    return smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope)


def _largest_part(mask: Region) -> Region:
    """The largest 4-connected part of a mask; of several equally large ones the first that a scan by columns meets.

    That is the order of MATLAB's bwconncomp, whose first maximum the references take. An empty mask has an empty largest part (where
    MATLAB stops with an error).
    """
    parts = connected_parts(mask)
    largest = parts.areas == parts.areas.max(initial=0)
    if not largest.any():
        return mask
    column = parts.lefts[largest].min()
    first = parts.union(largest)[:, column].argmax()
    part: Region = parts.labels == parts.labels[first, column]
    return part


def _detachment(matte: Plane, held: Plane) -> Plane:
    """Rhemann's phi: 1 less what a pixel has beyond the level up to which it is connected, where that is 0.15 or more."""
    beyond = matte - held
    return 1 - beyond * (beyond >= CONN_SLACK)
