"""The fields of the service's forms: one table from which forms are read and the OpenAPI document is written."""

from dataclasses import dataclass

from mattecli.requests.fits import FITS
from mattecli.requests.quality import QUALITIES

FILE, TEXT, EITHER = "file", "text", "either"

KINDS = ("cutout", "alpha", "foreground", "composite", "trimap")
FORMATS = {"png": "image/png", "webp": "image/webp", "jpg": "image/jpeg", "tif": "image/tiff"}


@dataclass(frozen=True)
class Field:
    """One field of a form. holds: "file", "text" or "either". many: whether it may occur more than
    once. supported: False for what is refused.
    """

    about: str
    holds: str = TEXT
    choices: tuple[str, ...] = ()
    many: bool = False
    required: bool = False
    supported: bool = True

    def holds_file(self, *, named: bool) -> bool:
        """Whether a part is written to a file; named: whether it has a file name."""
        return self.holds == FILE or (self.holds == EITHER and named)


_IMAGE = Field("The photo: any kind of picture file that `matte image` reads, such as JPEG, PNG, WebP, HEIC or TIFF.", FILE, required=True)
_STROKES = Field(
    "Scribbles of the photo's size: white or green on the subject, black or red beside it, transparent or grey elsewhere; "
    'or JSON: {"foreground": [[x, y], ...], "background": [[x, y], ...], "width": pixels}.',
    FILE,
)
_MASK = Field("A rough mask of the subject, white on black, hard or soft.", FILE)

MATTE_FIELDS = {
    "image": _IMAGE,
    "trimap": Field("Black: background, grey: unknown, white: foreground.", FILE),
    "strokes": _STROKES,
    "mask": _MASK,
    "background": Field("The same scene without the subject.", FILE),
    "model": Field("A model of GET /v1/models. Without it, the best installed one that fits the guides."),
    "as": Field("What to answer.", choices=KINDS),
    "results": Field(f"For JSON answers, what to link to, separated by commas: {', '.join(KINDS)}."),
    "over": Field("What a composite lies over: a colour such as orange or #ff8800, or a picture as a file.", EITHER),
    "fit": Field("How that picture is brought to size.", choices=FITS),
    "refine": Field("none for the raw matte of a coarse model, auto, or the trimap model that finishes it."),
    "quality": Field("How a coarse matte is refined: in a small copy of the photo, or in the photo itself.", choices=QUALITIES),
    "options": Field("A tunable of the model as NAME=VALUE; may come more than once.", many=True),
    "format": Field("The file format of the answer; else the Accept header says it.", choices=tuple(FORMATS)),
}

TRIMAP_FIELDS = {
    "image": Field("The photo; not needed for a mask.", FILE),
    "strokes": _STROKES,
    "mask": _MASK,
    "grow": Field("How strokes spread.", choices=("random-walk", "geodesic", "none")),
    "band": Field("How far unknown reaches to either side of the outline: auto, pixels such as 12, or 1.5% of the longer side."),
}

SIZES: dict[str, int | None] = {
    "auto": None,
    "full": None,
    "preview": 250_000,
    "small": 250_000,
    "regular": 250_000,
    "medium": 1_500_000,
    "hd": 4_000_000,
    "4k": 10_000_000,
}
"""The sizes of remove.bg, as the most pixels of the result."""

REMOVEBG_FIELDS = {
    "image_file": Field("The photo.", FILE, required=True),
    "size": Field(
        "At most so many pixels: preview and small 0.25 million, medium 1.5, hd 4, auto and full the photo's own.", choices=tuple(SIZES)
    ),
    "format": Field("The file format of the answer.", choices=("auto", "png", "jpg", "webp")),
    "bg_color": Field("The colour behind the subject, as 81d4fa, fff or green."),
    "bg_image_file": Field("The picture behind the subject.", FILE),
    "channels": Field("rgba: the finished image, alpha: the alpha matte.", choices=("rgba", "alpha")),
    "type": Field("Accepted and not used: the model decides what the subject is."),
    "type_level": Field("Accepted and not used."),
    "crop": Field("Only false.", choices=("false",)),
    "add_shadow": Field("Only false.", choices=("false",)),
    "shadow_type": Field("Only none.", choices=("none",)),
    "semitransparency": Field("Accepted; true either way.", choices=("true", "false")),
    "scale": Field("Only original or 100%.", choices=("original", "100%")),
    "position": Field("Only original.", choices=("original",)),
    "roi": Field("Only the whole photo.", choices=("0% 0% 100% 100%",)),
    "image_url": Field("No address is opened; send image_file.", supported=False),
    "image_file_b64": Field("Send image_file.", supported=False),
    "bg_image_url": Field("No address is opened; send bg_image_file.", supported=False),
}
