"""Closed-form matting: A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", PAMI 2008."""

from typing import Dict, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mattecli.nets._multigrid import Grid, around, even_csr, number_nodes, solve

def window_energies(image: Tensor, rows: Tensor, columns: Tensor, epsilon: float) -> Tensor:
    """I - G of the paper's equation (12) for the 3x3 windows centred at `rows` and `columns` [m]: [m, 9, 9]; image is [H, W, 3]."""
    steps = torch.arange(-1, 2, device=image.device)
    width = image.shape[1]
    places = (rows * width + columns)[:, None] + (steps[:, None] * width + steps).reshape(1, 9)
    colours = image.reshape(-1, 3).index_select(0, places.reshape(-1)).reshape(-1, 9, 3)
    colours = colours - colours.mean(1, keepdim=True)
    covariance = (colours.transpose(1, 2) @ colours).reshape(-1, 9).t().contiguous() / 9.0
    extra = epsilon / 9.0
    rr, rg, rb = covariance[0] + extra, covariance[1], covariance[2]
    gg, gb, bb = covariance[4] + extra, covariance[5], covariance[8] + extra
    cofactors = [gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg, rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg]
    determinant = rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2]
    inverse = (torch.stack([cofactors[k] for k in [0, 1, 2, 1, 3, 4, 2, 4, 5]]) / (9.0 * determinant)).t().reshape(-1, 3, 3)
    constant = torch.eye(9, dtype=image.dtype, device=image.device) - 1.0 / 9.0
    return torch.baddbmm(constant, colours @ inverse, colours.transpose(1, 2), alpha=-1.0)


def stencils(image: Tensor, windows: Grid, rows: Tensor, columns: Tensor, epsilon: float) -> Tensor:
    """Rows of the matting Laplacian for the pixels at `rows` and `columns` [n]: [n, 25], over the 5x5 neighbours in reading order."""
    near = (windows.rows >= rows[0] - 1) & (windows.rows <= rows[-1] + 1)
    places = torch.nonzero(near)[:, 0]
    energies = window_energies(image, windows.rows[places], windows.columns[places], epsilon)
    energies = F.pad(energies.reshape(-1, 9), [0, 0, 9, 0])
    seats = around(windows.numbers, rows, columns, torch.arange(-1, 2, device=image.device), 1, -1.0).to(torch.int64)
    lines = torch.where(seats >= 0, (seats - places[0] + 1) * 9, torch.zeros_like(seats)).t().contiguous()
    result = torch.zeros([rows.shape[0], 5, 5], dtype=image.dtype, device=image.device)
    for place in range(9):
        down, right = place // 3, place % 3
        result[:, down : down + 3, right : right + 3] += energies.index_select(0, lines[place] + (8 - place)).reshape(-1, 3, 3)
    return result.reshape(-1, 25)


def laplacian(image: Tensor, unknown: Grid, epsilon: float, chunk: int = 1 << 17) -> Tensor:
    """The unknown pixels' rows of the matting Laplacian [n, 25], `chunk` pixels at a time to bound the memory of their windows."""
    mask = (unknown.numbers >= 0).to(torch.float32)[None, None]
    active = F.max_pool2d(mask, 3, stride=1, padding=0)[0, 0] > 0
    windows = number_nodes(F.pad(active, [1, 1, 1, 1]))
    rows, columns = unknown.rows.split(chunk), unknown.columns.split(chunk)
    return torch.cat([stencils(image, windows, rows[part], columns[part], epsilon) for part in range(len(rows))])


def solve_unknown(image: Tensor, trimap: Tensor, unknown: Grid, epsilon: float, tolerance: float, limit: int) -> Tensor:
    """Alpha [n] of the unknown pixels, float64: image [H, W, 3], trimap [H, W], at least 3x3, known pixels as hard constraints."""
    rows, columns = unknown.rows, unknown.columns
    weights = laplacian(image, unknown, epsilon)
    steps = torch.arange(-2, 3, device=image.device)
    neighbours = around(unknown.numbers, rows, columns, steps, 2, -1.0)
    foreground = around((trimap >= 1.0).to(image.dtype), rows, columns, steps, 2, 0.0)
    load = -(weights * foreground).sum(1)
    matrix = even_csr(neighbours.clamp(min=0), weights * (neighbours >= 0).to(image.dtype), rows.shape[0])
    colours = image[rows, columns]
    basis = torch.cat([torch.ones_like(colours[:, :1]), colours], 1)[:, None, :]
    return solve(matrix, load, torch.full_like(load, 0.5), basis, unknown, tolerance, limit)


class ClosedForm(nn.Module):
    """The solver: image [B, 3, H, W] RGB 0..1 and trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W] in 0..1, float32."""

    def matte_one(self, image: Tensor, trimap: Tensor, epsilon: float, tolerance: float, limit: int) -> Tensor:
        height, width = trimap.shape
        padding = [0, max(0, 3 - width), 0, max(0, 3 - height)]
        image = F.pad(image[None], padding, mode="replicate")[0]
        trimap = F.pad(trimap[None, None], padding, mode="replicate")[0, 0]
        unknown = number_nodes((trimap > 0.0) & (trimap < 1.0))
        alpha = trimap.to(torch.float32)
        if unknown.rows.shape[0] == trimap.numel():
            return alpha[:height, :width]
        if unknown.rows.shape[0] > 0:
            found = solve_unknown(image.permute(1, 2, 0).to(torch.float64).contiguous(), trimap, unknown, epsilon, tolerance, limit)
            alpha = alpha.index_put([unknown.rows, unknown.columns], found.clamp(0.0, 1.0).to(torch.float32))
        return alpha[:height, :width]

    def forward(self, image: Tensor, trimap: Tensor, epsilon: float = 1e-7, tolerance: float = 1e-3, limit: int = 200) -> Tensor:
        mattes = [self.matte_one(image[index], trimap[index, 0], epsilon, tolerance, limit) for index in range(image.shape[0])]
        return torch.stack(mattes)[:, None]


class Contract(nn.Module):
    """The contract of an export around the solver."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, trimap: Tensor, epsilon: float = 1e-7) -> Tuple[Tensor, Optional[Tensor]]:
        return self.network(image, trimap, epsilon), None


def build() -> nn.Module:
    return ClosedForm()


def convert(state_dict: Dict[str, Tensor]) -> Dict[str, Tensor]:
    return {}


def wrap(network: nn.Module) -> nn.Module:
    return Contract(network)
