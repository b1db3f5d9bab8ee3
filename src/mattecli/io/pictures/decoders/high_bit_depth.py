"""AVIF and JPEG 2000 of more than 8 bits a channel, which Pillow reduces to 8, by OpenCV; for PNG and TIFF see io/sixteen_bit.py."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.io.pictures.decoders.heif import stretched

_SIZ = b"\xff\x51"


def avif_bits(data: bytes) -> int:
    """Bits a channel, by the AV1 configuration box (AV1-ISOBMFF 1.2, section 2.3); 8 for a file that has none."""
    place = data.find(b"av1C")
    if place < 0 or place + 7 > len(data):
        return 8
    flags = data[place + 6]
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10


def jpeg2000_bits(data: bytes) -> int:
    """The most bits of any channel, by the SIZ marker (ISO/IEC 15444-1, annex A.5.1); 8 for a file that has none."""
    place = data.find(_SIZ)
    count = int.from_bytes(data[place + 38 : place + 40], "big")
    depths = data[place + 40 : place + 40 + 3 * count : 3]
    return max((depth & 0x7F) + 1 for depth in depths) if place >= 0 and depths else 8


def is_irreversible(data: bytes) -> bool:
    """Whether a JPEG 2000 file uses the 9-7 wavelet, which is lossy (annex A.6.1)."""
    place = data.find(b"\xff\x52")
    return place < 0 or data[place + 13 : place + 14] == b"\0"


def deep_levels(data: bytes, bits: int) -> NDArray[np.uint16]:
    """The pixels as 16-bit levels [H, W] or [H, W, C]: grey, RGB, or RGB with straight alpha; an AVIF's orientation is applied."""
    try:
        levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        levels = None
    if levels is None or levels.dtype not in (np.uint8, np.uint16):
        raise InputError(f"its pixels of {bits} bits are damaged or stored in a way that is not read; save it with 8 bits a channel")
    if levels.ndim == 3 and levels.shape[2] >= 3:
        levels = np.ascontiguousarray(levels[..., [2, 1, 0, 3][: levels.shape[2]]])
    return stretched(levels, 255 if levels.dtype == np.uint8 else (1 << bits) - 1)
