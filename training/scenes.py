"""Pictures with subjects in them, drawn for the network that finds subjects: image, matte, how far it is trusted, what it shows.

Three kinds: a photograph with its sharpened label, seen through a random window; subjects with exact or good mattes laid over
backgrounds; and pictures without a subject. All are squeezed into a square, as the network takes them, so proportions vary.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from training.photos import Photo, photos, read_rgba

Levels = NDArray[np.uint8]
Plane = NDArray[np.float32]

LUMA = (0.299, 0.587, 0.114)
"""What red, green and blue add to how light a colour looks (ITU-R BT.601)."""

EMPTY = 0.004
"""A picture with less alpha than this, as a share of all, shows no subject."""

GOOD = 0.93
"""From this agreement of its teachers on, a photograph's matte is good enough to cut its subject out."""


@dataclass(frozen=True)
class Subjects:
    """What scenes are drawn from; photographs, cut-outs and renders lie in the folder `people` of the run's sources.

    people_alone: whether people are the only subjects; all else then belongs to the background. kept: where sharpened photographs lie.
    rendered: where `python -m training people` keeps what it renders; may be absent. bodies: how often an exact cut-out is a rendered
    person seen from head to foot. dyed: how often a cut-out's colours are changed, from part to part, as if its clothes were others.
    composites, empty: shares of examples that are laid over backgrounds, and that show nothing. crowd: how often a composite holds more
    than one subject. framed: how often a scene is cut down to what surrounds its subjects, as it is for a network that is given the part of
    a picture in which a subject was found. leave_out: cut-outs that the weights will be judged by. no_subject: backgrounds in which
    nothing stands out.
    """

    people_alone: bool = False
    kept: str = "runs/sharpened"
    rendered: str = "runs/people"
    bodies: float = 0.0
    dyed: float = 0.0
    composites: float = 0.35
    empty: float = 0.08
    crowd: float = 0.3
    framed: float = 0.0
    leave_out: tuple[str, ...] = ()
    no_subject: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A drawn picture: `image` [H, W, 3] in 0..1, `alpha` and `weight` [H, W], and whether it shows a subject, a person."""

    image: Plane
    alpha: Plane
    weight: Plane
    present: float
    person: float


Cutout = tuple[Path, Path | None, bool]
"""A cut-out's picture, its alpha where that is a file of its own, and whether it shows a person."""


@dataclass(frozen=True)
class Library:
    """What scenes are drawn from; `bodies` are the rendered people among the cut-outs that are seen from head to foot."""

    photos: tuple[Photo, ...]
    cutouts: tuple[Cutout, ...]
    bodies: tuple[Cutout, ...]
    backgrounds: tuple[Path, ...]


@cache
def library(settings: Subjects, sources: str, hold_out: int, held_out: bool) -> Library:
    """The pictures of a run for training, or those held out: of each list every `hold_out`-th."""
    shots = Path(sources)
    people = shots / "people"
    every = photos(people, Path(settings.kept))
    renders = [_render(path) for folder in (people / "renders", Path(settings.rendered)) for path in sorted(folder.glob("*.json"))]
    cutouts: list[Cutout] = [(path, None, False) for path in sorted((people / "cutouts").glob("*.png"))] + renders
    left_out = set(settings.leave_out)
    cutouts += [
        (path, None, path.name.startswith("p3m")) for path in sorted((shots / "foregrounds").glob("*.png")) if path.name not in left_out
    ]
    if settings.people_alone and not any(photo.kind == "person" for photo in every):
        raise InputError(f"{people} lists no photograph of a person; set subjects.people_alone = false")
    backgrounds = [shots / "backgrounds" / name for name in settings.no_subject]
    missing = [path for path in backgrounds if not path.exists()]
    if missing:
        raise InputError(f"{missing[0]} does not exist; mend subjects.no_subject")
    shown, exact, empty = (_part(tuple(pictures), hold_out, held_out) for pictures in (every, cutouts, backgrounds))
    bodies = {render for render in renders if _is_body(render)}
    return Library(shown, exact, tuple(cutout for cutout in exact if cutout in bodies), empty)  # type: ignore[arg-type]


def _render(record: Path) -> Cutout:
    """The rendered person whose JSON file `record` is."""
    return record.with_suffix(".webp"), record.with_name(f"{record.stem}_alpha.png"), True


def _is_body(render: Cutout) -> bool:
    """Whether a rendered person is seen whole, or at most without legs, as all of `python -m training people` are."""
    record = json.loads(render[0].with_suffix(".json").read_text())
    return bool(record.get("framing", "full") == "full")


def _part(pictures: tuple[object, ...], hold_out: int, held_out: bool) -> tuple[object, ...]:
    if hold_out == 0:
        return pictures
    return tuple(picture for place, picture in enumerate(pictures) if (place % hold_out == 0) == held_out)


