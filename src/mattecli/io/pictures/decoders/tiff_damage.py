"""Whether the pixels of a TIFF file are what was written: libtiff stops unpacking when a strip is full, before its checksum."""

import io
import math
import zlib

DEFLATE = (8, 32946)
"""TIFF's numbers for Deflate (TIFF 6.0 and its supplement of 2002)."""


def tiff_damage(data: bytes, index: int) -> str | None:
    """What is wrong with the strips or tiles of a page, counted from 0; None for nothing, and for what has no checksum."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[index]
        if not isinstance(page, tifffile.TiffPage) or page.compression not in DEFLATE or page.dtype is None:
            return None
        most = math.prod(page.chunks) * page.dtype.itemsize
        strips = zip(page.dataoffsets, page.databytecounts, strict=False)
        bad = [number for number, (begin, count) in enumerate(strips) if not _is_whole(data[begin : begin + count], most)]
    return f"strip {bad[0] + 1} of {len(page.dataoffsets)} fails its checksum" if bad else None


def _is_whole(strip: bytes, most: int) -> bool:
    """Whether a strip of at most so many bytes unpacked ends with the checksum of what it holds."""
    unpacked = zlib.decompressobj()
    try:
        unpacked.decompress(strip, most + 1)
    except zlib.error:
        return False
    return unpacked.eof
