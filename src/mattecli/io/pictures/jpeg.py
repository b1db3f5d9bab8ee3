"""Whether the pixels of a JPEG file are all there: libjpeg makes up what is missing, and only warns, which Pillow keeps to itself."""

import numpy as np
from numpy.typing import NDArray

END = b"\xff\xd9"
# libjpeg's warning about bytes between the pixels and the end, which cameras leave there; the pixels are whole.
_HARMLESS = "extraneous bytes before marker 0xd9"


def whole_jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a JPEG file of greys or colours, uint8 [H, W, 3] RGB, not turned upright; None where libjpeg warns of anything.

    They are those that Pillow decodes, which does not tell warnings.
    """
    import simplejpeg

    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except ValueError:
        return None
    return pixels


def jpeg_damage(data: bytes) -> str | None:
    """What libjpeg finds wrong with the pixels of a JPEG file, in its words; None for nothing, or a kind it does not know."""
    import simplejpeg

    try:
        # An eighth of the size: all is read, and little is computed.
        simplejpeg.decode_jpeg(data, min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        said = str(error)
        return None if _HARMLESS in said or not said.startswith(("Corrupt", "Premature")) else said
    return None


def with_end(data: bytes) -> bytes | None:
    """A JPEG file with the end marker it lacks; None where it lacks more than that."""
    whole = data + END
    return None if data.endswith(END) or jpeg_damage(whole) else whole