def draw_scene(seed: int, *, size: int, pictures: Library, settings: Subjects) -> Scene:
    """A scene of side `size` that depends on its seed and the settings alone."""
    chance = np.random.default_rng(seed)
    kind = chance.random()
    if kind < settings.empty:
        image = _background(chance, pictures, size, settings)
        return _seen(chance, image, np.zeros((size, size), np.float32), 0.5, person=False)
    framed = settings.framed > 0.0 and chance.random() < settings.framed
    make = _composite if kind < settings.empty + settings.composites else _photograph
    image, alpha, trust, person = make(chance, pictures, 2 * size if framed else size, settings)
    while framed and alpha.max() <= 0.5:  # nothing to frame
        image, alpha, trust, person = make(chance, pictures, 2 * size, settings)
    if framed:
        image, alpha = _framed(chance, image, alpha, size)
    return _seen(chance, image, alpha, trust, person=person)


MARGINS = (0.02, 0.25)
"""How far beyond a subject's box a framed scene reaches on each side, least and most, as shares of that box."""


def _framed(chance: np.random.Generator, image: Plane, alpha: Plane, size: int) -> tuple[Plane, Plane]:
    """The part of a scene around its subjects, squeezed into a square of `size`."""
    rows, columns = (np.flatnonzero((alpha > 0.5).any(axis)) for axis in (1, 0))
    top, bottom = _widened(chance, rows, len(alpha))
    left, right = _widened(chance, columns, len(alpha))
    parts = (plane[top:bottom, left:right] for plane in (image, alpha))
    squares = [cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA) for part in parts]
    return np.asarray(squares[0], np.float32), np.asarray(squares[1], np.float32)


def _widened(chance: np.random.Generator, places: NDArray[np.intp], side: int) -> tuple[int, int]:
    """The first and the last of `places` with a margin, within a side."""
    before, after = chance.uniform(*MARGINS, 2) * (places[-1] + 1 - places[0])
    return max(int(places[0] - before), 0), min(int(places[-1] + 1 + after), side)


Drawn = tuple[Plane, Plane, float, bool]
"""Colours, alpha, how far these are trusted, and whether a person is among what is seen."""


OTHERS = 0.15
"""So often a photograph shows no person where people are the only subjects."""


def _photograph(chance: np.random.Generator, pictures: Library, size: int, settings: Subjects) -> Drawn:
    photo = _picked(chance, pictures, settings.people_alone and chance.random() > OTHERS)
    person = photo.kind == "person"
    pixels = _window(chance, photo.read(), 0.6)
    pixels = resized(pixels, (size, size))
    trust = float(np.clip((photo.agreement - 0.5) / 0.35, 0.05, 1.0))
    colours, alpha = in_floats(pixels[..., :3]), in_floats(pixels[..., 3])
    counts = person or not settings.people_alone
    return colours, alpha if counts else np.zeros_like(alpha), trust, person


def _picked(chance: np.random.Generator, pictures: Library, person: bool) -> Photo:
    """A photograph, of a person where that is asked for."""
    while True:
        photo = pictures.photos[chance.integers(len(pictures.photos))]
        if photo.kind == "person" or not person:
            return photo


def _window(chance: np.random.Generator, pixels: Levels, least: float) -> Levels:
    """Half of the time all of a picture, else a part with sides of at least `least` of its own."""
    if chance.random() < 0.5:
        return pixels
    height, width = pixels.shape[:2]
    rows, columns = int(height * chance.uniform(least, 1)), int(width * chance.uniform(least, 1))
    top, left = chance.integers(height - rows + 1), chance.integers(width - columns + 1)
    return pixels[top : top + rows, left : left + columns]


def _background(chance: np.random.Generator, pictures: Library, size: int, settings: Subjects) -> Plane:
    """A picture of nothing [size, size, 3]: of the list, a part of a photograph beside its subject, or one of what does not count."""
    things = [photo for photo in pictures.photos if photo.kind != "person"] if settings.framed > 0.0 and settings.people_alone else []
    if things and chance.random() < 0.5:
        part = _window(chance, things[chance.integers(len(things))].read(), 0.4)[..., :3]
        return in_floats(resized(part, (size, size)))
    beside = _beside_a_subject(chance, pictures) if chance.random() < 0.6 else None
    if beside is None:
        path = pictures.backgrounds[chance.integers(len(pictures.backgrounds))]
        beside = _window(chance, read_rgba(path), 0.4)[..., :3]
    return in_floats(resized(beside, (size, size)))


