"""What is fuzzed: readers of files that people are sent. A target takes bytes; anything but a MatteError is a fault."""

import contextlib
import io
import itertools
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from mattecli.batch.items import Settings, item_of
from mattecli.batch.manifest import check_manifest
from mattecli.core.contract import METADATA_FILE, parse_info, read_info
from mattecli.errors import MatteError
from mattecli.guides.sources import read_guide, read_strokes
from mattecli.io.images import read_photo_bytes
from mattecli.io.pictures.sizes import reading_within
from mattecli.io.video_read import open_clip

Target = Callable[[bytes], None]
CORPUS = Path(__file__).with_name("corpus")
MOST = 500_000_000  # bytes that a picture may take; without a bound it is 250 megapixels, far above the fuzzer's limit
PICTURE = np.zeros((24, 32, 3), np.uint8)


def strokes(data: bytes) -> None:
    """Polylines in JSON over a small picture."""
    with _file(data, ".json") as path:
        read_strokes(path, PICTURE)


def manifest(data: bytes) -> None:
    """A manifest; the first byte says whether it is CSV or JSON Lines."""
    with _file(data[1:], ".csv" if data[:1] == b"c" else ".jsonl") as path:
        check_manifest(path, lambda row: item_of(row, Settings()))


def metadata(data: bytes) -> None:
    """What an export says of itself."""
    parse_info(data.decode(errors="surrogateescape"))


def archive(data: bytes) -> None:
    """An archive that may be an export."""
    with _file(data, ".pt") as path:
        read_info(Path(path))


def picture(data: bytes) -> None:
    """A picture of any format."""
    with reading_within(MOST):
        read_photo_bytes(data)


def guide(data: bytes) -> None:
    """A picture of any format as each guide; the first byte says which."""
    name = ("trimap", "strokes", "mask", "background")[data[0] % 4 if data else 0]
    with _file(data[1:], ".png") as path, reading_within(MOST):
        read_guide(name, path, PICTURE)


def clip(data: bytes) -> None:
    """A video file, of which no more than a few frames are read."""
    with _file(data, ".mp4") as path, open_clip(path) as reader:
        for _ in itertools.islice(reader, 4):
            pass


TARGETS: dict[str, Target] = {target.__name__: target for target in (strokes, manifest, metadata, archive, picture, guide, clip)}


def survives(target: Target, data: bytes) -> None:
    """Run a target; errors that the program foresees are what it should answer. Their sentence is checked, too."""
    try:
        target(data)
    except MatteError as error:
        assert str(error).strip(), "an error without a word"


def seeds(name: str) -> list[bytes]:
    """Sound inputs of a target, to be changed."""
    info = {"name": "toy", "architecture": "toy", "guides": ["trimap"], "options": {"side": 64}, "foreground": False}
    info |= {"checkpoint_sha256": None, "licence": "MIT", "versions": {"torch": "2"}, "format": 1}
    info |= {"memory": {"fixed": 1, "picture": 2.5, "seen": 3, "sees": "longest", "bound": "side"}}
    pictures = [file.read_bytes() for file in sorted((CORPUS / "picture").glob("*"))]
    return {
        "strokes": [b'{"foreground": [[1, 2], [3, 4.5]], "background": [[[0, 0]], [[9, 9], [20, 20]]], "width": 3}'],
        "manifest": [
            b'j{"input": "a.png", "output": "b.png", "as": "alpha", "options": {"side": 64}, "guides": {"trimap": "t.png"}}\n',
            b"cinput,output,trimap,blur,id\na.png,b.png,t.png,1.5%,7\n",
        ],
        "metadata": [json.dumps(info).encode()],
        "archive": [_zipped(json.dumps(info).encode())],
        "picture": pictures,
        "guide": [bytes([number % 4]) + data for number, data in enumerate(pictures)],
        "clip": [_filmed(container) for container in ("mp4", "matroska", "mpegts")],
    }[name]


def _filmed(container: str) -> bytes:
    """Three frames of PICTURE's size as a video file."""
    content = io.BytesIO()
    with av.open(content, "w", format=container) as made:
        stream = made.add_stream("mpeg4", rate=25, width=PICTURE.shape[1], height=PICTURE.shape[0], pix_fmt="yuv420p")
        for _ in range(3):
            made.mux(stream.encode(av.VideoFrame.from_ndarray(PICTURE, "rgb24")))
        made.mux(stream.encode(None))
    return content.getvalue()


def _zipped(text: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(zipfile.ZipInfo(f"toy/extra/{METADATA_FILE}"), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()


@contextlib.contextmanager
def _file(data: bytes, suffix: str) -> Iterator[str]:
    with tempfile.NamedTemporaryFile(suffix=suffix) as stream:
        stream.write(data)
        stream.flush()
        yield stream.name
