"""Detection of picture formats by a file's first bytes, whatever its ending; nothing is decoded."""

import os
import re
from pathlib import Path

ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jfif", ".jpe"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "HEIF": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pam"),
    "GIF": (".gif",),
    "EXR": (".exr",),
    "DPX": (".dpx",),
    "JXL": (".jxl",),
}
"""The formats that are read, and how their files are called."""

PHOTO_SUFFIXES = tuple(suffix for suffixes in ENDINGS.values() for suffix in suffixes)
READ_SUFFIXES = tuple(suffix for suffix in PHOTO_SUFFIXES if suffix not in ENDINGS["GIF"])
"""Endings of still pictures. A GIF is a clip to whatever takes clips."""
_RAW = "3fr arw cr2 cr3 crw dcr dng erf fff iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 sr2 srf srw x3f"
RAW_SUFFIXES = tuple(f".{name}" for name in _RAW.split())
"""Endings of cameras' raw files. Many are TIFF files, whose first page is a thumbnail."""

HEAD = 64
"""The number of bytes that identify a file."""

_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_BEGINNINGS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\x76\x2f\x31\x01": "EXR",
    b"SDPX": "DPX",
    b"XPDS": "DPX",
    b"\xff\x0a": "JXL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JXL",
}
_RAW_BEGINNINGS = (b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
_PORTABLE = re.compile(rb"P(?:[1-6][ \t\r\n#]|7\n)")
_BRANDS = {
    "AVIF": (b"avif", b"avis"),
    "HEIF": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
}


def format_of(head: bytes) -> str | None:
    """The format, as ENDINGS names it, of a file that begins with these bytes (HEAD of them are enough); None for no known picture."""
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if _PORTABLE.match(head):
        return "PPM"
    return _format_of_brands(head) if head[4:8] == b"ftyp" else None


def _format_of_brands(head: bytes) -> str | None:
    """The format that the brands of an ISO base media file name (ISO/IEC 23008-12, annex B)."""
    end = min(int.from_bytes(head[:4], "big"), HEAD)
    brands = {head[place : place + 4] for place in (8, *range(16, end, 4))}
    return next((kind for kind, known in _BRANDS.items() if brands & set(known)), None)


def is_raw(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a camera's raw file that is no plain TIFF."""
    return head.startswith(_RAW_BEGINNINGS) or (head[8:10] == b"CR" and head[:2] == b"II") or head[4:12] == b"ftypcrx "


def is_picture(path: str | Path) -> bool:
    """Whether a path is a file with a still picture in it: by its first bytes, or by its ending where these are unknown.

    A camera's raw file is none, and a GIF is a clip.
    """
    return _is_one(path, set(ENDINGS) - {"GIF"}, READ_SUFFIXES)


def is_photo(path: str | Path) -> bool:
    """Like is_picture, but True for a GIF, of which the first frame is read."""
    return _is_one(path, set(ENDINGS), PHOTO_SUFFIXES)


def _is_one(path: str | Path, kinds: set[str], suffixes: tuple[str, ...]) -> bool:
    if not os.path.isfile(path):
        return False
    head, suffix = _head(path), Path(path).suffix.lower()
    if suffix in RAW_SUFFIXES or is_raw(head):
        return False
    kind = format_of(head)
    return kind in kinds if kind else suffix in suffixes


def _head(path: str | Path) -> bytes:
    """The first bytes of a file; empty for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
