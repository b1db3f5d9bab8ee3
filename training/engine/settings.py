"""Settings of the data engine: the shares of the kinds of foreground, and the strength of all variations."""

from __future__ import annotations

from dataclasses import dataclass, field

from mattecli.errors import InputError

SHARES = {
    "cutout": 0.3,
    "hair": 0.2,
    "fur": 0.15,
    "feather": 0.04,
    "leaves": 0.05,
    "branches": 0.04,
    "net": 0.04,
    "lace": 0.03,
    "spokes": 0.04,
    "smoke": 0.03,
    "glass": 0.02,
    "texture": 0.03,
    "solid": 0.03,
    "figure": 0.04,
}


@dataclass(frozen=True)
class EngineSettings:
    """Shares and chances are 0..1, lengths shares of the example's side unless they say pixels, ranges (least, most) and drawn evenly."""

    shares: dict[str, float] = field(default_factory=lambda: dict(SHARES))
    """How often each kind of foreground is drawn; a kind that is not named never is."""
    two: float = 0.1
    """How often a second foreground stands before or behind the first."""
    painted: float = 0.08
    """How often the background is made up instead of a photograph."""
    similar: float = 0.2
    """How often the foreground's colours are moved towards the background's."""
    blur: float = 0.2
    """How often the foreground is out of focus, or moving."""
    backdrop_blur: float = 0.4
    """How often the background is out of focus."""
    tone: float = 1.0
    """How far white balance, exposure, contrast and saturation wander: 0 not at all."""
    noise: tuple[float, float] = (0.0, 0.025)
    """Standard deviation of the sensor's noise at mid-grey, in 0..1."""
    jpeg: float = 0.5
    """How often image and plate are JPEG files."""
    quality: tuple[float, float] = (55.0, 98.0)
    """Of those files; a clip's frames are like pictures of 30 and more."""
    clip: float = 0.0
    """How often the image is a frame of a clip: its subject moves, and the file is MPEG-4 or H.264 instead of JPEG."""
    resample: float = 0.25
    """How often they have been made smaller and larger again, softened or sharpened."""
    trimap: tuple[float, float] = (0.007, 0.1)
    """How far the unknown region reaches beyond the soft pixels."""
    mistakes: float = 0.0
    """The share of soft pixels that the trimap wrongly calls known, in spots."""
    plate_shift: float = 3.0
    """The farthest that the plate is shifted, in pixels, either way."""
    plate_gain: float = 0.06
    """How far the plate's exposure may differ."""
    plate_still: float = 0.0
    """How often the plate fits to the pixel and is in the same light, as behind a tripod."""
    shadow: float = 0.4
    """How often the subject throws a soft shadow that the plate lacks."""

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.shares if kind not in SHARES]
        if unknown:
            raise InputError(f"there is no kind of foreground {unknown[0]!r}; there are {', '.join(SHARES)}")
        if not sum(self.shares.values()) > 0:
            raise InputError("no kind of foreground has a share; give one of them a share above 0")
