"""Nodes on an integer grid, numbered in reading order, and the values around them, in scriptable torch."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Grid(NamedTuple):
    """Nodes on an integer grid: `rows` and `columns` [n], and `numbers` [height, width] int32, a node's index or -1."""

    rows: Tensor
    columns: Tensor
    numbers: Tensor


def number_nodes(mask: Tensor) -> Grid:
    """Number the true places of `mask` [height, width] in reading order."""
    places = torch.nonzero(mask)
    rows, columns = places[:, 0].contiguous(), places[:, 1].contiguous()
    numbers = torch.full(mask.shape, -1, dtype=torch.int32, device=mask.device)
    numbers[rows, columns] = torch.arange(rows.shape[0], dtype=torch.int32, device=mask.device)
    return Grid(rows, columns, numbers)


def around(image: Tensor, rows: Tensor, columns: Tensor, steps: Tensor, margin: int, outside: float) -> Tensor:
    """The values of `image` [height, width] around places [n]: [n, k*k] for the k row and column `steps`.

    Beyond the border, by up to `margin` places, the value is `outside`.
    """
    padded = F.pad(image, [margin, margin, margin, margin], value=outside)
    width = padded.shape[1]
    first = (rows + margin) * width + columns + margin
    shifts = (steps[:, None] * width + steps).reshape(1, -1)
    return padded.reshape(-1).take(first[:, None] + shifts)
