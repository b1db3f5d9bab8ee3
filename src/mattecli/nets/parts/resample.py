"""Resampling as weighted sums of rows with torch.embedding_bag, which reads each row once and writes each result once.

On a CPU this is several times as fast as F.interpolate, whose area and cubic kernels work sample by sample. On a GPU it is used for areas
only, where F.interpolate's kernel runs few threads per plane.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def weighed_rows(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of rows of a table [R, C]: `rows` and `weights` are [N, K], the result is [N, C].

    By the operator itself: the checks of F.embedding_bag, compiled at each call, would be much of what loading an export parses.
    """
    table, weights = table.contiguous(), weights.to(table.dtype).reshape(-1)
    starts = torch.arange(0, rows.numel(), rows.shape[1], device=rows.device)
    summed: Tensor = torch.embedding_bag(table, rows.reshape(-1), starts, False, 0, False, weights, False, None)[0]
    return summed


def counted(places: int, device: torch.device) -> Tensor:
    """0, 1, 2, ... [places] in float64, created on the device to avoid a synchronising copy; on the CPU for MPS, which has no float64."""
    return torch.arange(places, dtype=torch.float64, device=torch.device("cpu") if device.type == "mps" else device)


def _new_rows(image: Tensor, taps: tuple[Tensor, Tensor]) -> Tensor:
    """An image [B, C, H, W] resampled vertically; taps: indices and weights of the old rows, [new H, K] each."""
    batch, channels, height, width = image.shape
    found = weighed_rows(image.permute(2, 0, 3, 1).reshape(height, -1), taps[0], taps[1])
    return found.view(-1, batch, width, channels).permute(1, 3, 0, 2)


def _resized(image: Tensor, vertical: tuple[Tensor, Tensor], level: tuple[Tensor, Tensor]) -> Tensor:
    """An image resampled in both directions. Columns are transposed to rows and back, so they are done while there are fewer rows."""
    if vertical[0].shape[0] < image.shape[2]:
        image = _new_rows(image, vertical)
        image = _new_rows(image.transpose(2, 3), level).transpose(2, 3)
        return image.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    image = _new_rows(image.transpose(2, 3), level).transpose(2, 3)
    return _new_rows(image, vertical)


def _areas(side: int, new_side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Which samples of a row of `side` each of `new_side` covers, and their equal weights, [new_side, K] each."""
    places = torch.arange(new_side, device=device)
    first, end = places * side // new_side, ((places + 1) * side + new_side - 1) // new_side
    most = side // new_side + (2 if side % new_side > 0 else 0)
    covered = first[:, None] + torch.arange(most, device=device)
    return covered.clamp(max=side - 1), (covered < end[:, None]) / (end - first)[:, None]


def resize_area(image: Tensor, height: int, width: int) -> Tensor:
    """An image [B, C, H, W] resized by area: each new pixel is the mean of those it covers, as in F.interpolate's "area"."""
    if image.shape[2] == height and image.shape[3] == width:
        return image
    if image.device.type == "mps":
        return F.adaptive_avg_pool2d(image, (height, width))
    return _resized(image, _areas(image.shape[2], height, image.device), _areas(image.shape[3], width, image.device))


def _cubic(side: int, new_side: int) -> tuple[Tensor, Tensor]:
    """The four samples of a row of `side` around each of `new_side`, and Keys' weights with a = -3/4, as in OpenCV and torch."""
    centres = (torch.arange(new_side, dtype=torch.float64) + 0.5) * (side / new_side) - 0.5
    first = centres.floor()
    share = centres - first
    near, far = torch.stack((share, 1.0 - share)), torch.stack((share + 1.0, 2.0 - share))
    near = (1.25 * near - 2.25) * near * near + 1.0
    far = ((-0.75 * far + 3.75) * far - 6.0) * far + 3.0
    places = first.long()[:, None] + torch.arange(-1, 3)
    return places.clamp(0, side - 1), torch.stack((far[0], near[0], near[1], far[1]), 1)


def resize_cubic(image: Tensor, height: int, width: int) -> Tensor:
    """A float image [B, C, H, W] resized as OpenCV's INTER_CUBIC resizes float arrays: no smoothing when shrinking, may overshoot."""
    if image.device.type != "cpu":
        return torch.ops.aten.upsample_bicubic2d(image, [height, width], False)
    return _resized(image, _cubic(image.shape[2], height), _cubic(image.shape[3], width))
