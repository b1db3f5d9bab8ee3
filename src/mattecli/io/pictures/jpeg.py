"""Detection of missing pixels in a JPEG file: libjpeg fills them in with a warning, which Pillow suppresses."""

import numpy as np
from numpy.typing import NDArray

END = b"\xff\xd9"
# libjpeg's warning about bytes between the pixels and the end, which cameras write; the pixels are complete.
_HARMLESS = "extraneous bytes before marker 0xd9"


def whole_jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a JPEG file of greys or colours, uint8 [H, W, 3] RGB, orientation not applied; None where libjpeg warns.

    They equal Pillow's, which suppresses warnings.
    """
    import simplejpeg

    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except ValueError:
        return None
    return pixels


def jpeg_damage(data: bytes) -> str | None:
    """libjpeg's warning about the pixels of a JPEG file; None without one, or for a kind it does not support."""
    import simplejpeg

    try:
        # At an eighth of the size all data are read and little is computed.
        simplejpeg.decode_jpeg(data, min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        said = str(error)
        return None if _HARMLESS in said or not said.startswith(("Corrupt", "Premature")) else said
    return None


def with_end(data: bytes) -> bytes | None:
    """A JPEG file completed by its missing end marker; None where more is missing."""
    whole = data + END
    return None if data.endswith(END) or jpeg_damage(whole) else whole
