"""Laying a cut-out over a backdrop, and making the backdrop: a colour, or a picture fitted to the frame and out of focus.

All colours are encoded sRGB values, float32 in 0..1; the transfer function is that of IEC 61966-2-1.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import MatteError, UsageError
from mattecli.matting.levels import Levels, Plane, from_levels, to_levels

MIXED_AT_ONCE = 1 << 18
MODES = ("cover", "contain", "stretch")
# A wider Gaussian is made on a smaller picture, where its standard deviation is about this many pixels.
NARROW_SIGMA = 6.0
# OpenCV's Gaussian of floats ends this many standard deviations from its middle.
REACH = 4
# The A of OpenCV's bicubic kernel (Keys, "Cubic convolution interpolation for digital image processing", 1981).
KEYS = -0.75


def lay_over(foreground: Plane, alpha: Plane, backdrop: Plane, *, linear: bool = True) -> Plane:
    """The cut-out over the backdrop: float32 [H, W, 3] in 0..1, from straight (not premultiplied) colours.

    `foreground` and `backdrop` are encoded sRGB [H, W, 3], `alpha` is [H, W], all float32 in 0..1 and of one size.

    Which blend is right depends on what for. `linear=True` mixes light, as a lens does when an edge is out of focus or moving: no
    dark seam appears between two bright colours. `linear=False` mixes the encoded values, as image editors, browsers and video
    players do with a written cut-out, and it is the mixture that estimated mattes answer to: foregrounds and alphas here solve
    I = alpha F + (1 - alpha) B in encoded values. So laying a cut-out back over its own background reproduces the photo only with
    `linear=False`, and so do comparisons with composites made elsewhere; in linear light dark hair over a bright backdrop comes
    out a little thinner than in the photo, bright hair over a dark one a little fuller. Where alpha is 0 or 1 the two agree.
    Raises MatteError when the sizes differ.
    """
    if not foreground.shape[:2] == alpha.shape == backdrop.shape[:2]:
        sizes = f"the cut-out is {_size(foreground)}, its alpha {_size(alpha)} and the backdrop {_size(backdrop)} pixels"
        raise MatteError(f"{sizes}; fit them to one size first")
    laid = np.array(backdrop, np.float32, order="C")
    cv2.copyTo(foreground, (alpha >= 1).astype(np.uint8), laid)
    colours, shares, result = foreground.reshape(-1, 3), alpha.ravel(), laid.reshape(-1, 3)
    for some in _soft(alpha):
        result[some] = _mix(colours[some], shares[some][:, None], result[some], linear=linear)
    return laid


def lay_levels_over(
    own: Levels, solid: NDArray[np.bool_], soft: Plane, alpha: Plane, backdrop: Plane, levels: Levels, *, linear: bool = True
) -> Levels:
    """lay_over in integers, for a photo that shows the subject's colours itself wherever that is solid: of the photo's dtype, [H, W, 3].

    own: the photo, uint8 or uint16 [H, W, 3]. solid: bool [H, W], where its colours are the subject's; soft: float32 [3, H, W], these
    elsewhere. levels: the backdrop in integers of the photo's dtype. Most of a picture is either solid or backdrop, and goes no way
    through floats.
    """
    top = int(np.iinfo(own.dtype).max)
    laid = levels.copy()
    cv2.copyTo(own, (alpha >= 1).view(np.uint8), laid)
    photo, is_own, colours, shares = own.reshape(-1, 3), solid.ravel(), soft.reshape(3, -1), alpha.ravel()
    behind, result = backdrop.reshape(-1, 3), laid.reshape(-1, 3)
    for some in _soft(alpha):
        # take, for indexing by numbers reads the same in three times as long.
        front, share = colours.take(some, axis=1).T, shares.take(some)[:, None]
        front = np.where(is_own.take(some)[:, None], from_levels(photo.take(some, axis=0)), front)
        result[some] = to_levels(_mix(front, share, behind.take(some, axis=0), linear=linear), top)
    return laid


def _soft(alpha: Plane) -> list[NDArray[np.intp]]:
    """Flat indices of the pixels that are mixed, in parts, so that the linear copies of a large photo never exist as a whole."""
    soft = np.flatnonzero((alpha > 0) & (alpha < 1))
    return np.array_split(soft, len(soft) // MIXED_AT_ONCE + 1)


def own_where(solid: NDArray[np.bool_], own: Levels, others: Levels) -> Levels:
    """A photo's own colours [H, W, 3] where it is solid, bool [H, W], and others of its dtype elsewhere; these are written to."""
    cv2.copyTo(own, solid.view(np.uint8), others)
    return others


def shown(colours: Levels, alpha: Levels, *, hidden: Levels | None = None) -> Levels:
    """Colours [H, W, 3] where an alpha [H, W] of their dtype is more than 0; elsewhere those of `hidden`, or black."""
    result = np.zeros_like(colours) if hidden is None else hidden.copy()
    cv2.copyTo(colours, (alpha > 0).view(np.uint8), result)
    return result


def with_alpha(colours: Levels, alpha: Levels) -> Levels:
    """Straight RGBA [H, W, 4] of colours [H, W, 3] and an alpha [H, W] of one dtype."""
    picture: Any = cv2.cvtColor(colours, cv2.COLOR_RGB2RGBA)
    picture[..., 3] = alpha
    return np.asarray(picture)


def premultiply(foreground: Plane, alpha: Plane) -> Plane:
    """Colours as associated alpha wants them, [H, W, 3]: the encoded values times alpha, as 8-bit formats and image editors do it."""
    return foreground * alpha[:, :, None]


