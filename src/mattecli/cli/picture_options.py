"""Options of pictures, shared by `matte image` and `matte composite`, and their parsing."""

import re
from typing import Annotated, Any

import typer

from mattecli.cli.choices import one_of
from mattecli.cli.console import PictureCommand

_LENGTH = re.compile(r"\d+(\.\d+)?(px|%)?")

Page = Annotated[
    int | None, typer.Option("--page", min=1, metavar="N", help="Of a TIFF, GIF or other file of several pictures.  [default: 1]")
]
Layer = Annotated[str | None, typer.Option("--layer", metavar="NAME", help="Of an EXR: the layer or part whose RGB(A) is read.")]
Depth = Annotated[
    str | None,
    typer.Option(
        "--depth",
        **one_of("8", "10", "16", "half", "float"),
        help="Of a channel as stored: .png 8, 16; .tif 8, 16, float; .avif 8, 10; .exr half, float.  [default: the photo's; half]",
    ),
]
FileQuality = Annotated[
    int | None,
    typer.Option("--file-quality", min=1, max=100, help="Of .jpg, .webp and .avif.  [default: 95; .webp without loss; .avif 90]"),
]
Straight = Annotated[bool, typer.Option("--straight", help="Do not multiply an EXR's colours by its alpha.")]
Strip = Annotated[bool, typer.Option("--strip", help="Leave out resolution, camera, date, place and author; the colour profile stays.")]
Crop = Annotated[
    str | None,
    typer.Option("--crop", metavar="[MARGIN]", help="Cut to the subject and a margin: pixels, or 5% of the subject's longer side."),
]
Size = Annotated[
    str | None, typer.Option("--size", metavar="WxH", help="Fit the result into exactly this, in its middle; one number is a square.")
]
MaxSide = Annotated[int | None, typer.Option("--max-side", min=1, metavar="PIXELS", help="Shrink so that no side is longer.")]
Invert = Annotated[bool, typer.Option("--invert", help="The background instead of the subject.")]


class FramingCommand(PictureCommand):
    """A command whose `--crop` may be given without a margin."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_crop_value(args))


def with_crop_value(args: list[str]) -> list[str]:
    """The arguments, with a margin of 0 inserted after a --crop without one."""
    if "--crop" not in args:
        return args
    place = args.index("--crop") + 1
    if place < len(args) and _LENGTH.fullmatch(args[place]):
        return args
    return [*args[:place], "0", *args[place:]]


def words_of(**given: Any) -> dict[str, Any]:
    """The given options by the names of requests.pictures.WORDS. Raises UsageError."""
    from mattecli.requests.pictures import picture_options

    words = {name: value for name, value in given.items() if value not in (None, False)}
    picture_options(words)
    return words
