"""Estimation of the foreground colours of a photo from its alpha: the colour of each soft pixel without its background's share.

A soft pixel of a photo is a mixture, I = alpha F + (1 - alpha) B. Keeping I as the colour of a cut-out carries the old background
along as a fringe; this module finds F. It follows Germer, Uelwer, Conrad and Harmeling, "Fast Multi-Level Foreground Estimation"
(2020): F and B minimise, summed over pixels i and their four neighbours j,

    (alpha_i F_i + (1 - alpha_i) B_i - I_i)^2 + w (F_i - F_j)^2 + w (B_i - B_j)^2

solved from a one-pixel image upwards, each level starting from the one below. Four things differ from the paper. Pixels are
visited in red-black order, so that half of them move at once. Only the soft pixels and a narrow margin are visited: elsewhere F or
B is the photo itself and the other one is enlarged from the level below. Pixels whose alpha is 1 (F) or 0 (B) are held. And w does
not grow where alpha changes: on photos with known foregrounds that made colours and recomposition worse (benchmarks/foreground.py).
"""

import torch
from torch import Tensor
from torch.nn import functional

# The w above. Stiff enough that an alpha a pixel too wide pulls little background in; smaller is truer for exact alphas only.
SMOOTHNESS = 0.03
# A known plate leaves one unknown less, so the photo may decide more, and what is laid back over the plate is the photo again.
SMOOTHNESS_WITH_PLATE = 0.01
MARGIN = 2
MEAN_SIDE = 64
SMALL_SIDE, SMALL_SWEEPS, LARGE_SWEEPS = 32, 10, 4
# An alpha nearer than this to 0 or 1 becomes 0 or 1 in an 8-bit file, so it is no soft pixel.
HALF_STEP = 0.5 / 255


def estimate_foreground(image: Tensor, alpha: Tensor, *, background: Tensor | None = None) -> Tensor:
    """Foreground colours in straight alpha: float32 [B, 3, H, W] in 0..1, on the device of `image`, any H and W from 1 up.

    `image` is float32 RGB [B, 3, H, W] in 0..1, `alpha` is float32 [B, 1, H, W] in 0..1, and `background`, when the clean plate
    is known, is like `image`. Where alpha is 1 the result is the photo's own pixel; where alpha is 0 it is a smooth extension of
    the nearby foreground. All colours are encoded (sRGB) values, as they are in the photo.
    """
    image = image.contiguous()
    alpha = torch.where(alpha < HALF_STEP, 0.0, torch.where(alpha > 1 - HALF_STEP, 1.0, alpha))
    levels = [(image, alpha, background)]
    while max(levels[-1][0].shape[2:]) > 1:
        image, alpha, background = levels[-1]
        levels.append((_halve(image), _halve(alpha), None if background is None else _halve(background)))
    image, alpha, _ = next(level for level in levels if max(level[0].shape[2:]) <= MEAN_SIDE)
    foreground, behind = _mean_colour(image, alpha), _mean_colour(image, 1 - alpha)
    while levels:
        foreground, behind = _solve_level(*levels.pop(), foreground, behind)
    return foreground


def _halve(plane: Tensor) -> Tensor:
    return functional.avg_pool2d(plane, 2, ceil_mode=True, count_include_pad=False)


