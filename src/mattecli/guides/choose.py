"""From what a person gives (trimap, strokes, mask, plate, or nothing) to the guides a model takes. No torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattecli.core.registry import ModelSpec, Registry
from mattecli.core.store import is_installed
from mattecli.errors import InputError, UsageError
from mattecli.io.files import naming, reading
from mattecli.io.images import Photo, Pixels, read_levels, read_photo
from mattecli.matting.grow import spread_strokes
from mattecli.matting.levels import from_levels, to_levels, to_uint8
from mattecli.matting.plate_trimap import mask_from_plate, trimap_from_plate
from mattecli.matting.registration.register import Registration, apply, check_same_scene, register
from mattecli.matting.screen import AUTO, CHANNELS, find_screen, plate_from_screen, trimap_from_screen
from mattecli.matting.strokes import missing_strokes, trimap_from_polylines, trimap_from_strokes
from mattecli.matting.subject import subject_trimap
from mattecli.matting.trimap import check_trimap, read_trimap_levels, trimap_from_mask

GIVEN = {"trimap": "--trimap", "strokes": "--strokes", "mask": "--mask", "background": "--bg", "screen": "--screen"}
TRIMAP_SOURCES = ("trimap", "strokes", "mask", "background", "screen")
DRAWN = ("trimap", "strokes", "mask")  # those of them that a person made
SUBJECT, SCREEN = "subject", "screen"
SMALLEST_SIDE = 16


@dataclass(frozen=True)
class ModelChoice:
    """Which model runs, and what its trimap is made from: one of TRIMAP_SOURCES, "subject" (found without weights), or "".

    screen: green | blue | auto where the picture was taken before a screen, else "".
    """

    spec: ModelSpec
    trimap_source: str
    note: str = ""
    screen: str = ""


def choose(registry: Registry, model: str | None, given: Mapping[str, str]) -> ModelChoice:
    """The model for the guides that were given: the named one, else the best installed one that fits.

    Raises ModelError for an unknown name, UsageError when the model and the guides do not go together.
    """
    if model is not None:
        return _matched(registry.find(model), given)
    installed = [registry.models[name] for name in _preferred(registry, given) if is_installed(registry.models[name])]
    if installed:
        return _matched(installed[0], given)
    wanted = registry.defaults["none"][0]
    note = f"the subject is found without a model, so the matte is rough; `matte models pull {wanted}` gets one that finds people"
    return ModelChoice(_default_refiner(registry), SUBJECT, note)


def _preferred(registry: Registry, given: Mapping[str, str]) -> tuple[str, ...]:
    """The models to try when none is named, best first. Every guide can become a trimap; a plate has models of its own."""
    if not given:
        return registry.defaults["none"]
    if "background" not in given:
        return registry.defaults["trimap"]
    alone = set(given) == {"background"}
    plate_models = [name for name in registry.defaults["background"] if alone or "trimap" in registry.models[name].guides]
    return (*plate_models, *registry.defaults["trimap"])


def _default_refiner(registry: Registry) -> ModelSpec:
    """The trimap model that finishes what is only roughly known: the first installed one, and if there is none the first."""
    refiners = [registry.models[name] for name in registry.defaults["refine"]]
    return next(filter(is_installed, refiners), refiners[0])


def choose_refiner(registry: Registry, choice: ModelChoice, asked: str | None) -> ModelSpec | None:
    """The trimap model that finishes the chosen one's matte, or None.

    asked: None for what the model advises, "none", "auto", or a model's name.
    """
    if asked == "none" or (asked is None and not choice.spec.refine):
        return None
    if "trimap" in choice.spec.guides:
        raise UsageError(f"{choice.spec.name} works from a trimap already; --refine is for models that need none, so drop it")
    name = choice.spec.refine if asked in (None, "auto") else asked
    refiner = registry.find(name) if name else _default_refiner(registry)
    if refiner.guides != ("trimap",):
        raise UsageError(f"{refiner.name} cannot refine, since it takes no trimap; use --refine {_default_refiner(registry).name}")
    return refiner


def _matched(spec: ModelSpec, given: Mapping[str, str]) -> ModelChoice:
    source = ""
    # A screen goes with every model: it cleans the colours, and is the plate or becomes the trimap where one is wanted.
    unused = [guide for guide in given if guide not in spec.guides and guide != SCREEN]
    if "trimap" in spec.guides:
        possible = {"trimap", "background", SCREEN, *unused} & set(given)
        source = next((guide for guide in TRIMAP_SOURCES if guide in possible), "")
        if not source and "background" not in spec.guides:
            raise UsageError(f"{spec.name} needs a trimap; give --trimap, or --strokes, --mask, --bg or --screen to make one from")
        unused = [guide for guide in unused if guide != source]
    has_plate = "background" in given or SCREEN in given
    missing = [guide for guide in spec.guides if guide not in given and guide != "trimap" and not (guide == "background" and has_plate)]
    if missing == ["mask"] and has_plate:
        missing = []  # what differs from the plate is mask enough
    if missing:
        raise UsageError(f"{spec.name} needs {' and '.join(GIVEN[guide] for guide in missing)}; give it or choose another model")
    if unused:
        raise UsageError(_too_many(spec, source, unused))
    if given.get(SCREEN, AUTO) not in (*CHANNELS, AUTO):
        raise UsageError(f"--screen {given[SCREEN]} is not known; choose {', '.join(CHANNELS)} or {AUTO}")
    if SCREEN in given and "background" in given:
        raise UsageError("--bg and --screen both say what is behind the subject; drop one")
    return ModelChoice(spec, source, screen=given.get(SCREEN, ""))


def _too_many(spec: ModelSpec, source: str, unused: list[str]) -> str:
    flags = " and ".join(GIVEN[guide] for guide in unused)
    if source:
        return f"{spec.name} takes one way to a trimap, and {GIVEN[source]} is one already; drop {flags}"
    return f"{spec.name} does not take {flags}; drop it, or choose a model that takes it (see `matte models list`)"


def read_guides(photo: Photo, files: Mapping[str, str], choice: ModelChoice) -> dict[str, Pixels]:
    """The guides the chosen model takes, as integer pictures of the photo's size.

    trimap: uint8 [H, W] of 0, 128, 255; background: RGB [H, W, 3]; mask: uint8 [H, W]. A screen's plate is among them whatever the
    model takes.
    """
    guides: dict[str, Pixels] = {}
    laid: Registration | None = None
    if choice.screen:
        guides["background"] = plate_of_screen(photo, choice.screen)
    elif "background" in choice.spec.guides:
        guides["background"], laid = laid_plate(photo, files["background"])
    if choice.trimap_source == "background" and laid is not None:
        guides["trimap"] = trimap_from_plate(to_uint8(photo.pixels), to_uint8(guides["background"]), laid=laid)
    elif choice.trimap_source == SCREEN:
        guides["trimap"] = trimap_from_screen(from_levels(photo.pixels), from_levels(guides["background"]))
    elif "trimap" in choice.spec.guides:
        guides["trimap"] = find_trimap(photo, files, choice.trimap_source)
    if "mask" in choice.spec.guides:
        given = "mask" in files
        guides["mask"] = read_mask(photo, files["mask"]) if given else what_differs(photo, guides["background"])
    return guides


def find_trimap(photo: Photo, files: Mapping[str, str], source: str) -> NDArray[np.uint8]:
    """The photo's trimap, uint8 [H, W] of 0, 128 and 255, from whichever source there is."""
    if source == SUBJECT:
        return find_subject(photo)
    file = files[source]
    with naming(file):
        if source == "trimap":
            trimap = read_trimap_levels(read_levels(file))
            check_trimap(trimap, size=photo.size)
            return trimap
        if source == "strokes":
            return _spread(photo, read_strokes(photo, file))
        if source == "mask":
            return trimap_from_mask(read_mask(photo, file))
        return trimap_from_plate(to_uint8(photo.pixels), to_uint8(read_plate(photo, file)))


