"""The coarse space of the multigrid preconditioner: tiles whose hat functions interpolate a local affine function of colour.

Every coarse node carries four unknowns, the a, b, c and d of alpha = a R + b G + c B + d. Prolongation, restriction and the coarse matrix
by the Galerkin product; see multigrid.py.
"""

from typing import List, NamedTuple, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mattecli.nets.solvers.grid import Grid, around, number_nodes
from mattecli.nets.solvers.sparse import csr, even_csr


class Hats(NamedTuple):
    """The tiles over a grid, as the nodes of a coarser one, and the hats by which the grid's n nodes belong to them.

    rows, columns (on the coarse grid), tiles (numbers) and weights of the four tiles around each node are [n, 4]; weights sum to 1.
    Seen from the tiles: the nodes under tile t are nodes[starts[t]] .. nodes[starts[t + 1] - 1], and t is their corner-th tile.
    """

    coarse: Grid
    rows: Tensor
    columns: Tensor
    tiles: Tensor
    weights: Tensor
    starts: Tensor
    nodes: Tensor
    corners: Tensor


def axis_hats(places: Tensor, tile: int, ramp: float) -> Tuple[Tensor, Tensor]:
    """For places [n] along one axis: the first [n] of the two tiles around each (counted from 1) and the second one's weight [n]."""
    position = (places.to(torch.float64) - 0.5 * (tile - 1)) / tile + 1.0
    first = torch.floor(position)
    return first.to(torch.int64), ((position - first - 0.5) / ramp + 0.5).clamp(0.0, 1.0)


