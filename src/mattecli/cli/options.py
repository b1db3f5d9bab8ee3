"""Options shared by several verbs; those whose help differs are defined in the verb's file."""

from typing import Annotated

import typer

from mattecli.cli.choices import ON_OFF, PRECISIONS, a_device, model_or, one_of, refiner_names
from mattecli.errors import UsageError
from mattecli.requests.fits import FITS

Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file, a folder, a pattern with {stem}, {name}, {parent}, or - for stdout.  [default: beside the input]",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Let a result replace its own input.")]
SkipExisting = Annotated[bool, typer.Option("--skip-existing", help="Skip pictures whose results exist and were made with these settings.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on stderr.")]

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        **model_or(metavar="NAME|FILE.pt"),
        help="A model of `matte models list`, or an exported .pt file, which is code: use files you trust.",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        **one_of("ours", "authors"),
        help="Which weights of that model: this project's or its authors'.  [default: the authors' where they are installed]",
    ),
]
Tunables = Annotated[
    list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="Tune the model; `matte models info` lists how.")
]
Refine = Annotated[
    str | None,
    typer.Option(
        "--refine",
        metavar="[MODEL]|none",
        autocompletion=refiner_names,
        help="Let a trimap model refine coarse mattes.  [default: as the model advises]",
    ),
]
Quality = Annotated[
    str,
    typer.Option(
        "--quality",
        **one_of("fast", "best"),
        help="Refine coarse mattes in a small copy of the picture, or in the picture itself.",
    ),
]
Device = Annotated[str, typer.Option("--device", **a_device(), help="Where the networks run.")]
Precision = Annotated[str, typer.Option("--precision", **one_of(*PRECISIONS), help="The precision of the networks; auto is fp32.")]
MaxMemory = Annotated[
    str | None,
    typer.Option("--max-memory", metavar="SIZE", help="Stay below this, as 6G: work in tiles or smaller, or refuse.  [default: all free]"),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never open a socket.")]

PlatePhoto = Annotated[str | None, typer.Option("--bg", "--plate", metavar="FILE", help="The same scene without the subject.")]
Kind = Annotated[
    str | None,
    typer.Option("--as", **one_of("cutout", "alpha", "foreground", "composite"), help="What is made of the matte.  [default: cutout]"),
]
Fit = Annotated[str, typer.Option("--fit", **one_of(*FITS), help="How the backdrop is brought to size.")]
Blur = Annotated[
    str, typer.Option("--blur", metavar="SIGMA", help="Put the backdrop out of focus: pixels such as 12, or 1.5% of the longer side.")
]
Decontaminate = Annotated[
    str,
    typer.Option("--decontaminate", **one_of(*ON_OFF), help="Remove the old background from the colours; off keeps the input's colours."),
]
KeepHidden = Annotated[
    bool, typer.Option("--keep-hidden", help="Leave the photo's colours in a cut-out where it is transparent; else they are taken out.")
]
Gamma = Annotated[bool, typer.Option("--gamma", help="Blend encoded values, as older tools do, not light.")]

FOLLOWS = ("auto", "on", "off")
TONE_MAPS = {"keep": "copy", "sdr": "sdr"}
"""How clips in HDR are read, by the words of --tone-map."""


def tone_map_of(word: str) -> str:
    """The tone mapping of HDR clips; UsageError for a word that is not one of TONE_MAPS."""
    if word not in TONE_MAPS:
        raise UsageError(f"--tone-map {word} is not known; choose {' or '.join(TONE_MAPS)}")
    return TONE_MAPS[word]


CODECS = ("h264", "hevc", "av1", "vp9", "prores", "ffv1", "y4m", "nut", "raw")
Codec = Annotated[
    str | None,
    typer.Option(
        "--codec",
        **one_of(*CODECS),
        help="How a clip is coded; the last three are for pipes.  [default: what suits the ending]",
    ),
]
ClipSource = Annotated[str, typer.Argument(metavar="CLIP", help="A video file, a folder of frames, or a pattern: frames/%05d.png.")]
Start = Annotated[str | None, typer.Option("--start", metavar="TIME", help="Begin here: seconds, or h:mm:ss.")]
End = Annotated[str | None, typer.Option("--end", metavar="TIME", help="Stop here.")]
Rate = Annotated[str | None, typer.Option("--fps", metavar="RATE", help="Frames a second of a folder of frames, as 25 or 30000/1001.")]
Crf = Annotated[int | None, typer.Option("--crf", min=0, max=63, help="Quality of h264, hevc, av1 and vp9; lower is better and larger.")]
