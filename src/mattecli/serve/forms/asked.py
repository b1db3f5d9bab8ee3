"""Parses a form into a request, checked before anything is computed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mattecli.errors import InputError, MatteError
from mattecli.io.images import picture_size
from mattecli.requests.quality import BEST
from mattecli.requests.quantities import parse_colour
from mattecli.serve.forms.fields import FORMATS, KINDS, MATTE_FIELDS, TRIMAP_FIELDS, Field
from mattecli.serve.forms.uploads import Form
from mattecli.serve.problems import RequestError

GUIDES = ("trimap", "strokes", "mask", "background")
JSON = "application/json"


@dataclass(frozen=True)
class Asked:
    """A request for a matte.

    image, guides: files. kinds: the results to write, each as a file of `suffix`. over: a colour as parse_colour reads it, or a picture
    file. links: whether the response is a JSON document. size: the photo's (height, width) as stored. most_pixels: a larger result is
    scaled down to that number of pixels.
    """

    image: Path
    guides: Mapping[str, Path]
    size: tuple[int, int]
    kinds: tuple[str, ...] = ("cutout",)
    suffix: str = ".png"
    model: str | None = None
    refine: str | None = None
    quality: str = BEST
    options: Mapping[str, str] = field(default_factory=dict)
    over: str | Path | None = None
    fit: str = "cover"
    links: bool = False
    most_pixels: int | None = None


def read_matte(form: Form, accept: str, *, max_pixels: int) -> Asked:
    """The request in a form of MATTE_FIELDS. Raises RequestError."""
    check_choices(form, MATTE_FIELDS)
    texts = form.texts
    links = _prefers_json(accept) and "format" not in texts
    over = form.files.get("over") or texts.get("over")
    kinds = _results(texts["results"]) if "results" in texts else (_kind(texts.get("as"), over),)
    if len(kinds) > 1 and not links:
        raise RequestError(400, "several results are linked to from JSON; send Accept: application/json, or ask for one with `as`")
    if over is not None and "composite" not in kinds:
        raise RequestError(400, "over lays the cut-out over something, so it goes with as=composite; drop one of the two")
    if isinstance(over, str):
        check_colour("over", over)
    image = required_file(form, "image")
    sizes = check_pictures(form, max_pixels=max_pixels)
    return Asked(
        image=image,
        guides={name: form.files[name] for name in GUIDES if name in form.files},
        size=sizes["image"],
        kinds=kinds,
        suffix=_suffix(texts.get("format"), accept, kinds),
        model=texts.get("model"),
        refine=texts.get("refine"),
        quality=texts.get("quality", BEST),
        options=_options(texts.get("options", "")),
        over=over,
        fit=texts.get("fit", "cover"),
        links=links,
    )


@dataclass(frozen=True)
class AskedTrimap:
    """A request for a trimap: of a photo and strokes over it, or of a mask. grow, band: unparsed text."""

    image: Path
    strokes: Path | None
    grow: str = "random-walk"
    band: str = "auto"
    links: bool = False


def read_trimap(form: Form, accept: str, *, max_pixels: int) -> AskedTrimap:
    """The request in a form of TRIMAP_FIELDS. Raises RequestError."""
    check_choices(form, TRIMAP_FIELDS)
    is_mask = "mask" in form.files
    if is_mask == ("strokes" in form.files):
        raise RequestError(400, "a trimap is made of strokes over an image, or of a mask; send one of the two")
    image = required_file(form, "mask" if is_mask else "image")
    check_pictures(form, max_pixels=max_pixels)
    grow, band = form.texts.get("grow", "random-walk"), form.texts.get("band", "auto")
    return AskedTrimap(image, form.files.get("strokes"), grow, band, links=_prefers_json(accept))


def check_choices(form: Form, fields: Mapping[str, Field]) -> None:
    """RequestError for an unsupported field, and for a text that is not among its field's choices."""
    for name in (*form.texts, *form.files):
        if not fields[name].supported:
            raise RequestError(400, f"{name} is not supported. {fields[name].about}")
    for name, text in form.texts.items():
        choices = fields[name].choices
        if choices and text not in choices:
            raise RequestError(400, f"{name}={text[:40]!r} is not known; choose {', '.join(choices)}")


def check_colour(field: str, text: str) -> None:
    """RequestError for a text that is not a colour, so that no text of a client is used as a path."""
    try:
        parse_colour(text)
    except MatteError as error:
        raise RequestError(400, f"{field}: {error}; or send a picture as a file") from error


def required_file(form: Form, name: str) -> Path:
    """The file of a field; RequestError where there is none."""
    if name not in form.files:
        raise RequestError(400, f"the form has no {name}; send the photo in it, as a file")
    return form.files[name]


def check_pictures(form: Form, *, max_pixels: int) -> dict[str, tuple[int, int]]:
    """The (height, width) of each picture in a form, read from headers alone; RequestError for no picture and for too many pixels.

    Strokes in JSON get the suffix .json, by which they are recognised later.
    """
    sizes = {}
    for name, file in list(form.files.items()):
        if name == "strokes" and _is_json(file):
            form.files[name] = file.rename(file.with_suffix(".json"))
            continue
        sizes[name] = _size_of(name, file, max_pixels)
    return sizes


def _is_json(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(64).lstrip()[:1] in (b"{", b"[")


def _size_of(name: str, file: Path, max_pixels: int) -> tuple[int, int]:
    try:
        height, width = picture_size(file)
    except InputError as error:
        raise RequestError(415, str(error).replace(str(file), name)) from error
    if height * width > max_pixels:
        raise RequestError(413, f"{name} has {width}x{height} pixels, more than the {max_pixels} this service takes; scale it down")
    return height, width


def _kind(kind: str | None, over: object) -> str:
    return kind or ("composite" if over is not None else "cutout")


def _results(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise RequestError(400, f"results={text[:60]!r} is not known; choose among {', '.join(KINDS)}")
    return kinds


def _options(text: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in text.splitlines()]
    for name, equals, _ in pairs:
        if not equals:
            raise RequestError(400, f"the option {name[:40]!r} has no value; write NAME=VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _suffix(asked: str | None, accept: str, kinds: tuple[str, ...]) -> str:
    """The suffix of the result: from the field, else from the Accept header, else .png."""
    wanted = asked or next((name for name in _accepted(accept) if name in FORMATS), None)
    if wanted == "jpg" and asked is None and kinds == ("cutout",):
        wanted = "png"  # a client that accepts any image format
    if wanted == "jpg" and "cutout" in kinds:
        raise RequestError(400, "jpg holds no transparency; choose png or webp, or as=composite with over=white")
    return f".{wanted or 'png'}"


def _accepted(accept: str) -> list[str]:
    """The formats of an Accept header, in order of preference."""
    types = {media: name for name, media in FORMATS.items()}
    weighted = [_weighted(part) for part in accept.split(",")]
    return [types[media] for media, weight in sorted(weighted, key=lambda pair: -pair[1]) if media in types and weight > 0]


def _prefers_json(accept: str) -> bool:
    weights = dict(_weighted(part) for part in accept.split(","))
    pictures = [weight for media, weight in weights.items() if media.startswith("image/")]
    return weights.get(JSON, 0.0) > max(pictures, default=0.0)


def _weighted(part: str) -> tuple[str, float]:
    media, _, parameters = part.strip().lower().partition(";")
    quality = next((word.strip()[2:] for word in parameters.split(";") if word.strip().startswith("q=")), "1")
    try:
        return media.strip(), float(quality)
    except ValueError:
        return media.strip(), 0.0
