"""Closed-form matting: A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", PAMI 2008.

In every 3x3 window alpha is modelled as an affine function of colour; the residual is a quadratic form in alpha, the matting Laplacian
(equation 12 there). Known pixels are hard constraints: only the unknown ones are solved for, and only windows that lie wholly inside
the image and contain an unknown pixel contribute, as in PyMatting.

There are no weights. The default epsilon, 1e-8, is a tenth of the paper's: on the training images of alphamatting.com it gives the lower
error with narrow and with wide trimaps (benchmarks/closed_form.py).
"""

from typing import Dict, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mattecli.nets.solvers.grid import Grid, around, number_nodes
from mattecli.nets.solvers.multigrid import solve
from mattecli.nets.solvers.sparse import even_csr


def whiten(colours: Tensor, extra: float) -> Tensor:
    """Colours [3, 9, m] of m windows made uncorrelated: z [3, 9, m] with z' z = c' (covariance + extra)^-1 c / 9 for the centred c.

    Computed by elimination with positive sums only: a closed-form inverse loses all its digits where a window is nearly grey.
    """
    colours = colours - colours.mean(1, keepdim=True)
    red, green, blue = colours[0], colours[1], colours[2]
    red_variance = (red * red).mean(0) + extra
    red_in_green = (red * green).mean(0) / red_variance
    red_in_blue = (red * blue).mean(0) / red_variance
    green = green - red_in_green * red
    green_variance = (green * green).mean(0) + extra * (1.0 + red_in_green.square())
    green_in_blue = (green * blue).mean(0) / green_variance
    blue = blue - red_in_blue * red - green_in_blue * green
    mixture = 1.0 + green_in_blue.square() + (green_in_blue * red_in_green - red_in_blue).square()
    blue_variance = (blue * blue).mean(0) + extra * mixture
    return torch.stack([red, green, blue]) / (3.0 * torch.stack([red_variance, green_variance, blue_variance]).sqrt()[:, None])


def window_energies(image: Tensor, rows: Tensor, columns: Tensor, epsilon: float) -> Tensor:
    """I - G of the paper's equation (12) for the 3x3 windows centred at `rows` and `columns` [m]: [m, 9, 9]; image is [H, W, 3]."""
    steps = torch.arange(-1, 2, device=image.device)
    width = image.shape[1]
    places = (rows * width + columns)[:, None] + (steps[:, None] * width + steps).reshape(1, 9)
    colours = image.reshape(-1, 3).index_select(0, places.reshape(-1)).reshape(-1, 9, 3)
    white = whiten(colours.permute(2, 1, 0).contiguous(), epsilon / 9.0).permute(2, 1, 0).contiguous()
    constant = torch.eye(9, dtype=image.dtype, device=image.device) - 1.0 / 9.0
    return torch.baddbmm(constant, white, white.transpose(1, 2), alpha=-1.0)


def stencils(image: Tensor, windows: Grid, rows: Tensor, columns: Tensor, epsilon: float) -> Tensor:
    """Rows of the matting Laplacian for the pixels at `rows` and `columns` [n]: [n, 25], over the 5x5 neighbours in reading order."""
    near = (windows.rows >= rows[0] - 1) & (windows.rows <= rows[-1] + 1)
    places = torch.nonzero(near)[:, 0]
    energies = window_energies(image, windows.rows[places], windows.columns[places], epsilon)
    energies = F.pad(energies.reshape(-1, 9), [0, 0, 9, 0])
    steps = torch.arange(3, device=image.device)
    found = around(windows.numbers, rows, columns, steps - 1, 1, -1.0).to(torch.int64)
    lines = torch.where(found >= 0, (found - places[0] + 1) * 9, torch.zeros_like(found)) + torch.arange(8, -1, -1, device=image.device)
    seats = energies.index_select(0, lines.reshape(-1)).reshape(-1, 81)
    across = (5 * steps[:, None] + steps).reshape(-1)
    return seats @ F.one_hot((across[:, None] + across).reshape(-1), 25).to(image.dtype)


def laplacian(image: Tensor, unknown: Grid, epsilon: float, chunk: int = 1 << 14) -> Tensor:
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
    """The solver.

    image is [B, 3, H, W], RGB 0..1, trimap [B, 1, H, W], 0 background, 1 foreground, anything between unknown; the result is alpha
    [B, 1, H, W] in 0..1, float32, equal to the trimap where that is known. Without any known pixel alpha is 0.5. The iteration ends when
    no alpha changes by more than `tolerance`, or after `limit` iterations.
    """

    def matte_one(self, image: Tensor, trimap: Tensor, epsilon: float, tolerance: float, limit: int) -> Tensor:
        """Alpha [H, W] of one image [3, H, W] with its trimap [H, W]."""
        height, width = trimap.shape
        padding = [0, max(0, 3 - width), 0, max(0, 3 - height)]
        image = F.pad(image[None], padding, mode="replicate")[0]
        trimap = F.pad(trimap[None, None], padding, mode="replicate")[0, 0]
        unknown = number_nodes((trimap > 0.0) & (trimap < 1.0))
        alpha = trimap.to(torch.float32)
        if 0 < unknown.rows.shape[0] < trimap.numel():
            pixels = image.permute(1, 2, 0).to(torch.float64).contiguous()
            found = solve_unknown(pixels, trimap, unknown, epsilon, tolerance, limit)
            alpha = alpha.index_put([unknown.rows, unknown.columns], found.clamp(0.0, 1.0).to(torch.float32))
        return alpha[:height, :width]

    def forward(self, image: Tensor, trimap: Tensor, epsilon: float = 1e-8, tolerance: float = 4e-3, limit: int = 200) -> Tensor:
        home = image.device
        if home.type == "mps":  # MPS has neither float64 nor sparse products
            image, trimap = image.cpu(), trimap.cpu()
        mattes = [self.matte_one(image[index], trimap[index, 0], epsilon, tolerance, limit) for index in range(image.shape[0])]
        return torch.stack(mattes)[:, None].to(home)


class Contract(nn.Module):
    """The contract of an export around the solver.

    epsilon is the paper's regularisation: larger values make alpha smoother, smaller ones follow the colours more closely.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, trimap: Tensor, epsilon: float = 1e-8) -> Tuple[Tensor, Optional[Tensor]]:
        return self.network(image, trimap, epsilon), None


def build() -> nn.Module:
    """The solver; it has no options and no weights."""
    return ClosedForm()


def convert(state_dict: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """There are no weights to convert: an empty state dict."""
    return {}


def wrap(network: nn.Module) -> nn.Module:
    """The solver under the contract of an export, with the tunable `epsilon`."""
    return Contract(network)
