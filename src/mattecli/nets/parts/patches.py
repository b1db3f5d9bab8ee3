"""Square patches of pictures, selected by an error map and interpolated without resizing the whole picture.

Used by the refiner of Background Matting V2 (nets/bgmv2.py), which recomputes patches of 4 x 4 pixels.
"""

import torch
from torch import Tensor

from mattecli.nets.parts.resample import weighed_rows


def select_cells(error: Tensor, mode: str, sample_pixels: int, threshold: float) -> tuple[Tensor, Tensor]:
    """The cells of an error map [B, 1, h, w] to refine: their positions [N, 3] (picture, row, column), and for each whether it counts.

    `sampling` always returns min(sample_pixels / 16, h w) cells a picture, so that its size is known without synchronising; those
    whose error is 0 do not count. `thresholding` returns the cells above `threshold`.
    """
    batch, _, height, width = error.shape
    if mode == "thresholding":
        cells = torch.nonzero(error[:, 0] > threshold)
        return cells, torch.ones_like(cells[:, 0], dtype=torch.bool)
    largest, index = error.flatten(1).topk(min(sample_pixels // 16, height * width), sorted=False)
    picture = torch.arange(batch, device=error.device)[:, None].expand_as(index)
    row = torch.div(index, width, rounding_mode="floor")
    return torch.stack((picture, row, index % width), 2).flatten(0, 1), largest.flatten() > 0.0


def axis_taps(cells: Tensor, size: int, margin: int, side: int, new_side: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
    """Linear interpolation along one axis of `bilinear_taps`, from rows of `side` samples to rows of `new_side`.

    For each place: the index of the first of the two samples it lies between, at most `last`, and the weights of both,
    [N, size + 2 margin] each. With size 2 and margin 1, cell 3 has the places 5, 6, 7 and 8. In a row of 16 made from 8 samples the first
    of them lies at 2.25: first 2, weights 0.75 and 0.25.
    """
    places = cells[:, None] * size + torch.arange(-margin, size + margin, device=cells.device)
    inside = (places >= 0) & (places < new_side)
    centres = ((places.clamp(0, new_side - 1) + 0.5) * (side / new_side) - 0.5).clamp(0.0, side - 1.0)
    first = centres.floor().clamp(max=last)
    return first.long(), (1.0 - (centres - first)) * inside, (centres - first) * inside


def bilinear_taps(cells: Tensor, size: int, margin: int, source: list[int], resized: list[int]) -> tuple[Tensor, Tensor]:
    """Which source pixels interpolate squares of a picture that is resized bilinearly from `source` to `resized` (height, width).

    The squares are those of `size` pixels at `cells` [N, 3], with `margin` pixels around them. For each of their pixels: the flat indices
    of its source pixels in the batch, and their weights, 0 outside the picture; [N (size + 2 margin)^2, 4] each, or [..., 1] when the
    sizes are equal.
    """
    height, width = source
    same = source == resized  # no interpolation
    down, aside = min(height - 1, 1), min(width - 1, 1)  # distance to the second sample; a side of 1 has none
    row, upper, lower = axis_taps(cells[:, 1], size, margin, height, resized[0], height - 1 if same else height - 1 - down)
    column, left, right = axis_taps(cells[:, 2], size, margin, width, resized[1], width - 1 if same else width - 1 - aside)
    row = (row + cells[:, :1] * height) * width
    corner = (row[:, :, None] + column[:, None]).view(-1, 1)
    if same:
        return corner, (upper[:, :, None] * left[:, None]).view(-1, 1)
    upper, lower, left, right = upper[:, :, None], lower[:, :, None], left[:, None], right[:, None]
    weights = torch.stack((upper * left, upper * right, lower * left, lower * right), 3).view(-1, 4)
    return corner + torch.tensor([0, aside, width * down, width * down + aside], device=cells.device), weights


def pixels(picture: Tensor, where: tuple[Tensor, Tensor]) -> Tensor:
    """A picture [B, C, H, W] interpolated at `bilinear_taps`: [N (size + 2 margin)^2, C], channels last."""
    samples, weights = where
    table = picture.permute(0, 2, 3, 1).reshape(-1, picture.shape[1])
    return weighed_rows(table, samples, weights)


def squares(found: list[Tensor], side: int) -> Tensor:
    """The results of `pixels` for several pictures, concatenated, as squares [N, C, side, side]."""
    together = torch.cat(found, 1)
    return together.view(-1, side, side, together.shape[1]).permute(0, 3, 1, 2)


def cut_out(padded: Tensor, cells: Tensor, size: int, side: int) -> Tensor:
    """Squares [N, C, side, side] of pictures [B, C, H, W]; a cell's square begins at `size` times its row and column."""
    places = torch.arange(side, device=cells.device)
    rows = cells[:, :1] * padded.shape[2] + cells[:, 1:2] * size + places
    columns = cells[:, 2:] * size + places
    table = padded.permute(0, 2, 3, 1).reshape(-1, padded.shape[1])
    found = table.index_select(0, (rows[:, :, None] * padded.shape[3] + columns[:, None]).view(-1))
    return found.view(-1, side, side, padded.shape[1]).permute(0, 3, 1, 2)
