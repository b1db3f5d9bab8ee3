"""Overlapping tiles of a picture, which a network processes one at a time so that memory does not grow with the picture.

Exact for networks with a bounded receptive field: convolutions, poolings and frozen batch norms, but no mean over the image. The inner
part of a tile that lies farther from the tile's edges than the receptive field reaches equals the result for the whole picture. A network
that pools by 2 x 2 five times, as VGG-16 does, needs tiles that begin at multiples of 32.
"""

from typing import List

from torch import Tensor
from torch.nn import functional as F

from mattecli.errors import MatteError


def spans(length: int, tile: int, overlap: int) -> List[List[int]]:
    """One side of a picture split into tiles: [begin, end, kept begin, kept end] each.

    The kept parts lie side by side, at least `overlap` pixels from every cut. A tile is at most `tile` long and begins at a multiple of 32;
    only the last one may be shorter, by less than 32.
    """
    found: List[List[int]] = []
    begin, done = 0, 0
    while done < length:
        end = min(begin + tile, length)
        kept = length if end == length else end - overlap
        found.append([begin, end, done, kept])
        begin, done = min(kept - overlap, length - tile + (tile - length) % 32), kept
    return found


def windows(wanted: Tensor, tile: int, overlap: int) -> List[List[List[int]]]:
    """The tiles of a picture, (rows, columns) as `spans` gives them, reduced to what the `wanted` pixels (bool [B, 1, H, W]) need.

    A tile without wanted pixels in its kept part is skipped; the others shrink until the wanted pixels are just `overlap` pixels or more
    from every cut. `tile` and `overlap` are lowered to multiples of 32. Raises MatteError for a tile of at most two overlaps.
    """
    tile, overlap = tile - tile % 32, overlap - overlap % 32
    if overlap < 0 or tile <= 2 * overlap:
        raise MatteError(f"a tile must be more than two overlaps wide; give tile {2 * overlap + 32} or more, or a smaller overlap")
    found: List[List[List[int]]] = []
    for rows in spans(wanted.shape[2], tile, overlap):
        for columns in spans(wanted.shape[3], tile, overlap):
            inner = wanted[:, :, rows[2] : rows[3], columns[2] : columns[3]].any(0).any(0)
            if bool(inner.any()):
                found.append([closed_in(rows, inner.any(1), overlap), closed_in(columns, inner.any(0), overlap)])
    return found


def closed_in(span: List[int], wanted: Tensor, overlap: int) -> List[int]:
    """A span reduced to its `wanted` kept lines (bool [kept], at least one true) and `overlap` around them."""
    places = wanted.nonzero()
    first, last = span[2] + int(places[0]), span[2] + int(places[-1]) + 1
    end = min(span[1], last + overlap + (span[0] - last - overlap) % 32)
    # A network that pools needs 32 pixels, and near the picture's end there may be fewer.
    begin = max(span[0], min(first - overlap, end - 32) // 32 * 32)
    return [begin, end, first, last]


def asked_for(unknown: Tensor, height: int, width: int) -> Tensor:
    """Which pixels of a matte of `height` x `width` the `unknown` pixels (bool [B, 1, H, W]) are interpolated from: bool [B, 1, h, w]."""
    covering = F.adaptive_max_pool2d(unknown.float(), [height, width])
    return F.max_pool2d(covering, [3, 3], [1, 1], [1, 1]) > 0.0


def seen(picture: Tensor, window: List[List[int]]) -> Tensor:
    """The tile of a picture [B, C, H, W] that a window gives."""
    rows, columns = window
    return picture[:, :, rows[0] : rows[1], columns[0] : columns[1]]


def keep(result: Tensor, part: Tensor, window: List[List[int]]) -> None:
    """Write the kept part of a tile's output into the result [B, C, H, W]."""
    rows, columns = window
    inner = part[:, :, rows[2] - rows[0] : rows[3] - rows[0], columns[2] - columns[0] : columns[3] - columns[0]]
    result[:, :, rows[2] : rows[3], columns[2] : columns[3]] = inner
