"""PNM and PAM of more than 8 bits a channel, and all of PAM; Pillow reads the others. (netpbm.sourceforge.net, pnm(5) and pam(5).)"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.io.pictures.decoders.decoded import Decoded, File, chosen_page, refuse_layer
from mattecli.io.pictures.decoders.heif import stretched

_TOKEN = re.compile(rb"(?:\s|#[^\n]*\n)*(\d+)")
_CUT_OFF = "is damaged or cut off; get a whole copy"


@dataclass(frozen=True)
class _Header:
    """A header: sizes, channels, the level of full intensity, the offset of the pixels, and whether they are text."""

    width: int
    height: int
    channels: int
    top: int
    begin: int
    as_text: bool


def is_ours(data: bytes) -> bool:
    """Whether Pillow would reduce a PNM or PAM file's depth, or cannot read it."""
    if data[:2] == b"P7":
        return True
    return data[1:2] in b"2356" and (header := _pnm(data)) is not None and header.top > 255


def decode_portable(file: File) -> Decoded:
    """The first picture of a file, as 8 or 16-bit levels."""
    refuse_layer(file)
    chosen_page(file, 1)
    header = _header(file)
    file.check((header.height, header.width), bits=16 if header.top > 255 else 8)
    levels = _samples(file, header).reshape(header.height, header.width, header.channels)
    if header.top == 255:
        return Decoded(levels.astype(np.uint8))
    if header.top > 255:
        return Decoded(stretched(levels, header.top))
    return Decoded((stretched(levels, header.top) // 257).astype(np.uint8))


def portable_size(file: File) -> tuple[int, int]:
    """The (height, width) that a file claims."""
    header = _header(file)
    return header.height, header.width


def _header(file: File) -> _Header:
    header = _pam(file.data) if file.data[:2] == b"P7" else _pnm(file.data)
    if header is None or not 1 <= header.channels <= 4 or not 0 < header.top < 65536:
        raise InputError(f"{file.name} has a damaged header; get a whole copy")
    return header


def _samples(file: File, header: _Header) -> NDArray[Any]:
    count = header.width * header.height * header.channels
    if header.as_text:
        words = re.sub(rb"#[^\n]*", b"", file.data[header.begin :]).split(maxsplit=count)[:count]
        samples = np.array([int(word) for word in words if word.isdigit()], np.uint32)
    else:
        kind = np.dtype(np.uint8 if header.top < 256 else ">u2")
        whole = (len(file.data) - header.begin) // kind.itemsize
        samples = np.frombuffer(file.data, kind, min(count, whole), header.begin)
    if len(samples) < count:
        raise InputError(f"{file.name} {_CUT_OFF}")
    return np.minimum(samples, header.top)


def _pnm(data: bytes) -> _Header | None:
    """Three numbers behind P2, P3, P5 or P6, with comments between."""
    place, numbers = 2, []
    for _ in range(3):
        found = _TOKEN.match(data, place)
        if found is None:
            return None
        numbers.append(int(found[1][:10]))
        place = found.end()
    width, height, top = numbers
    return _Header(width, height, 3 if data[1:2] in b"36" else 1, top, place + 1, as_text=data[1:2] in b"23")


def _pam(data: bytes) -> _Header | None:
    """Lines of a word and its value, up to ENDHDR."""
    head, found, _ = data.partition(b"ENDHDR\n")
    values = dict(line.split(maxsplit=1) for line in head.split(b"\n")[1:] if len(line.split()) > 1 and not line.startswith(b"#"))
    try:
        width, height, depth, top = (int(values[word][:10]) for word in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    except (KeyError, ValueError):
        return None
    return _Header(width, height, depth, top, len(head) + 7, as_text=False) if found else None
