"""Pages for a browser: pictures as data URIs, so that a page is one file, and the writing of that file."""

import base64
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import OutputError
from mattecli.io.files import written_whole

# libwebp as OpenCV calls it: above 100 nothing is lost.
LOSSLESS, FINE = 101, 90


def data_uri(pixels: NDArray[np.uint8], *, lossless: bool = False) -> str:
    """uint8 [H, W] grey or [H, W, 3] RGB, up to 16383 pixels a side, as a WebP in a data URI."""
    levels = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])
    done, data = cv2.imencode(".webp", levels, [cv2.IMWRITE_WEBP_QUALITY, LOSSLESS if lossless else FINE])
    if not done:
        raise OutputError("the WebP encoder failed, so there are no pictures for the page; leave out the page")
    return "data:image/webp;base64," + base64.b64encode(data.tobytes()).decode()


def write_page(text: str, destination: str | Path) -> None:
    """Write a page as UTF-8, bytes of names that are no text as escapes. The file gets its name only when it is complete.

    Raises OutputError.
    """
    with written_whole(Path(destination), advice="choose another place") as stream:
        stream.write(text.encode(errors="backslashreplace"))
