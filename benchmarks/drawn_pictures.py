"""The picture that benchmarks/formats.py writes in every format, in integers and in light."""

import numpy as np

HEIGHT, WIDTH = 48, 64
MODELS = {"grey": 1, "RGB": 3, "RGBA": 4}


def drawn(model: str) -> np.ndarray:
    """A smooth picture of 16 bits with all of its range, [H, W, C]; the alpha is nowhere 0, which would hide colours."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] / np.array([HEIGHT - 1, WIDTH - 1]).reshape(2, 1, 1)
    planes = [columns, rows, (rows + 1 - columns) / 2, 0.1 + 0.9 * rows]
    return np.rint(np.dstack(planes[:1] if model == "grey" else planes[: MODELS[model]]) * 65535).astype(np.uint16)


def light(model: str) -> np.ndarray:
    """Linear light up to 6 with straight alpha, float32 [H, W, C]."""
    planes = (drawn(model) / 65535).astype(np.float32)
    planes[..., : min(3, planes.shape[2])] *= 6
    return np.ascontiguousarray(planes)


def as_depth(levels: np.ndarray, bits: int) -> np.ndarray:
    """16-bit levels as integers of a depth."""
    return ((levels.astype(np.uint64) * (2**bits - 1) + 32767) // 65535).astype(np.uint8 if bits <= 8 else np.uint16)


def multiplied(planes: np.ndarray) -> np.ndarray:
    """Straight colours with alpha last, multiplied by it; others as they are."""
    return np.dstack([planes[..., :3] * planes[..., 3:], planes[..., 3]]) if planes.shape[2] == 4 else planes


def straight(planes: np.ndarray) -> np.ndarray:
    """The inverse of `multiplied`."""
    return np.dstack([planes[..., :3] / planes[..., 3:], planes[..., 3]]) if planes.shape[2] == 4 else planes
