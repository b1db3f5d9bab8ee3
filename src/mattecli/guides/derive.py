"""The guides a model takes, derived from the given ones: the same rules for photos and for frames of clips. No torch."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import EmptyError, InputError
from mattecli.guides.choose import SCREEN, ModelChoice, is_keyed
from mattecli.guides.sources import PLATE, GuideValue, read_guide
from mattecli.io.files import naming, notes_of_reading
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.matting.given_trimap import nothing_unknown
from mattecli.matting.grow import spread_strokes
from mattecli.matting.levels import from_levels, to_levels, to_uint8
from mattecli.matting.plate_trimap import NO_DIFFERENCE, mask_from_plate, trimap_from_plate
from mattecli.matting.registration.register import Registration, apply, check_same_scene, register
from mattecli.matting.screen.key import trimap_from_colour, trimap_from_screen
from mattecli.matting.screen.plate import find_screen, plate_from_colour, plate_from_screen
from mattecli.matting.strokes import contradictions, missing_strokes
from mattecli.matting.trimap import trimap_from_mask
from mattecli.requests.quantities import parse_colour


@dataclass(frozen=True)
class Derived:
    """The guides a model takes with a picture; `found` is False where no subject differs from a clip's plate or screen.

    trimap: uint8 [H, W] of 0, 128 and 255; mask: uint8 [H, W]; background: RGB [H, W, 3] in the picture's levels; that of a screen is
    always present. notes: doubts about the given guides.
    """

    guides: dict[str, Pixels]
    found: bool = True
    notes: tuple[str, ...] = ()


def guides_for_photo(photo: Photo, given: Mapping[str, GuideValue], choice: ModelChoice) -> Derived:
    """The guides a model takes with a photo, derived from the given ones by name; shapes as in Derived.

    Raises InputError for guides that do not fit the photo, and for the plate of another scene, EmptyError for the photo as its own plate.
    """
    with notes_of_reading() as reading_notes:
        read = {name: read_guide(name, value, photo.pixels) for name, value in given.items() if name != SCREEN}
    laid: Registration | None = None
    if PLATE in read:
        with naming(_named(PLATE, given)):
            if np.array_equal(read[PLATE], photo.pixels):
                raise EmptyError(NO_DIFFERENCE)
            laid = register(read[PLATE], photo.pixels)
            check_same_scene(laid)
        read[PLATE] = apply(laid, read[PLATE])
    with naming(_named(choice.trimap_source, given)):
        derived = derive(photo.pixels, read, choice, laid=laid)
    return replace(derived, notes=(*reading_notes, *_doubts(read, given)))


def _doubts(read: Mapping[str, Pixels], given: Mapping[str, GuideValue]) -> Iterator[str]:
    """Doubts about drawn guides, each sentence after its file's name."""
    for name, judge in (("trimap", nothing_unknown), ("strokes", contradictions)):
        if name in read:
            yield from (f"{_named(name, given) or name}: {sentence}" for sentence in judge(to_uint8(read[name])))


def _named(name: str, given: Mapping[str, GuideValue]) -> str:
    """The file of a guide, to be named in errors; empty for pixels."""
    value = given.get(name)
    return value if isinstance(value, str) and name != SCREEN else ""


def derive(
    picture: Pixels, given: Mapping[str, Pixels], choice: ModelChoice, *, laid: Registration | None = None, in_clip: bool = False
) -> Derived:
    """The guides a model takes with a picture, uint8 or uint16 [H, W, 3] RGB, from the given ones of its size.

    laid: the registration of the given background. in_clip: the scene was checked at the clip's beginning, so a frame that differs from
    the plate everywhere is all foreground, and one that differs nowhere has an empty matte; otherwise these raise InputError and
    EmptyError.
    """
    guides: dict[str, Pixels] = {}
    if choice.screen:
        given = {**given, PLATE: plate_of_screen(picture, choice.screen)}
    if choice.screen or PLATE in choice.spec.guides:
        guides[PLATE] = given[PLATE]
    try:
        if "trimap" in choice.spec.guides:
            guides["trimap"] = _trimap(picture, given, choice, laid, in_clip=in_clip)
        if "mask" in choice.spec.guides:
            guides["mask"] = _mask(picture, given, laid, in_clip=in_clip)
    except EmptyError:
        if not in_clip:
            raise
        nothing = np.zeros(picture.shape[:2], np.uint8)
        return Derived(guides | dict.fromkeys({"trimap", "mask"} & set(choice.spec.guides), nothing), found=False)
    return Derived(guides)


def plate_of_screen(picture: Pixels, screen: str) -> Pixels:
    """The plate of a picture [H, W, 3] in front of a screen (green, blue, auto or a colour), in the picture's levels."""
    seen = from_levels(picture)
    keyed = is_keyed(screen)
    plate = plate_from_screen(seen, find_screen(seen, screen)) if keyed else plate_from_colour(seen, parse_colour(screen), screen)
    return to_levels(plate, int(np.iinfo(picture.dtype).max))


def _trimap(
    picture: Pixels, given: Mapping[str, Pixels], choice: ModelChoice, laid: Registration | None, *, in_clip: bool
) -> NDArray[np.uint8]:
    source = choice.trimap_source
    if source == SCREEN:
        find = trimap_from_screen if is_keyed(choice.screen) else trimap_from_colour
        return find(from_levels(picture), from_levels(given[PLATE]))
    if source == PLATE:
        return _before_plate(partial(trimap_from_plate, moving=in_clip), picture, given[PLATE], laid, in_clip=in_clip)
    if source == "mask":
        return trimap_from_mask(to_uint8(given["mask"]))
    if source == "strokes":
        return _spread(picture, to_uint8(given["strokes"]))
    return to_uint8(given["trimap"])


def _spread(picture: Pixels, strokes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    for sentence in missing_strokes(strokes):
        raise InputError(sentence)
    return spread_strokes(to_uint8(picture), strokes)


def _mask(picture: Pixels, given: Mapping[str, Pixels], laid: Registration | None, *, in_clip: bool) -> Pixels:
    if "mask" in given:
        return to_uint8(given["mask"])
    return _before_plate(mask_from_plate, picture, given[PLATE], laid, in_clip=in_clip)


def _before_plate(
    find: Callable[..., NDArray[np.uint8]], picture: Pixels, plate: Pixels, laid: Registration | None, *, in_clip: bool
) -> NDArray[np.uint8]:
    """The trimap or mask of what differs from the plate."""
    try:
        return find(to_uint8(picture), to_uint8(plate), laid=laid)
    except EmptyError:
        raise
    except InputError:
        if not in_clip:
            raise
        return np.full(picture.shape[:2], 255, np.uint8)