def plain(height: int, width: int, colour: tuple[float, float, float]) -> Plane:
    """A backdrop of one colour: float32 [height, width, 3]."""
    return np.full((height, width, 3), colour, np.float32)


def fit(backdrop: Plane, height: int, width: int, *, mode: str = "cover", sigma: float = 0.0) -> Plane:
    """The backdrop [h, w, 3] at the size of a frame: float32 [height, width, 3] in 0..1.

    `cover` fills the frame and crops what is over at the middle, `contain` shows all of the backdrop between black bars, and
    `stretch` gives up its proportions. Shrinking averages areas, enlarging is bicubic. `sigma` puts it out of focus: the standard
    deviation of a Gaussian, in pixels of the frame. What falls outside of the frame, however much, is not made. Raises UsageError for
    another mode.
    """
    check_mode(mode)
    rows, columns = backdrop.shape[:2]
    vertical, horizontal = height / rows, width / columns
    if mode != "stretch":
        vertical = horizontal = max(vertical, horizontal) if mode == "cover" else min(vertical, horizontal)
    size = max(1, round(rows * vertical)), max(1, round(columns * horizontal))
    reach = math.ceil(REACH * sigma)
    resized = _resize(backdrop, size, (_seen(size[0], height, reach), _seen(size[1], width, reach)))
    return _centre(_defocus(resized, sigma), height, width)


def check_mode(mode: str) -> None:
    """Raise UsageError for what is not a way to fit a backdrop."""
    if mode not in MODES:
        raise UsageError(f"'{mode}' is not a way to fit a backdrop; choose one of {', '.join(MODES)}")


def _mix(foreground: Plane, share: Plane, backdrop: Plane, *, linear: bool) -> Plane:
    if linear:
        return _from_light(_mix(_to_light(foreground), share, _to_light(backdrop), linear=False))
    return share * foreground + (1 - share) * backdrop


def _to_light(encoded: Plane) -> Plane:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _from_light(light: Plane) -> Plane:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _size(plane: Plane) -> str:
    return f"{plane.shape[1]} x {plane.shape[0]}"


def _seen(length: int, frame: int, reach: int) -> range:
    """Which of a backdrop's rows, or columns, lie in a frame that has its middle, or so near that a blur brings them in."""
    before = (length - frame) // 2
    return range(max(before - reach, 0), min(before + frame + reach, length))


def _resize(plane: Plane, size: tuple[int, int], seen: tuple[range, range]) -> Plane:
    """The rows and columns `seen` of a plane at a size. Each axis by itself, because one may shrink and the other grow."""
    # The axis that leaves less to do for the other comes first.
    for axis in sorted((0, 1), key=lambda axis: len(seen[axis]) / plane.shape[axis]):
        plane = _resize_axis(plane, axis, size[axis], seen[axis])
    # The bicubic kernel swings past 0 and 1 at hard edges.
    return plane.clip(0, 1)


def _resize_axis(plane: Plane, axis: int, length: int, seen: range) -> Plane:
    before = plane.shape[axis]
    if length > before and len(seen) < length:
        return _enlarge_part(plane, axis, length, seen)
    columns, rows = (plane.shape[1], length) if axis == 0 else (length, plane.shape[0])
    whole = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA if length < before else cv2.INTER_CUBIC)
    part = slice(seen.start, seen.stop)
    return np.asarray(whole[part] if axis == 0 else whole[:, part], np.float32)


def _enlarge_part(plane: Plane, axis: int, length: int, seen: range) -> Plane:
    """What OpenCV's bicubic filter makes of an axis that grows to `length`, but only the part that is seen."""
    before = plane.shape[axis]
    places = (np.arange(seen.start, seen.stop) + 0.5) * before / length - 0.5
    first = np.floor(places).astype(int) - 1
    shape = [-1 if each == axis else 1 for each in range(3)]
    part = 0.0
    for place in (first, first + 1, first + 2, first + 3):
        weight = _bicubic(np.abs(places - place)).astype(np.float32).reshape(shape)
        part = part + weight * plane.take(place.clip(0, before - 1), axis)
    return np.asarray(part, np.float32)


def _bicubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    near = ((KEYS + 2) * distance - (KEYS + 3)) * distance**2 + 1
    far = ((KEYS * distance - 5 * KEYS) * distance + 8 * KEYS) * distance - 4 * KEYS
    return np.where(distance <= 1, near, far)


def _defocus(plane: Plane, sigma: float) -> Plane:
    """Blurred as light is, so that small bright lamps stay bright; the border is carried on outside."""
    if sigma <= 0:
        return plane
    height, width = plane.shape[:2]
    light = np.asarray(_to_light(plane), np.float32)
    step = min(int(max(sigma / NARROW_SIGMA, 1)), height, width)
    small = cv2.resize(light, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE)
    enlarged = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(_from_light(np.asarray(enlarged, np.float32).clip(0, 1)), np.float32)


def _centre(plane: Plane, height: int, width: int) -> Plane:
    """Cropped or set between black bars, axis by axis, so that its middle is the frame's middle."""
    top, left = (plane.shape[0] - height) // 2, (plane.shape[1] - width) // 2
    plane = plane[max(top, 0) : max(top, 0) + height, max(left, 0) : max(left, 0) + width]
    bars_above, bars_left = (height - plane.shape[0]) // 2, (width - plane.shape[1]) // 2
    centred = np.zeros((height, width, 3), np.float32)
    centred[bars_above : bars_above + plane.shape[0], bars_left : bars_left + plane.shape[1]] = plane
    return centred
