"""Metadata of picture files: orientation, colour profile, resolution, Exif. Damaged parts are left out and noted."""

import contextlib
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from isal import isal_zlib
from PIL import Image

ORIENTATION_TAG, X_RESOLUTION_TAG, Y_RESOLUTION_TAG, RESOLUTION_UNIT_TAG = 0x0112, 0x011A, 0x011B, 0x0128
CENTIMETRES = 3
_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825
# Of Exif 2.3's main directory: description, make, model, software, date, artist, copyright.
_KEPT_TAGS = {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298}
# Sizes, components and colour space of the pixels, the maker's own data, whose offsets no longer hold, a comment, and interoperability.
_OF_PIXELS = {0x9101, 0x9102, 0x927C, 0x9286, 0xA001, 0xA002, 0xA003, 0xA005}
_NEW_SUBFILE_TAG, _REDUCED = 254, 1  # TIFF 6.0
_MP_ENTRIES = 0xB002  # CIPA DC-007, the Multi-Picture Format
MOST_PAGES = 1000
EXR_ATTRIBUTES = {0x010F: "Make", 0x0110: "Model", 0x0132: "DateTime"}
"""What Exif data and EXR files both say, by tag and by OpenImageIO's name."""
METRES_PER_INCH = 0.0254
_PNG_END = bytes.fromhex("0000000049454e44ae426082")
_SHORTEST_CHUNK = 12
_DEEP = b"\x10"  # 16 bits, the depth in the header chunk
_UNPACKED_AT_ONCE = 1 << 20
LARGEST_PROFILE = 16 << 20
"""Bytes; the largest profiles of printers have a few million."""
LARGEST_DPI = 1e6

