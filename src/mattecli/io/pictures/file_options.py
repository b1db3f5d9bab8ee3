"""How a picture is stored: depth, quality, what is kept beside the pixels. Nothing is written."""

from dataclasses import dataclass
from pathlib import Path

from mattecli.errors import UsageError

DEPTHS = {
    ".jpg": ("8",),
    ".jpeg": ("8",),
    ".png": ("8", "16"),
    ".webp": ("8",),
    ".tif": ("8", "16", "float"),
    ".tiff": ("8", "16", "float"),
    ".bmp": ("8",),
    ".avif": ("8", "10"),
    ".exr": ("half", "float"),
}
"""What a channel may be stored as: bits of an integer, or a half or single precision float of linear light."""
ALL_DEPTHS = ("8", "10", "16", "half", "float")
FLOATS = ("half", "float")
WITH_QUALITY = (".jpg", ".jpeg", ".webp", ".avif")
STDOUT = ".png"


@dataclass(frozen=True)
class FileOptions:
    """depth: one of ALL_DEPTHS, None for the picture's own as far as the format holds it. quality: 1 to 100, None for the format's own.

    straight: do not multiply an EXR's colours by its alpha. strip: leave out profile-free metadata: resolution, camera, date, author.
    Raises UsageError for values that are none.
    """

    depth: str | None = None
    quality: int | None = None
    straight: bool = False
    strip: bool = False

    def __post_init__(self) -> None:
        if self.depth is not None and self.depth not in ALL_DEPTHS:
            raise UsageError(f"a depth of {self.depth} is not known; choose {', '.join(ALL_DEPTHS)}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"a quality of {self.quality} is not known; choose 1 to 100")

    def check(self, path: Path) -> None:
        """UsageError where a file of that name has no such depth, quality or colours."""
        suffix = path.suffix.lower()
        if self.depth is not None and self.depth not in DEPTHS.get(suffix, ()):
            raise UsageError(f"{path.name}: {suffix} has no depth of {self.depth}; it holds {' or '.join(DEPTHS.get(suffix, ()))}")
        if self.quality is not None and suffix not in WITH_QUALITY:
            raise UsageError(f"{path.name}: {suffix} is written without loss, so it takes no quality; use {', '.join(WITH_QUALITY)}")
        if self.straight and suffix != ".exr":
            raise UsageError(f"{path.name}: straight is about .exr, in which colours are multiplied by alpha; others are straight; drop it")

    def depth_of(self, suffix: str, bits: int, *, is_light: bool) -> str:
        """How a picture of 8 or 16 bits, or of light, is stored in a file of a suffix."""
        if self.depth is not None:
            return self.depth
        held = DEPTHS[suffix]
        if is_light or held == FLOATS:
            return next((depth for depth in FLOATS if depth in held), held[-1])
        return held[min(1, len(held) - 1)] if bits > 8 else held[0]


PLAIN = FileOptions()
