"""Conjugate gradients with a geometric multigrid preconditioner for matting Laplacians, in scriptable torch.

Its coarse space makes it fast. In every window the matting Laplacian's energy is nearly 0 for alpha = a R + b G + c B + d, so relaxation
converges slowly to alphas with slowly varying a, b, c and d: Jacobi needs a thousand iterations. Every coarse node therefore carries
four unknowns, a local a, b, c and d, which a hat function interpolates over the pixels around it. These are the near-null-space
candidates of smoothed aggregation (Vanek, Mandel, Brezina, Computing 56, 1996), with the colours as candidates and hats in place of
smoothing. Fifteen to forty iterations are enough.

The nodes of the finest level are the unknown pixels, those of the next one tiles of 8x8 pixels, and then tiles of 3x3 tiles. The hats are
just narrow enough that a tile couples with its eight neighbours only. A vector over n nodes with d unknowns each is laid out [d, n].
The matrices are CSR with 32-bit indices, which is what the products of CPU (MKL) and CUDA (cuSPARSE) take without conversion.
"""

import math
from typing import List, NamedTuple, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Grid(NamedTuple):
    """Nodes on an integer grid: `rows` and `columns` [n], and `numbers` [height, width] int32, a node's index or -1."""

    rows: Tensor
    columns: Tensor
    numbers: Tensor


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


class Level(NamedTuple):
    """One level and its way to the next coarser one: the finest in float32, for speed, the others in float64.

    matrix is CSR [d*n, d*n]; relaxation [d*n] the smoother's scale; prolong CSR [d*n, 4*N]; restrict CSR [4*N, d*n], its transpose.
    """

    matrix: Tensor
    relaxation: Tensor
    prolong: Tensor
    restrict: Tensor


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


def csr(starts: Tensor, columns: Tensor, values: Tensor, width: int) -> Tensor:
    """The CSR matrix [rows, width] whose row r has the entries starts[r] .. starts[r+1] of `columns` and `values`."""
    size = [starts.shape[0] - 1, width]
    starts, columns = starts.to(torch.int32), columns.to(torch.int32)
    return torch.sparse_csr_tensor(starts, columns, values, size=size, dtype=values.dtype, device=values.device)


def even_csr(columns: Tensor, values: Tensor, width: int) -> Tensor:
    """The CSR matrix [rows, width] with as many entries in every row: `columns` and `values` are [rows, entries]."""
    starts = torch.arange(columns.shape[0] + 1, device=columns.device) * columns.shape[1]
    return csr(starts, columns.reshape(-1), values.reshape(-1), width)


def single(matrix: Tensor) -> Tensor:
    """A CSR matrix in float32."""
    return csr(matrix.crow_indices(), matrix.col_indices(), matrix.values().to(torch.float32), matrix.shape[1])


def with_zeros(matrix: Tensor) -> Tensor:
    """A CSR matrix [n, n] as a dense one; duplicate entries are summed."""
    count = matrix.shape[0]
    starts, columns = matrix.crow_indices().to(torch.int64), matrix.col_indices().to(torch.int64)
    rows = torch.repeat_interleave(torch.arange(count, device=columns.device), starts[1:] - starts[:-1])
    table = torch.zeros([count * count], dtype=matrix.dtype, device=columns.device)
    return table.index_add(0, rows * count + columns, matrix.values()).view(count, count)


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


def make_level(matrix: Tensor, prolong: Tensor, restrict: Tensor) -> Level:
    """A level whose relaxation is one over each row's sum of magnitudes, so that the relaxed matrix has no eigenvalue above 1."""
    magnitudes = csr(matrix.crow_indices(), matrix.col_indices(), matrix.values().abs(), matrix.shape[1])
    sums = magnitudes @ torch.ones([matrix.shape[1]], dtype=matrix.dtype, device=matrix.device)
    return Level(matrix, 1.0 / sums.clamp(min=1e-12), prolong, restrict)


