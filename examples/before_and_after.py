"""Put a photo, its alpha and its cut-out over a colour side by side in one picture.

Usage: python examples/before_and_after.py PHOTO CUTOUT.png FILE     the ending of FILE is the format
"""

import sys
from pathlib import Path

from PIL import Image, ImageOps

COLOUR = (38, 140, 140)
GAP = 8


def panels(photo: Image.Image, cutout: Image.Image) -> list[Image.Image]:
    """The photo, the alpha in grey, and the cut-out over COLOUR, all RGB and of one size."""
    over = Image.new("RGBA", cutout.size, COLOUR)
    over.alpha_composite(cutout)
    return [picture.convert("RGB") for picture in (photo, cutout.getchannel("A"), over)]


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one size in a row on white."""
    width, height = pictures[0].size
    sheet = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height), "white")
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place * (width + GAP), 0))
    return sheet


def main(photo: Path, cutout: Path, result: Path) -> None:
    with Image.open(photo) as before, Image.open(cutout) as after:
        side_by_side(panels(ImageOps.exif_transpose(before), after.convert("RGBA"))).save(result, quality=88)
    print(result)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