def make_hats(grid: Grid, tile: int, ramp: float) -> Hats:
    """Lay tiles over a grid: those that some node's hat reaches become the coarse grid's nodes."""
    row, down = axis_hats(grid.rows, tile, ramp)
    column, right = axis_hats(grid.columns, tile, ramp)
    rows = torch.stack([row, row, row + 1, row + 1], 1)
    columns = torch.stack([column, column + 1, column, column + 1], 1)
    up, left = 1.0 - down, 1.0 - right
    weights = torch.stack([up * left, up * right, down * left, down * right], 1)
    height, width = grid.numbers.shape
    reached = torch.zeros([height // tile + 3, width // tile + 3], dtype=torch.bool, device=rows.device)
    used = weights > 0
    reached[rows[used], columns[used]] = torch.ones([], dtype=torch.bool, device=rows.device)
    coarse = number_nodes(reached)
    tiles = coarse.numbers[rows, columns].clamp(min=0)
    starts, nodes, corners = nodes_under(grid, coarse, tile, ramp)
    return Hats(coarse, rows, columns, tiles, weights, starts, nodes, corners)


def nodes_under(grid: Grid, coarse: Grid, tile: int, ramp: float) -> Tuple[Tensor, Tensor, Tensor]:
    """`Hats.starts`, `nodes` and `corners`, found from the neighbourhood of every tile, without sorting."""
    steps = torch.arange(-tile, 2 * tile, device=grid.rows.device)
    offset = steps.to(torch.float64) - 0.5 * (tile - 1)
    near = (offset.abs() / tile - 0.5) / ramp < 0.5
    second = (offset[near] < 0).to(torch.int64)
    found = around(grid.numbers, (coarse.rows - 1) * tile, (coarse.columns - 1) * tile, steps[near], 3 * tile, -1.0)
    there = found >= 0
    corners = (2 * second[:, None] + second).reshape(1, -1).expand(found.shape)[there]
    starts = F.pad(torch.cumsum(there.sum(1), 0), [1, 0])
    return starts, found[there].to(torch.int64), corners


def eigen(matrices: Tensor, at_once: int = 1 << 14) -> Tuple[Tensor, Tensor]:
    """torch.linalg.eigh of matrices [N, k, k], `at_once` at a time: cuSOLVER fails with twice as many."""
    found = [torch.linalg.eigh(part) for part in matrices.split(at_once)]
    return torch.cat([values for values, _ in found]), torch.cat([directions for _, directions in found])


def make_frames(basis: Tensor, hats: Hats) -> Tuple[Tensor, Tensor]:
    """Bases [N, 4, 4] in which every tile's candidates are orthonormal, and the inverses [N, 4, 4].

    Where candidates depend on each other (grey or constant colours) the superfluous directions are zero in both.
    """
    products = (basis[:, :, :, None] * basis[:, :, None, :]).sum(1).reshape(-1, 16)
    weights = hats.weights.reshape(-1).index_select(0, hats.nodes * 4 + hats.corners)
    sums = csr(hats.starts, hats.nodes, weights, basis.shape[0]) @ products
    values, directions = eigen(sums.reshape(-1, 4, 4))
    alive = values > 1e-9 * values[:, -1:]
    roots = torch.where(alive, values, torch.ones_like(values)).sqrt()
    live = alive.to(basis.dtype)
    return directions * (live / roots)[:, None, :], (live * roots)[:, :, None] * directions.transpose(1, 2)


def make_prolong(basis: Tensor, frame: Tensor, hats: Hats) -> Tensor:
    """The values [n, 4, d, 4] of the prolongation: from each of the tiles around a node, node's unknowns by tile's unknowns."""
    corners = [(basis @ frame[hats.tiles[:, corner]]) * hats.weights[:, corner, None, None] for corner in range(4)]
    return torch.stack(corners, 1)


def prolong_matrix(values: Tensor, hats: Hats, count: int) -> Tensor:
    """The prolongation as CSR [d*n, 4*count]."""
    columns = hats.tiles[:, :, None] + count * torch.arange(4, device=values.device, dtype=torch.int32)
    columns = columns.reshape(1, -1, 16).expand(values.shape[2], -1, -1)
    return even_csr(columns.reshape(-1, 16), values.permute(2, 0, 1, 3).reshape(-1, 16), 4 * count)


def restrict_matrix(values: Tensor, hats: Hats) -> Tensor:
    """The transpose of the prolongation as CSR [4*N, d*n]."""
    count, unknowns = values.shape[0], values.shape[2]
    entries = values.reshape(count * 4, unknowns, 4).index_select(0, hats.nodes * 4 + hats.corners).permute(2, 0, 1)
    columns = (hats.nodes[:, None] + count * torch.arange(unknowns, device=values.device)).reshape(1, -1).expand(4, -1)
    shift = torch.arange(4, device=values.device)[:, None] * columns.shape[1]
    ends = (hats.starts[1:] * unknowns + shift).reshape(-1)
    return csr(F.pad(ends, [1, 0]), columns.reshape(-1), entries.reshape(-1), count * unknowns)


def coupling(matrix: Tensor, values: Tensor, restrict: Tensor, hats: Hats) -> Tensor:
    """The Galerkin product restrict @ matrix @ prolong as blocks [N, 9, 4, 4]: a tile's unknowns by those of its nine neighbours.

    Tiles whose rows and columns are equal modulo 3 never meet at a third tile, so one product serves them all.
    """
    count, unknowns = values.shape[0], values.shape[2]
    entries = F.pad(values, [0, 0, 0, 0, 0, 1]).reshape(count * 5, unknowns * 4)
    first = torch.arange(count, device=values.device) * 5
    parts: List[Tensor] = []
    for colour in range(9):
        down, right = (colour // 3 - hats.rows[:, 0]) % 3, (colour % 3 - hats.columns[:, 0]) % 3
        corner = torch.where((down < 2) & (right < 2), 2 * down + right, torch.full_like(down, 4))
        probe = entries.index_select(0, first + corner).reshape(count, unknowns, 4).transpose(0, 1).reshape(-1, 4)
        parts.append((restrict @ (matrix @ probe)).reshape(4, -1, 4))
    steps = torch.arange(-1, 2, device=values.device)
    coarse = hats.coarse
    neighbours = ((coarse.rows[:, None, None] + steps[:, None]) % 3) * 3 + (coarse.columns[:, None, None] + steps) % 3
    picked = neighbours.reshape(-1, 9, 1, 1).expand(-1, 9, 4, 4)
    return torch.stack(parts).permute(2, 0, 1, 3).gather(1, picked)


def coarse_matrix(blocks: Tensor, coarse: Grid) -> Tensor:
    """The coarse level's CSR matrix [4*N, 4*N]; a superfluous direction becomes a row of the identity."""
    count = blocks.shape[0]
    void = (torch.diagonal(blocks[:, 4], dim1=1, dim2=2) <= 0).to(blocks.dtype)
    blocks[:, 4] += torch.diag_embed(void)
    neighbours = around(coarse.numbers, coarse.rows, coarse.columns, torch.arange(-1, 2, device=blocks.device), 1, -1.0)
    blocks = blocks * (neighbours >= 0).to(blocks.dtype)[:, :, None, None]
    columns = neighbours.clamp(min=0)[:, :, None] + count * torch.arange(4, device=blocks.device, dtype=torch.int32)
    columns = columns.reshape(1, count, 36).expand(4, -1, -1)
    return even_csr(columns.reshape(-1, 36), blocks.permute(2, 0, 1, 3).reshape(-1, 36), 4 * count)
