"""Compositing over a backdrop, by one formula for floats, integers and tensors.

All colours are encoded sRGB values in 0..1, straight (not premultiplied). No torch is loaded for arrays.
"""

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.compositing.srgb import SRGB, Encoding, mixed
from mattecli.errors import MatteError
from mattecli.matting.levels import Levels, Plane, from_levels, to_levels

if TYPE_CHECKING:
    from torch import Tensor


MIXED_AT_ONCE = 1 << 18


def lay_over(foreground: Plane, alpha: Plane, backdrop: Plane, *, linear: bool = True, encoding: Encoding = SRGB) -> Plane:
    """The cut-out over the backdrop: float32 [H, W, 3] in 0..1, from straight (not premultiplied) colours.

    `foreground` and `backdrop` are encoded sRGB [H, W, 3], `alpha` is [H, W], all float32 in 0..1 and of one size.

    Which blend is right depends on the purpose. `linear=True` mixes light, as a lens does when an edge is out of focus or moving: no
    dark seam appears between two bright colours. `linear=False` mixes the encoded values, as image editors, browsers and video
    players do with a written cut-out, and it is the mixture that estimated mattes answer to: foregrounds and alphas here solve
    I = alpha F + (1 - alpha) B in encoded values. So laying a cut-out back over its own background reproduces the photo only with
    `linear=False`, and so do comparisons with composites made elsewhere; in linear light dark hair over a bright backdrop comes
    out a little thinner than in the photo, bright hair over a dark one a little fuller. Where alpha is 0 or 1 the two agree.
    encoding: of the colours, where they are not sRGB's. Raises MatteError when the sizes differ.
    """
    if not foreground.shape[:2] == alpha.shape == backdrop.shape[:2]:
        sizes = f"the cut-out is {_size(foreground)}, its alpha {_size(alpha)} and the backdrop {_size(backdrop)} pixels"
        raise MatteError(f"{sizes}; fit them to one size first")
    laid = np.array(backdrop, np.float32, order="C")
    cv2.copyTo(foreground, (alpha >= 1).astype(np.uint8), laid)
    colours, shares, result = foreground.reshape(-1, 3), alpha.ravel(), laid.reshape(-1, 3)
    for part in _soft(alpha):
        result[part] = mixed(colours[part], shares[part][:, None], result[part], linear=linear, encoding=encoding)
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
    for part in _soft(alpha):
        # take: indexing with an array of numbers takes three times as long.
        front, share = colours.take(part, axis=1).T, shares.take(part)[:, None]
        front = np.where(is_own.take(part)[:, None], from_levels(photo.take(part, axis=0)), front)
        result[part] = to_levels(mixed(front, share, behind.take(part, axis=0), linear=linear), top)
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
    """Colours for associated alpha, [H, W, 3]: the encoded values times alpha, as 8-bit formats and image editors do it."""
    return foreground * alpha[:, :, None]


def premultiply_levels(cutout: Levels) -> Levels:
    """A straight RGBA cut-out [H, W, 4] with its colours multiplied by its alpha, to the nearest level."""
    top = int(np.iinfo(cutout.dtype).max)
    colours = cutout[..., :3].astype(np.uint32) * cutout[..., 3:] + top // 2
    return np.dstack([(colours // top).astype(cutout.dtype), cutout[..., 3]])


def _size(plane: Plane) -> str:
    return f"{plane.shape[1]} x {plane.shape[0]}"


def lay_tensors_over(foreground: "Tensor", alpha: "Tensor", backdrop: "Tensor", *, linear: bool = True) -> "Tensor":
    """lay_over for tensors, where they lie: float32 [B, 3, H, W], of which `alpha` is [B, 1, H, W]."""
    soft = mixed(foreground, alpha, backdrop, linear=linear)
    return foreground.where(alpha >= 1, soft.where(alpha > 0, backdrop))