def build_levels(matrix: Tensor, basis: Tensor, grid: Grid, dense: int = 600) -> Tuple[List[Level], Tensor]:
    """The hierarchy under `matrix` (CSR, float64) and the dense inverse of its coarsest matrix, of at most `dense` rows.

    The finest hats fall from 1 to 0 over 7 of a tile's 8 pixels: the hats of tiles two apart stay 3 pixels apart, further than a window
    reaches. Those of the coarser levels are full ones, over 3 nodes.
    """
    levels: List[Level] = []
    tile, ramp = 8, 7.0 / 8.0
    while matrix.shape[0] > dense:
        hats = make_hats(grid, tile, ramp)
        frame, inverse = make_frames(basis, hats)
        values = make_prolong(basis, frame, hats)
        restrict = restrict_matrix(values, hats)
        prolong = prolong_matrix(values, hats, frame.shape[0])
        if len(levels) == 0:
            levels.append(make_level(single(matrix), single(prolong), single(restrict)))
        else:
            levels.append(make_level(matrix, prolong, restrict))
        matrix = coarse_matrix(coupling(matrix, values, restrict, hats), hats.coarse)
        basis, grid = inverse, hats.coarse
        tile, ramp = 3, 1.0
    return levels, inverse_of(with_zeros(matrix))


def inverse_of(matrix: Tensor) -> Tensor:
    """The inverse of a dense symmetric matrix none of whose eigenvalues is below 0."""
    return torch.linalg.inv(matrix + 1e-12 * torch.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device))


def solve_few(matrix: Tensor, load: Tensor, start: Tensor) -> Tensor:
    """`solve` for a dense matrix [n, n] of few rows: by its inverse, with one step of iterative refinement."""
    inverse, answer = inverse_of(matrix), start
    for _ in range(2):
        answer = answer + inverse @ (load - matrix @ answer)
    return answer


def smoothing(depth: int, degree: int = 4, low: float = 0.03) -> List[float]:
    """Factors of relaxed Richardson steps: one on the finest level, more on the coarser ones, where they cost little.

    Those of the coarser levels are Chebyshev's: their polynomial is smallest for eigenvalues from `low` to 1.
    """
    if depth == 0:
        return [1.9]
    return [2.0 / (1.0 + low + (1.0 - low) * math.cos(math.pi * (step + 0.5) / degree)) for step in range(degree)]


def smooth(level: Level, guess: Tensor, load: Tensor, factors: List[float]) -> Tensor:
    """Improve a guess by one relaxed Richardson step per factor."""
    for factor in factors:
        guess = guess + (load - level.matrix @ guess) * (level.relaxation * factor)
    return guess


def cycle(levels: List[Level], bottom: Tensor, load: Tensor) -> Tensor:
    """One V-cycle, a symmetric operator: an approximate solution for the load, both float64."""
    loads = [load]
    guesses: List[Tensor] = []
    for depth, level in enumerate(levels):
        factors = smoothing(depth)
        load = loads[depth].to(level.relaxation.dtype)
        guess = smooth(level, load * (level.relaxation * factors[0]), load, factors[1:])
        guesses.append(guess)
        loads.append((level.restrict @ (load - level.matrix @ guess)).to(torch.float64))
    correction = bottom @ loads[-1]
    for step in range(len(levels)):
        depth = len(levels) - 1 - step
        level = levels[depth]
        load = loads[depth].to(level.relaxation.dtype)
        guess = guesses[depth] + level.prolong @ correction.to(load.dtype)
        correction = smooth(level, guess, load, smoothing(depth)[::-1])
    return correction.to(torch.float64)


def solve(matrix: Tensor, load: Tensor, start: Tensor, basis: Tensor, grid: Grid, tolerance: float, limit: int) -> Tensor:
    """Solve matrix x = load [n] from `start`, float64, by preconditioned conjugate gradients.

    matrix is CSR over the nodes of `grid`, basis [n, 1, 4] its near-null space. Ends when an iteration changes no value by more than
    `tolerance`, or after `limit` iterations.
    """
    if matrix.shape[0] <= 64:  # cuSPARSE rejects a matrix with more entries than places
        return solve_few(with_zeros(matrix), load, start)
    levels, bottom = build_levels(matrix, basis, grid)
    guess, residual = start, load - matrix @ start
    step = torch.zeros_like(load)
    before = torch.ones([], dtype=load.dtype, device=load.device)
    for _ in range(limit):
        scale = residual.norm().clamp(min=1e-200)  # small residuals underflow in float32
        towards = cycle(levels, bottom, residual / scale) * scale
        now = residual @ towards
        step = towards + step * (now / before)
        answer = matrix @ step
        pace = now / (step @ answer).clamp(min=1e-300)
        guess = guess + step * pace
        residual = residual - answer * pace
        before = now
        if float((step * pace).abs().max()) <= tolerance:
            break
    return guess
