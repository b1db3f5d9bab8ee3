"""Cutting a picture into overlapping parts that a network sees one by one, so that memory does not grow with the picture.

This is safe where every value the network computes depends on a bounded neighbourhood only: convolutions, poolings and frozen batch
norms, but no mean over the image. An inner part that lies farther from the cuts than that neighbourhood reaches comes out as if the
network had seen the whole picture. What pools by 2 x 2 five times, as VGG-16 does, must be cut at multiples of 32.
"""

from typing import List

from torch import Tensor
from torch.nn import functional as F

from mattecli.errors import MatteError


def spans(length: int, tile: int, overlap: int) -> List[List[int]]:
    """One side of a picture in pieces: for each [begin, end) of what is seen and [begin, end) of what is kept of it.

    The kept parts lie side by side, `overlap` pixels or more from every cut; what is seen is at most `tile` long and begins at a
    multiple of 32, and only the last piece may be shorter, by less than 32.
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
    """The rectangles to see of a picture: (rows, columns), each as `spans` gives them, closed in on what is `wanted`.

    Those whose kept part holds no pixel that is `wanted` (bool [B, 1, H, W]) are left out; of the others just so much is seen that the
    wanted ones in their kept part lie `overlap` pixels or more from every cut. `tile` and `overlap` are lowered to multiples of 32.
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
    """A piece of a side, as `spans` gives it, of which only those kept lines matter that are `wanted` (bool [kept], some of them)."""
    places = wanted.nonzero()
    first, last = span[2] + int(places[0]), span[2] + int(places[-1]) + 1
    end = min(span[1], last + overlap + (span[0] - last - overlap) % 32)
    # A network that pools needs 32 pixels, of which the picture's end may leave fewer.
    begin = max(span[0], min(first - overlap, end - 32) // 32 * 32)
    return [begin, end, first, last]


def asked_for(unknown: Tensor, height: int, width: int) -> Tensor:
    """Where a matte of `height` x `width` must be right for the `unknown` pixels (bool [B, 1, H, W]) that are interpolated from it."""
    covering = F.adaptive_max_pool2d(unknown.float(), [height, width])
    return F.max_pool2d(covering, [3, 3], [1, 1], [1, 1]) > 0.0


def seen(picture: Tensor, window: List[List[int]]) -> Tensor:
    """What the network sees of a picture [B, C, H, W] through a window."""
    rows, columns = window
    return picture[:, :, rows[0] : rows[1], columns[0] : columns[1]]


def keep(result: Tensor, part: Tensor, window: List[List[int]]) -> None:
    """Lay the inner part of what the network said of a window into the result [B, C, H, W]."""
    rows, columns = window
    inner = part[:, :, rows[2] - rows[0] : rows[3] - rows[0], columns[2] - columns[0] : columns[3] - columns[0]]
    result[:, :, rows[2] : rows[3], columns[2] : columns[3]] = inner
