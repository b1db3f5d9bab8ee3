"""Choice of the model for the given guides, and of the guide its trimap is made from. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass

from mattecli.core.registry import ModelSpec, Registry
from mattecli.core.store import is_runnable, runnable
from mattecli.errors import UsageError
from mattecli.matting.screen.excess import AUTO, CHANNELS
from mattecli.requests.quantities import parse_colour

NAMES = {"trimap": "trimap", "strokes": "strokes", "mask": "mask", "background": "clean plate", "screen": "screen"}
TRIMAP_SOURCES = ("trimap", "strokes", "mask", "background", "screen")
DRAWN = ("trimap", "strokes", "mask")  # those made by a user
SCREEN = "screen"


@dataclass(frozen=True)
class ModelChoice:
    """Which model runs, and what its trimap is made from: one of TRIMAP_SOURCES, or "".

    screen: green | blue | auto | a colour such as white or #808080, for a picture in front of a screen, else "".
    """

    spec: ModelSpec
    trimap_source: str
    screen: str = ""


def choose(registry: Registry, model: str | None, given: Mapping[str, object]) -> ModelChoice:
    """The model for the given guides: the named one, else the best installed one that fits.

    Raises ModelError for an unknown name, UsageError when the model and the guides do not go together.
    """
    if model is not None:
        return match(runnable(registry.find(model)), given)
    preferred = [registry.find(name) for name in _preferred(registry, given)]
    return match(runnable(next(filter(is_runnable, preferred), preferred[-1])), given)


def _preferred(registry: Registry, given: Mapping[str, object]) -> tuple[str, ...]:
    """The models to try when none is named, best first. Every guide can become a trimap; a plate has models of its own."""
    if not given:
        return registry.defaults["none"]
    if "background" not in given:
        return registry.defaults["trimap"]
    alone = set(given) == {"background"}
    plate_models = [name for name in registry.defaults["background"] if alone or "trimap" in registry.find(name).guides]
    return (*plate_models, *registry.defaults["trimap"])


def _default_refiner(registry: Registry) -> ModelSpec:
    """The preferred trimap model for refinement that is installed, or the first one if none is."""
    refiners = [registry.find(name) for name in registry.defaults["refine"]]
    return runnable(next(filter(is_runnable, refiners), refiners[0]))


def choose_refiner(registry: Registry, choice: ModelChoice, asked: str | None) -> ModelSpec | None:
    """The trimap model that refines the chosen model's matte, or None.

    asked: None for the model's default, "none", "auto", or a model's name.
    """
    if asked == "none" or (asked is None and not choice.spec.refine):
        return None
    if "trimap" in choice.spec.guides:
        raise UsageError(f"{choice.spec.name} works from a trimap already; refinement is for models that need none, so drop it")
    name = choice.spec.refine if asked in (None, "auto") else asked
    refiner = runnable(registry.find(name)) if name else _default_refiner(registry)
    if refiner.guides != ("trimap",):
        raise UsageError(f"{refiner.name} cannot refine, since it takes no trimap; use {_default_refiner(registry).name}")
    return refiner


def match(spec: ModelSpec, given: Mapping[str, object]) -> ModelChoice:
    """The choice of a model for guides by name; the value of "screen" is its colour. Raises UsageError where they do not go together."""
    source = ""
    # A screen goes with every model: it gives the spill, and the plate or the trimap where one is needed.
    unused = [guide for guide in given if guide not in spec.guides and guide != SCREEN]
    if "trimap" in spec.guides:
        possible = {"trimap", "background", SCREEN, *unused} & set(given)
        source = next((guide for guide in TRIMAP_SOURCES if guide in possible), "")
        if not source and "background" not in spec.guides:
            raise UsageError(f"{spec.name} needs a trimap; give `trimap`, or strokes, a mask, a clean plate or a screen to make it from")
        unused = [guide for guide in unused if guide != source]
    has_plate = "background" in given or SCREEN in given
    missing = [guide for guide in spec.guides if guide not in given and guide != "trimap" and not (guide == "background" and has_plate)]
    if missing == ["mask"] and has_plate:
        missing = []  # the mask is made from the difference to the plate
    if missing:
        needed = " and ".join(f"a {NAMES[guide]}" for guide in missing)
        settings = " and ".join(f"`{guide}`" for guide in missing)
        raise UsageError(f"{spec.name} needs {needed}; give {settings}, or choose another model")
    if unused:
        raise UsageError(_too_many(spec, source, unused))
    _check_screen(str(given.get(SCREEN, AUTO)))
    if SCREEN in given and "background" in given:
        raise UsageError("a clean plate and a screen both describe the background; drop one")
    return ModelChoice(spec, source, screen=str(given.get(SCREEN, "")))


def is_keyed(screen: str) -> bool:
    """Whether a screen is green or blue, whose spill can be told from the subject; not for none and for one of another colour."""
    return screen in (*CHANNELS, AUTO)


def _check_screen(screen: str) -> None:
    try:
        if not is_keyed(screen):
            parse_colour(screen)
    except UsageError as error:
        raise UsageError(f"the screen {screen} is not known; choose {', '.join(CHANNELS)}, {AUTO}, white, black or #rrggbb") from error


def _too_many(spec: ModelSpec, source: str, unused: list[str]) -> str:
    names = " and ".join(f"the {NAMES[guide]}" for guide in unused)
    if source:
        return f"{spec.name} takes one way to a trimap, and has the {NAMES[source]} already; drop {names}"
    return f"{spec.name} does not take {names}; drop it, or choose a model that takes it (see `matte models list`)"