def resized(pixels: Levels, size: tuple[int, int]) -> Levels:
    """A picture of another `size` (width, height), each new pixel the mean of those it covers."""
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def in_floats(levels: Levels) -> Plane:
    """Levels of 255 as values in 0..1."""
    return levels.astype(np.float32) / np.float32(255)


def _beside_a_subject(chance: np.random.Generator, pictures: Library) -> Levels | None:
    photo = pictures.photos[chance.integers(len(pictures.photos))]
    if photo.agreement < 0.8:
        return None
    pixels = photo.read()
    height, width = pixels.shape[:2]
    for _ in range(12):
        rows, columns = int(height * chance.uniform(0.3, 0.9)), int(width * chance.uniform(0.3, 0.9))
        top, left = chance.integers(height - rows + 1), chance.integers(width - columns + 1)
        part = pixels[top : top + rows, left : left + columns]
        if part[..., 3].max() < 12:
            return np.ascontiguousarray(part[..., :3])
    return None


def _composite(chance: np.random.Generator, pictures: Library, size: int, settings: Subjects) -> Drawn:
    """One to four subjects over a background; where people are the only ones, others hide what is behind them."""
    image, alpha, person = _background(chance, pictures, size, settings), np.zeros((size, size), np.float32), False
    if chance.random() < 0.4:
        image = blurred(image, chance.uniform(0.5, 0.015 * size))
    count = 1 + (int(chance.integers(1, 4)) if chance.random() < settings.crowd else 0)
    for _ in range(count):
        pixels, is_person = _cutout(chance, pictures, settings.bodies)
        if settings.dyed > 0.0 and chance.random() < settings.dyed:
            pixels = _dyed(chance, pixels)
        placed = _placed(chance, pixels, size, largest=1.1 if count == 1 else 0.8)
        colours = _lit_alike(chance, placed[..., :3], image)
        cover = placed[..., 3:]
        image = image * (1 - cover) + colours * cover
        hidden = alpha * (1 - cover[..., 0])
        alpha = hidden + cover[..., 0] if is_person or not settings.people_alone else hidden
        person = person or is_person
    return image, alpha, 1.0, person


def draw_subject(chance: np.random.Generator, *, size: int, pictures: Library) -> Plane:
    """One subject somewhere in a square [size, size, 4], straight RGBA in 0..1; around it its colours go on."""
    pixels, _ = _cutout(chance, pictures)
    placed = _placed(chance, pixels, size, largest=1.1)
    return _continued(placed)


def _continued(pixels: Plane) -> Plane:
    """A picture [H, W, 4] whose colours where alpha is small are those of the solid parts nearby."""
    solid = (pixels[..., 3] > 0.9).astype(np.float32)
    near, _ = _nearby(pixels[..., :3], solid, 0.03 * max(solid.shape))
    return np.dstack((np.where(pixels[..., 3:] > 0.05, pixels[..., :3], near), pixels[..., 3]))


def _cutout(chance: np.random.Generator, pictures: Library, bodies: float = 0.0) -> tuple[Levels, bool]:
    """A subject [H, W, 4]: an exact cut-out, so often as `bodies` says a rendered body, or that of a photograph whose label is good."""
    if chance.random() < 0.5:
        exact = pictures.bodies if bodies > 0.0 and pictures.bodies and chance.random() < bodies else pictures.cutouts
        path, alpha, person = exact[chance.integers(len(exact))]
        pixels = read_rgba(path)
        if alpha is not None:
            pixels = np.dstack((pixels[..., :3], read_rgba(alpha)[..., 0]))
        return _trimmed(pixels), person
    for _ in range(50):
        photo = pictures.photos[chance.integers(len(pictures.photos))]
        if photo.agreement >= GOOD:
            pixels = photo.read()
            if pixels[..., 3].max() > 200:
                return _trimmed(_with_own_colours(pixels)), photo.kind == "person"
    raise InputError("no photograph has a label that its teachers agree on; give better ones")


def _with_own_colours(pixels: Levels) -> Levels:
    """Colours under a soft edge without the background's: those of the solid parts nearby."""
    solid = (pixels[..., 3] >= 250).astype(np.float32)
    colours = pixels[..., :3].astype(np.float32)
    near, weight = _nearby(colours, solid, 4.0)
    share = (np.maximum(solid, np.float32(weight < 1e-3)))[..., None]
    return np.dstack((np.clip(colours * share + near * (1 - share), 0, 255).astype(np.uint8), pixels[..., 3]))


def _nearby(colours: Plane, solid: Plane, sigma: float) -> tuple[Plane, Plane]:
    """The mean colours [H, W, 3] of the solid pixels around each one, in a Gaussian window, and the weight [H, W] of those."""
    weight = blurred(solid, sigma)
    near = blurred(colours * solid[..., None], sigma) / np.maximum(weight, np.float32(1e-4))[..., None]
    return near.astype(np.float32, copy=False), weight


