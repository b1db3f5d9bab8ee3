"""Laying a cut-out over a backdrop, and making the backdrop: a colour, or a picture fitted to the frame.

All colours are encoded sRGB values, float32 in 0..1; the transfer function is that of IEC 61966-2-1.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from mattecli.errors import MatteError

Plane = NDArray[np.float32]
STRIP_ROWS = 256
MODES = ("cover", "contain", "stretch")


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
    if not linear:
        return _mix(foreground, alpha, backdrop)
    laid = np.empty_like(foreground)
    # In strips, so that the linear copies of a large photo never exist as a whole.
    for top in range(0, len(laid), STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        laid[rows] = _from_light(_mix(_to_light(foreground[rows]), alpha[rows], _to_light(backdrop[rows])))
    return laid


def parse_colour(text: str) -> tuple[float, float, float]:
    """A colour as (red, green, blue) in 0..1, from a CSS name, `#rgb`, `#rrggbb`, or `r,g,b` with 0..255 each.

    Raises MatteError for anything else, colours with an alpha among it.
    """
    try:
        parts = [int(part) for part in text.split(",")] if "," in text and "(" not in text else list(ImageColor.getrgb(text.strip()))
    except ValueError:
        parts = []
    if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
        raise MatteError(f"'{text}' is not a colour; give a CSS name such as orange, or #rgb, #rrggbb, or r,g,b with 0 to 255 each")
    red, green, blue = (part / 255 for part in parts)
    return red, green, blue


def plain(height: int, width: int, colour: tuple[float, float, float]) -> Plane:
    """A backdrop of one colour: float32 [height, width, 3]."""
    return np.full((height, width, 3), colour, np.float32)


def fit(backdrop: Plane, height: int, width: int, *, mode: str = "cover") -> Plane:
    """The backdrop [h, w, 3] at the size of a frame: float32 [height, width, 3] in 0..1.

    `cover` fills the frame and crops what is over at the middle, `contain` shows all of the backdrop between black bars, and
    `stretch` gives up its proportions. Shrinking averages areas, enlarging is bicubic. Raises MatteError for another mode.
    """
    if mode not in MODES:
        raise MatteError(f"'{mode}' is not a way to fit a backdrop; choose one of {', '.join(MODES)}")
    if mode == "stretch":
        return _resize(backdrop, height, width)
    vertical, horizontal = height / backdrop.shape[0], width / backdrop.shape[1]
    scale = max(vertical, horizontal) if mode == "cover" else min(vertical, horizontal)
    resized = _resize(backdrop, max(1, round(backdrop.shape[0] * scale)), max(1, round(backdrop.shape[1] * scale)))
    return _centre(resized, height, width)


def _mix(foreground: Plane, alpha: Plane, backdrop: Plane) -> Plane:
    share = alpha[:, :, None]
    return share * foreground + (1 - share) * backdrop


def _to_light(encoded: Plane) -> Plane:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _from_light(light: Plane) -> Plane:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _size(plane: Plane) -> str:
    return f"{plane.shape[1]} x {plane.shape[0]}"


def _resize(plane: Plane, height: int, width: int) -> Plane:
    """Each axis by itself, because a stretched picture may shrink along one and grow along the other."""
    rows, columns = plane.shape[:2]
    plane = cv2.resize(plane, (columns, height), interpolation=_filter(rows, height)).astype(np.float32, copy=False)
    plane = cv2.resize(plane, (width, height), interpolation=_filter(columns, width)).astype(np.float32, copy=False)
    # The bicubic kernel swings past 0 and 1 at hard edges.
    return plane.clip(0, 1)


def _filter(before: int, after: int) -> int:
    return cv2.INTER_AREA if after < before else cv2.INTER_CUBIC


def _centre(plane: Plane, height: int, width: int) -> Plane:
    """Cropped or set between black bars, axis by axis, so that its middle is the frame's middle."""
    top, left = (plane.shape[0] - height) // 2, (plane.shape[1] - width) // 2
    plane = plane[max(top, 0) : max(top, 0) + height, max(left, 0) : max(left, 0) + width]
    bars_above, bars_left = (height - plane.shape[0]) // 2, (width - plane.shape[1]) // 2
    centred = np.zeros((height, width, 3), np.float32)
    centred[bars_above : bars_above + plane.shape[0], bars_left : bars_left + plane.shape[1]] = plane
    return centred
