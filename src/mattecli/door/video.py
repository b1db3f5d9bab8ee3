"""Matting a clip from Python."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict

from mattecli.compositing.output import CUTOUT, OutputOptions
from mattecli.core.contract import Tunable
from mattecli.core.tuning.memory_guard import reading_budget
from mattecli.door.model import Model, load
from mattecli.guides.choose import SCREEN
from mattecli.guides.clip_sources import check_given
from mattecli.io.pictures.sizes import reading_within
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.video import ClipResult, process_clip
from mattecli.requests.clip import ClipRequest, check_request, parse_rate, parse_span

if TYPE_CHECKING:
    from typing_extensions import Unpack

PATHS = ("background", "trimap", "mask")


class ClipSettings(TypedDict, total=False):
    """The optional settings of a clip's matting.

    background: the scene without the subject, a photo or a clip of it. trimap, mask: a picture for all frames, or a clip or pictures of
    them; all are paths. screen, refine, options: as a Model takes them. start, end: seconds, or "h:mm:ss". every: only each N-th frame.
    fps: frames a second of a sequence of pictures. codec, crf: of the result. align: auto | none | homography, how the background is
    laid onto the frames. smooth: steady the matte over time (default: where the model needs no guide). batch: frames a pass. resume: go
    on with an interrupted sequence of pictures. start_number: of the first picture written. deinterlace: make interlaced frames whole.
    tone_map: "sdr" makes an HDR clip SDR, "copy" keeps its levels. follow: auto | on | off, whether the subject in a still mask or
    trimap is followed. keep_matte: whether a clip that is a cut-out keeps its own matte (default: without a model and guides).
    overwrite: let the result replace its own input.
    """

    background: str
    trimap: str
    mask: str
    screen: str
    refine: str
    options: Mapping[str, Tunable]
    start: str | float
    end: str | float
    every: int
    fps: str | float
    codec: str
    crf: int
    align: str
    smooth: bool
    batch: int
    resume: bool
    start_number: int
    deinterlace: bool
    tone_map: str
    follow: str
    keep_matte: bool
    overwrite: bool


def matte_video(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    model: Model | str | None = None,
    output: OutputOptions = CUTOUT,
    on_frame: Callable[[int, int | None], None] | None = None,
    **settings: "Unpack[ClipSettings]",
) -> ClipResult:
    """Matte a clip: a video file, a folder of pictures, or a pattern such as frames/%05d.png. The destination's suffix decides the format.

    model: a loaded one, a name as `load` takes it, or None for the best installed one for the guides given; without guides, too, a clip
    that is a cut-out keeps its own matte. on_frame: called with the frames done, and in all, None where that is unknown. Raises MatteError,
    and then leaves no file under the destination's name; a source that breaks off is delivered as far as it goes, and noted in the
    result's `damage`.
    """
    guides = {name: os.fspath(file) for name, file in settings.items() if name in PATHS and isinstance(file, (str, os.PathLike))}
    given: dict[str, object] = guides | ({SCREEN: settings["screen"]} if "screen" in settings else {})
    request = _request(os.fspath(source), os.fspath(destination), guides, settings)
    request = replace(request, keeps_matte=settings.get("keep_matte", model is None and not given))
    check_request(request, kind=output.kind, overwrite=settings.get("overwrite", False))
    check_given(request)
    loaded = model if isinstance(model, Model) else load(model, guides=given)
    return matte_request(
        request,
        loaded,
        output,
        screen=settings.get("screen"),
        refine=settings.get("refine"),
        options=settings.get("options"),
        on_frame=on_frame or (lambda done, total: None),
    )


def matte_request(
    request: ClipRequest,
    model: Model,
    output: OutputOptions,
    *,
    screen: str | None = None,
    refine: str | None = None,
    options: Mapping[str, Tunable] | None = None,
    on_frame: Callable[[int, int | None], None] = lambda done, total: None,
) -> ClipResult:
    """Matte the clip of a request that was checked; see matte_video."""
    recipe = clip_recipe(request, model, screen=screen, refine=refine, options=options)
    with reading_within(reading_budget(recipe.model.device, recipe.max_memory)):
        return process_clip(request, recipe, output, on_frame=on_frame)


def clip_recipe(
    request: ClipRequest, model: Model, *, screen: str | None, refine: str | None, options: Mapping[str, Tunable] | None
) -> Recipe:
    """How the frames of a request are matted by a model."""
    given = dict(request.guides) if screen is None else {**request.guides, SCREEN: screen}
    return model.recipe(given, refine=refine, options=options)


def clip_record(result: ClipResult, model: Model, recipe: Recipe) -> dict[str, Any]:
    """What is known of how a clip was made, as plain values that JSON holds; size is [width, height]."""
    split = result.split
    return {
        "model": model.name,
        "weights": model.weights or None,
        "weights_sha256": model.weights_sha256,
        "guide": recipe.choice.trimap_source or None,
        "finder": recipe.model.finder.info.name if recipe.model.finder else None,
        "refine": recipe.refiner.info.name if recipe.refiner else None,
        "quality": recipe.quality,
        "device": model.device,
        "precision": model.precision,
        "size": [result.clip.size[1], result.clip.size[0]],
        "frames": result.frames,
        "seconds": round(result.seconds, 3),
        "fps": round(result.frames / result.seconds, 3),
        "real_time_factor": round(result.seconds / result.length, 3) if result.length else None,
        "split": {step: round(seconds, 3) for step, seconds in split.items()},
        "inference": round(split.get("matte", 0) + split.get("refine", 0), 3),
        "peak_memory": dict(result.peak_memory),
        "rate": str(result.clip.rate),
        "coverage": round(result.coverage, 4),
        "doubt": list(result.doubt),
        "damage": result.damage,
        "notes": list(result.notes),
    }


def _request(source: str, destination: str, guides: Mapping[str, str], settings: Mapping[str, Any]) -> ClipRequest:
    start, end, fps = (None if settings.get(name) is None else str(settings[name]) for name in ("start", "end", "fps"))
    plain = {
        name: settings[name]
        for name in ("codec", "crf", "align", "smooth", "batch", "resume", "start_number", "deinterlace", "tone_map", "follow")
        if name in settings
    }
    span = parse_span(start, end, settings.get("every", 1))
    return ClipRequest(source, destination, guides, span, fps=parse_rate(fps) if fps else None, **plain)