def read_strokes(photo: Photo, file: str) -> NDArray[np.uint8]:
    """Strokes over a photo, a picture of its size or polylines in JSON, as a trimap uint8 [H, W] that knows nothing else."""
    with naming(file):
        if Path(file).suffix.lower() == ".json":
            return trimap_from_polylines(_read_json(file), size=photo.size)
        return trimap_from_strokes(to_uint8(read_levels(file)), size=photo.size)


def _read_json(file: str) -> object:
    try:
        with reading(file):
            return json.loads(Path(file).read_text(encoding="utf-8"))
    except ValueError as error:  # neither JSON nor UTF-8
        raise InputError(f"{file} is no JSON ({error}); mend it or give the strokes as a picture") from error
    except RecursionError as error:
        raise InputError(f"{file} is nested too deeply to be strokes; mend it or give the strokes as a picture") from error


def _spread(photo: Photo, strokes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    for sentence in missing_strokes(strokes):
        raise InputError(sentence)
    return spread_strokes(to_uint8(photo.pixels), strokes)


def find_subject(photo: Photo) -> NDArray[np.uint8]:
    """The subject of a photo; a picture too small to hold one and its surroundings is all subject."""
    if min(photo.size) < SMALLEST_SIDE:
        return np.full(photo.size, 255, np.uint8)
    return subject_trimap(to_uint8(photo.pixels))


def read_plate(photo: Photo, file: str) -> Pixels:
    """The clean plate, which must have the photo's size."""
    plate = read_photo(file).pixels
    _check_size("plate", plate, photo, file)
    return plate


def laid_plate(photo: Photo, file: str) -> tuple[Pixels, Registration]:
    """The clean plate as the photo shows it, moved and exposed like it, and how. Raises InputError, with numbers, for another scene's."""
    plate = read_plate(photo, file)
    where = register(plate, photo.pixels)
    try:
        check_same_scene(where)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return apply(where, plate), where


def plate_of_screen(photo: Photo, screen: str) -> Pixels:
    """The screen behind the subject of a photo (green, blue or auto), like a plate: its levels are those of the photo."""
    seen = from_levels(photo.pixels)
    return to_levels(plate_from_screen(seen, find_screen(seen, screen)), photo.top)


def what_differs(photo: Photo, plate: Pixels) -> NDArray[np.uint8]:
    """A mask, uint8 [H, W] of 0 and 255, of what stands before the plate."""
    return mask_from_plate(to_uint8(photo.pixels), to_uint8(plate))


def read_mask(photo: Photo, file: str) -> NDArray[np.uint8]:
    """A mask as uint8 [H, W]: its alpha where it has one, else its grey levels."""
    levels = to_uint8(read_mask_levels(file))
    _check_size("mask", levels, photo, file)
    return levels


def read_mask_levels(file: str) -> Pixels:
    """A mask as [H, W], 8 or 16 bit: its alpha where it has one, else its grey levels."""
    levels = read_levels(file)
    if levels.ndim == 2:
        return levels
    return levels[..., 3] if levels.shape[2] == 4 else levels.max(axis=2)


def _check_size(name: str, pixels: Pixels, photo: Photo, file: str) -> None:
    height, width = photo.size
    if pixels.shape[:2] != (height, width):
        raise InputError(
            f"{file}: the {name} is {pixels.shape[1]}x{pixels.shape[0]}, the picture {width}x{height}; make them the same size"
        )
