"""Which files are pictures: their first bytes decide, whatever their names end in. Nothing is decoded."""

import os
from pathlib import Path

ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jfif", ".jpe"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
}
"""The formats that are read, by their names in Pillow, and how their files are called."""

READ_SUFFIXES = tuple(suffix for suffixes in ENDINGS.values() for suffix in suffixes)
_RAW = "3fr arw cr2 cr3 crw dcr dng erf fff iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 sr2 srf srw x3f"
RAW_SUFFIXES = tuple(f".{name}" for name in _RAW.split())
"""What cameras call their sensors' data. Many are TIFF files, whose first page is a thumbnail."""

HEAD = 32
"""So many bytes tell what a file is."""

_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


def format_of(head: bytes) -> str | None:
    """The format, as ENDINGS names it, of a file that begins with these bytes (HEAD of them are enough); None for no known picture."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return None


def is_picture(path: str | Path) -> bool:
    """Whether a path is a file with a picture in it: by its first bytes, and for one that holds nothing known by its ending.

    A camera's raw file is none.
    """
    if not os.path.isfile(path):
        return False
    suffix = Path(path).suffix.lower()
    if suffix in RAW_SUFFIXES:
        return False
    return format_of(_head(path)) is not None or suffix in READ_SUFFIXES


def _head(path: str | Path) -> bytes:
    """The first bytes of a file; none of one that cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
