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

from mattecli.nets.solvers.coarse_space import (
    coarse_matrix,
    coupling,
    make_frames,
    make_hats,
    make_prolong,
    prolong_matrix,
    restrict_matrix,
)
from mattecli.nets.solvers.grid import Grid
from mattecli.nets.solvers.sparse import csr, single, with_zeros


class Level(NamedTuple):
    """One level and its way to the next coarser one: the finest in float32, for speed, the others in float64.

    matrix is CSR [d*n, d*n]; relaxation [d*n] the smoother's scale; prolong CSR [d*n, 4*N]; restrict CSR [4*N, d*n], its transpose.
    """

    matrix: Tensor
    relaxation: Tensor
    prolong: Tensor
    restrict: Tensor


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