def _trimmed(pixels: Levels) -> Levels:
    rows, columns = np.flatnonzero(pixels[..., 3].max(1) > 8), np.flatnonzero(pixels[..., 3].max(0) > 8)
    if not len(rows):
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _placed(chance: np.random.Generator, pixels: Levels, size: int, *, largest: float) -> Plane:
    """A subject somewhere in a square [size, size, 4] in 0..1; one that was cut by its picture's lower edge stands on ours."""
    if chance.random() < 0.5:
        pixels = pixels[:, ::-1]
    height, width = pixels.shape[:2]
    scale = size * chance.uniform(0.25, largest) / max(height, width)
    stretch = float(np.exp(chance.uniform(-0.35, 0.35)))
    rows, columns = max(int(height * scale / stretch), 4), max(int(width * scale * stretch), 4)
    small = in_floats(resized(pixels, (columns, rows)))
    cut_below = (pixels[-1, :, 3] > 128).mean() > 0.1
    top = size - rows if cut_below else int(chance.uniform(-0.2 * rows, size - 0.8 * rows))
    left = int(chance.uniform(-0.25 * columns, size - 0.75 * columns))
    canvas = np.zeros((size, size, 4), np.float32)
    first, last = max(top, 0), min(top + rows, size)
    start, end = max(left, 0), min(left + columns, size)
    if last > first and end > start:
        canvas[first:last, start:end] = small[first - top : last - top, start - left : end - left]
    return canvas


def _dyed(chance: np.random.Generator, pixels: Levels) -> Levels:
    """A subject [H, W, 4] whose saturation and channels change smoothly from part to part: some parts lose their colour, some glare."""
    height, width = pixels.shape[:2]
    parts = np.dstack((chance.uniform(-0.2, 2.0, (4, 2)), chance.uniform(0.4, 1.6, (4, 2, 3)))).astype(np.float32)
    change = np.asarray(cv2.resize(parts, (width, height), interpolation=cv2.INTER_LINEAR))
    colours = in_floats(pixels[..., :3])
    luma = _luma(colours)
    dyed = (luma + np.maximum(change[..., :1], 0) * (colours - luma)) * change[..., 1:]
    return np.dstack((np.rint(np.clip(dyed, 0, 1) * 255).astype(np.uint8), pixels[..., 3]))


def _lit_alike(chance: np.random.Generator, colours: Plane, image: Plane) -> Plane:
    """Colours some of the way towards the background's mean light."""
    share = chance.uniform(0.0, 0.4)
    lit = colours[colours.max(2) > 0]
    if not len(lit):
        return colours
    gain = (image.mean((0, 1)) + 0.1) / (lit.mean(0) + 0.1)
    return np.clip(colours * (1 - share + share * np.clip(gain, 0.4, 2.0)), 0, 1).astype(np.float32)


def _seen(chance: np.random.Generator, image: Plane, alpha: Plane, trust: float, *, person: bool) -> Scene:
    """A scene as a camera and a file show it: mirrored, other colours, out of focus, noisy, compressed."""
    if chance.random() < 0.5:
        image, alpha = image[:, ::-1], alpha[:, ::-1]
    image = _recoloured(chance, np.ascontiguousarray(image))
    if chance.random() < 0.12:
        image = blurred(image, chance.uniform(0.4, 1.6))
    if chance.random() < 0.25:
        image = image + chance.normal(0, chance.uniform(0.005, 0.05), image.shape).astype(np.float32)
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    if chance.random() < 0.4:
        levels = _compressed(levels, int(chance.uniform(35, 92)))
    present = float(alpha.mean() > EMPTY)
    shown = np.ascontiguousarray(alpha)
    return Scene(in_floats(levels), shown, np.full_like(shown, trust), present, present * float(person))


def _luma(image: Plane) -> Plane:
    """How light each colour of a picture [H, W, 3] looks: [H, W, 1]."""
    return np.asarray((image @ np.array(LUMA, np.float32))[..., None], np.float32)


def _recoloured(chance: np.random.Generator, image: Plane) -> Plane:
    luma = _luma(image)
    saturation = 0.0 if chance.random() < 0.05 else chance.uniform(0.6, 1.3)
    gain = chance.uniform(0.75, 1.25) * chance.uniform(0.92, 1.08, 3)
    gamma = np.exp(chance.uniform(-0.3, 0.3))
    return np.clip((luma + saturation * (image - luma)) * gain, 0, 1).astype(np.float32) ** np.float32(gamma)


def _compressed(levels: Levels, quality: int) -> Levels:
    done, data = cv2.imencode(".jpg", levels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1] if done else levels


def blurred(image: Plane, sigma: float) -> Plane:
    """A picture behind a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
