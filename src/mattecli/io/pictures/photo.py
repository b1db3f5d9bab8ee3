"""A picture file as a Photo: upright, in RGB, its transparency apart, grey profiles converted to sRGB."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattecli.io.pictures.decoders.decode import decode
from mattecli.io.pictures.decoders.decoded import File
from mattecli.io.pictures.grey import grey_in_srgb, is_grey_profile
from mattecli.io.pictures.light import Light
from mattecli.io.pictures.metadata import Metadata
from mattecli.io.sixteen_bit import orient

Pixels = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Photo:
    """A picture with its orientation applied.

    pixels: uint8 or uint16 [H, W, 3], RGB. alpha: the file's own transparency, [H, W] of the same dtype, or None where nothing is
    transparent; opaque: whether it has an alpha channel that is opaque.
    icc: the profile of the colours, or None (sRGB). lossy: whether the file was compressed with loss (JPEG, most WebP).
    dpi: its resolution in pixels an inch, across and down, or None. notes: notes for the user about reading it. exif: what it says
    of camera and date, as Exif data, or None. light: of a file of floats the floats; `pixels` are then what a screen shows of them.
    """

    pixels: Pixels
    alpha: Pixels | None
    icc: bytes | None
    lossy: bool = False
    opaque: bool = False
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    exif: bytes | None = None
    light: Light | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def top(self) -> int:
        """The value of full intensity: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)


def plain_levels(photo: Photo) -> Pixels:
    """A picture's levels: [H, W] where it is grey, [H, W, 3] RGB, or [H, W, 4] RGBA where something is transparent."""
    grey = photo.pixels[..., 0]
    is_grey = bool((photo.pixels == grey[..., None]).all())
    if photo.alpha is not None:
        return np.dstack([photo.pixels, photo.alpha])
    return np.ascontiguousarray(grey) if is_grey else photo.pixels


def photo_of_file(file: File) -> Photo:
    """A picture file as a Photo. Profiles of greys that are no colours (File.as_levels) are ignored."""
    decoded = decode(file)
    metadata, notes = decoded.metadata, decoded.notes
    colours, alpha = _split_alpha(orient(decoded.levels, metadata.orientation))
    if is_grey_profile(metadata.icc) and not file.as_levels:
        colours, told = _in_srgb_greys(colours, metadata.icc or b"")
        notes = (*notes, *told)
    profile = _rgb_profile(metadata.icc)
    if metadata.icc and profile is None and not (file.as_levels or is_grey_profile(metadata.icc)):
        notes = (*notes, "its colour profile is damaged or none of RGB and left out, so its colours are taken for sRGB")
    opaque = alpha is not None and bool(alpha.min() == np.iinfo(alpha.dtype).max)
    return Photo(
        _as_rgb(colours),
        None if opaque else alpha,
        profile,
        lossy=decoded.lossy,
        opaque=opaque,
        dpi=_turned(metadata),
        notes=notes,
        exif=metadata.exif,
        light=None if decoded.light is None else _upright(decoded.light, metadata.orientation),
    )


def _upright(light: Light, orientation: int) -> Light:
    alpha = None if light.alpha is None else orient(light.alpha, orientation)
    return replace(light, colours=orient(light.colours, orientation), alpha=alpha)


def _in_srgb_greys(colours: Any, profile: bytes) -> tuple[Any, list[str]]:
    """Greys converted from their profile to sRGB, and notes for the user."""
    grey = colours if colours.ndim == 2 else colours[..., 0]
    found = grey_in_srgb(grey, profile)
    if found is None:
        return colours, ["its colour profile is damaged and left out, so its greys are taken for sRGB"]
    return found, []


def _turned(metadata: Metadata) -> tuple[float, float] | None:
    """The resolution of the upright picture."""
    if metadata.dpi is None or metadata.orientation < 5:
        return metadata.dpi
    return metadata.dpi[1], metadata.dpi[0]


def _split_alpha(levels: Any) -> tuple[Any, Any]:
    """Colours and alpha, None where there is no such channel."""
    if levels.ndim == 2 or levels.shape[2] in (1, 3):
        return levels, None
    return np.ascontiguousarray(levels[..., :-1]), np.ascontiguousarray(levels[..., -1])


def _as_rgb(colours: Any) -> Any:
    grey = colours if colours.ndim == 2 else colours[..., 0]
    return colours if colours.ndim == 3 and colours.shape[2] == 3 else np.repeat(grey[..., None], 3, axis=2)


def _rgb_profile(profile: bytes | None) -> bytes | None:
    """The profile if it is sound and describes RGB (bytes 16 to 20 name the colour space): a grey one on an RGB result would be wrong."""
    from mattecli.io.icc import is_sound

    return profile if profile and profile[16:20] == b"RGB " and is_sound(profile) else None