# Pillow's exceptions for unexpected metadata, in addition to OSError.
BAFFLED = (
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Metadata:
    """orientation: 1..8 as in Exif 2.3. icc: the profile. dpi: pixels an inch, across and down. frames: the number of pictures.

    exif: Exif data on camera and date, without an orientation. notes: what was left out, and why.
    """

    orientation: int = 1
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    frames: int = 1
    notes: tuple[str, ...] = ()
    exif: bytes | None = None

    def with_profile(self, icc: bytes | None) -> "Metadata":
        """The same with another profile."""
        return replace(self, icc=icc)


def metadata_of(picture: Image.Image, said: Metadata | None = None) -> Metadata:
    """The metadata of a file opened by Pillow; `said`: metadata known already, which takes precedence."""
    found = said or Metadata(
        icc=picture.info.get("icc_profile") or None, dpi=_sane_dpi(picture.info.get("dpi")), frames=_count_frames(picture)
    )
    try:
        exif = picture.getexif()
        return with_exif(found, exif)
    except (OSError, *BAFFLED):
        return replace(found, notes=(*found.notes, "its EXIF data are damaged and left out"))


def with_exif(found: Metadata, exif: Image.Exif) -> Metadata:
    """Metadata and what Exif data, or the tags of a TIFF, add to them. Raises Pillow's exceptions for damaged ones."""
    orientation = exif.get(ORIENTATION_TAG, 1)
    dpi = found.dpi or _exif_dpi(exif)
    return replace(found, orientation=orientation if orientation in range(1, 9) else 1, dpi=dpi, exif=kept_exif(exif))


def split_png(data: bytes) -> tuple[bytes, Metadata]:
    """A PNG file reduced to the chunks of its pixels, and the metadata of the others.

    Decoders reject a picture for a text or a profile that is too long, or for a missing end marker, which is appended. Data that do not
    consist of chunks are returned unchanged. A last chunk that is longer than the file is left out, or of the pixels what is there of it
    kept: OpenCV reserves as many bytes as it claims.
    """
    kept, found, ended = [data[:8]], Metadata(), False
    pixels = zlib.decompressobj() if data[24:25] == _DEEP else None
    for kind, whole in _chunks(data):
        content = whole[8:-4]
        if kind == b"IEND" or len(whole) < _SHORTEST_CHUNK:
            ended = whole == _PNG_END
            break
        if len(content) != int.from_bytes(whole[:4], "big"):
            if kind == b"IDAT":
                rest = png_chunk(kind, whole[8:])
                kept.append(rest if pixels is None else _without_surplus(rest, pixels))
            break
        if kind == b"IDAT" and pixels is not None:
            whole = _without_surplus(whole, pixels)
        if kind[:1].isupper() or kind == b"tRNS":
            kept.append(whole)
        elif kind == b"iCCP":
            found = _with_profile(found, content)
        elif kind == b"pHYs" and len(content) == 9 and content[8] == 1:
            across, down = struct.unpack(">II", content[:8])
            found = replace(found, dpi=_sane_dpi((across * METRES_PER_INCH, down * METRES_PER_INCH)))
        elif kind == b"acTL" and len(content) == 8:
            found = replace(found, frames=int.from_bytes(content[:4], "big"))
        elif kind == b"eXIf" and zlib.crc32(whole[4:-4]).to_bytes(4, "big") == whole[-4:]:
            kept.append(whole)
    if len(kept) > 1:
        found = found if ended else replace(found, notes=(*found.notes, "it lacks its end marker; all its pixels are there"))
        kept.append(_PNG_END)
    return b"".join(kept), found


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file: its length, its kind, what it holds and a checksum (ISO/IEC 15948, 5.3)."""
    check = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", check)))


def _without_surplus(chunk: bytes, pixels: "zlib._Decompress") -> bytes:
    """An IDAT chunk without what lies behind the end of the packed pixels, of which the libpng in OpenCV warns on stderr."""
    content = rest = chunk[8:-4]
    try:
        while rest and not pixels.eof:
            pixels.decompress(rest, _UNPACKED_AT_ONCE)
            rest = pixels.unconsumed_tail
    except zlib.error:
        return chunk
    surplus = len(pixels.unused_data) if pixels.eof and not rest else len(rest)
    return png_chunk(b"IDAT", content[: len(content) - surplus]) if surplus else chunk


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG file, (kind, whole chunk); an incomplete last one is left out."""
    place = 8
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big") + 12
        yield data[place + 4 : place + 8], data[place : place + length]
        place += length


def _with_profile(found: Metadata, chunk: bytes) -> Metadata:
    """An iCCP chunk holds a name, a zero, the method of compression, and the profile."""
    _, _, rest = chunk.partition(b"\0")
    try:
        inflated = zlib.decompressobj()
        profile = inflated.decompress(rest[1:], LARGEST_PROFILE)
    except zlib.error:
        return replace(found, notes=(*found.notes, "its colour profile is damaged and left out, so its colours are taken for sRGB"))
    if inflated.unconsumed_tail:
        return replace(found, notes=(*found.notes, "its colour profile is too large and left out, so its colours are taken for sRGB"))
    return replace(found, icc=profile or None)


def without_metadata(data: bytes) -> bytes:
    """A JPEG file without its application segments and comments, except those that define its colours (JFIF, Adobe)."""
    kept, place = [data[:2]], 2
    while data[place : place + 1] == b"\xff" and place + 4 <= len(data):
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big") + 2
        if marker == 0xDA or length < 4:  # the pixels begin
            break
        if marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(data[place : place + length])
        place += length
    return b"".join([*kept, data[place:]])


def _count_frames(picture: Image.Image) -> int:
    """Frames of an animation or pages of a document; thumbnails and maps that belong to a photo do not count."""
    with contextlib.suppress(OSError, *BAFFLED):
        if picture.format == "TIFF":
            return len(_tiff_places(picture))
        if picture.format == "MPO":
            entries: Any = picture.mpinfo[_MP_ENTRIES]  # type: ignore[attr-defined]
            return max(1, sum(entry["Attribute"]["MPType"].startswith("Multi-Frame") for entry in entries))
        return int(getattr(picture, "n_frames", 1))
    return 1


def page_places(picture: Image.Image) -> list[int]:
    """The indices of a file's pages among its frames: of a TIFF those that are not reduced versions of others."""
    if picture.format == "TIFF":
        return _tiff_places(picture)
    return list(range(int(getattr(picture, "n_frames", 1))))


def _tiff_places(picture: Image.Image) -> list[int]:
    """At most MOST_PAGES are examined. Pages whose pixels Pillow cannot read count as well."""
    before, places = picture.tell(), []
    for place in range(MOST_PAGES):
        try:
            picture.seek(place)
        except EOFError:
            break
        except (OSError, *BAFFLED):
            pass
        if not picture.tag_v2.get(_NEW_SUBFILE_TAG, 0) & _REDUCED:  # type: ignore[attr-defined]
            places.append(place)
    picture.seek(before)
    return places or [0]


def kept_exif(exif: Image.Exif) -> bytes | None:
    """The Exif data that results keep: camera, lens, exposure, dates, place, author; nothing about pixels or storage."""
    kept = Image.Exif()
    for tag in _KEPT_TAGS & exif.keys():
        kept[tag] = exif[tag]
    for directory in (_EXIF_DIRECTORY, _GPS_DIRECTORY):
        own = {tag: value for tag, value in exif.get_ifd(directory).items() if tag not in _OF_PIXELS}
        if own:
            kept.get_ifd(directory).update(own)
            kept[directory] = own
    return kept.tobytes() if len(kept) else None


def loaded_exif(data: bytes | None) -> Image.Exif:
    """Exif data as a table by tag; an empty one for None. Raises OSError or one of BAFFLED where they are damaged."""
    exif = Image.Exif()
    exif.load(data or b"")
    return exif


def without_orientation(data: bytes | None) -> bytes | None:
    """kept_exif of Exif data as bytes; None where they are damaged."""
    try:
        return kept_exif(loaded_exif(data))
    except (OSError, *BAFFLED):
        return None


def _exif_dpi(exif: Any) -> tuple[float, float] | None:
    with contextlib.suppress(*BAFFLED):
        scale = 2.54 if exif.get(RESOLUTION_UNIT_TAG) == CENTIMETRES else 1.0
        return _sane_dpi((float(exif[X_RESOLUTION_TAG]) * scale, float(exif[Y_RESOLUTION_TAG]) * scale))
    return None


def _sane_dpi(dpi: Any) -> tuple[float, float] | None:
    with contextlib.suppress(*BAFFLED):
        across, down = (float(value) for value in dpi)
        if all(math.isfinite(value) and 0 < value < LARGEST_DPI for value in (across, down)):
            return across, down
    return None