def _mean_colour(image: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean [B, 3, 1, 1]; nearly pure pixels count most, and without any of weight it is the photo's plain mean."""
    weight = weight**4 + 1e-6
    return (image * weight).mean((2, 3), keepdim=True) / weight.mean((2, 3), keepdim=True)


def _solve_level(
    image: Tensor, alpha: Tensor, background: Tensor | None, foreground_below: Tensor, behind_below: Tensor
) -> tuple[Tensor, Tensor]:
    """F and B of one level from those of the level below: F everywhere, B only where some foreground is near or nothing else is."""
    small = max(image.shape[2:]) <= SMALL_SIDE
    foreground = functional.interpolate(foreground_below, image.shape[2:], mode="bilinear", align_corners=False)
    foreground = torch.where(alpha == 1, image, foreground)
    active, first = _active_pixels(alpha, everywhere=small)
    if len(active) == 0:
        return foreground, image
    photo, share = _gather(image, active), _gather(alpha, active)
    if background is None:
        behind = torch.where(share == 0, photo, _gather(behind_below, _parents(active, alpha.shape)))
    else:
        behind = _gather(background, active)
    colours = _relax(
        torch.cat([_gather(foreground, active), behind], 1),
        photo,
        share,
        _neighbours(active, alpha.shape),
        first=first,
        sweeps=SMALL_SWEEPS if small else LARGE_SWEEPS,
        background_known=background is not None,
    )
    return _scatter(foreground, active, colours[:, :3]), _scatter(image.clone(), active, colours[:, 3:])


def _active_pixels(alpha: Tensor, *, everywhere: bool) -> tuple[Tensor, int]:
    """Flat indices of the pixels to visit, those of one chessboard colour before those of the other, and how many come first."""
    height, width = alpha.shape[2:]
    active = torch.ones_like(alpha, dtype=torch.bool) if everywhere else _widen((alpha > 0) & (alpha < 1))
    indices = active.flatten().nonzero().squeeze(1)
    black = (indices % width + indices // width % height) % 2 == 1
    return torch.cat([indices[~black], indices[black]]), int((~black).sum())


def _widen(mask: Tensor) -> Tensor:
    """The mask [B, 1, H, W] grown by MARGIN pixels to each side."""
    for axis in (2, 3):
        wide, length = mask.clone(), mask.shape[axis]
        for step in range(1, min(MARGIN, length - 1) + 1):
            wide.narrow(axis, step, length - step).logical_or_(mask.narrow(axis, 0, length - step))
            wide.narrow(axis, 0, length - step).logical_or_(mask.narrow(axis, step, length - step))
        mask = wide
    return mask


def _parents(active: Tensor, shape: torch.Size) -> Tensor:
    """Flat indices of the pixels of the level below that cover the active pixels."""
    _, _, height, width = shape
    y, x, photo = active // width % height, active % width, active // (width * height)
    return (photo * ((height + 1) // 2) + y // 2) * ((width + 1) // 2) + x // 2


def _neighbours(active: Tensor, shape: torch.Size) -> Tensor:
    """Rows [N, 4] of the active pixels' four neighbours among the active pixels; one that is not among them is the pixel itself."""
    batch, _, height, width = shape
    own = torch.arange(len(active), device=active.device)
    row_of = torch.full((batch * height * width,), -1, dtype=torch.int32, device=active.device)
    row_of[active] = own.int()
    y, x = active // width % height, active % width
    beside = []
    for step, inside in ((-width, y > 0), (width, y < height - 1), (-1, x > 0), (1, x < width - 1)):
        row = row_of[torch.where(inside, active + step, active)]
        beside.append(torch.where(row < 0, own, row))
    return torch.stack(beside, 1)


def _gather(plane: Tensor, active: Tensor) -> Tensor:
    """Rows [N, C] of a plane [B, C, H, W] at flat pixel indices."""
    return plane.transpose(0, 1).flatten(1).index_select(1, active).T.contiguous()


def _scatter(plane: Tensor, active: Tensor, rows: Tensor) -> Tensor:
    """The plane [B, 3, H, W] with rows [N, 3] laid in at flat pixel indices; the plane given may be written to."""
    batch, channels, height, width = plane.shape
    flat = plane.transpose(0, 1).flatten(1)
    flat[:, active] = rows.T
    return flat.view(channels, batch, height, width).transpose(0, 1)


def _relax(colours: Tensor, photo: Tensor, alpha: Tensor, neighbours: Tensor, *, first: int, sweeps: int, background_known: bool) -> Tensor:
    """Sweep over rows [F | B] of the active pixels: each takes its neighbours' mean, then the least change that explains the photo.

    With the smooth mean m and the residual r = I - alpha m_F - (1 - alpha) m_B, the pixel's 2 x 2 system has the closed solution
    F = m_F + alpha r / d and B = m_B + (1 - alpha) r / d, where d = 4 w + alpha^2 + (1 - alpha)^2; for a known B the last square goes.
    """
    spread = 4 * (SMOOTHNESS_WITH_PLATE if background_known else SMOOTHNESS) + alpha**2 + (0 if background_known else (1 - alpha) ** 2)
    gain_foreground, gain_behind = alpha / spread, (1 - alpha) / spread
    for _ in range(sweeps):
        for half in (slice(0, first), slice(first, None)):
            mean = colours.index_select(0, neighbours[half].flatten()).view(-1, 4, 6).mean(1)
            if background_known:
                mean[:, 3:] = colours[half, 3:]
            a, target = alpha[half], photo[half]
            residual = target - a * mean[:, :3] - (1 - a) * mean[:, 3:]
            colours[half, :3] = torch.where(a == 1, target, mean[:, :3] + gain_foreground[half] * residual)
            if not background_known:
                colours[half, 3:] = torch.where(a == 0, target, mean[:, 3:] + gain_behind[half] * residual)
            colours[half] = colours[half].clamp(0, 1)
    return colours
