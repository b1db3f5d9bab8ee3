"""Matting of clips: read -> guide -> matte -> refine -> compose -> write, in one loop over the frames.

One thread reads ahead, one per core mattes, and one composes and writes behind, so decoding and encoding overlap inference and memory does
not grow with the clip. All state between frames is in this loop and in the generators it chains.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice

import torch

from mattecli.compositing.framing import EVEN, framed_clip
from mattecli.compositing.hdr_backdrop import for_colour
from mattecli.compositing.output import OutputOptions
from mattecli.compositing.pixel_shape import shaped
from mattecli.core.clock import Clock
from mattecli.core.runtime import to_array
from mattecli.core.tuning.parallelism import limit_threads
from mattecli.core.tuning.queues import WriteBehind, in_parallel, read_ahead
from mattecli.core.usage import peak_memory
from mattecli.errors import InputError, UsageError
from mattecli.guides.clip_sources import Given, open_given
from mattecli.guides.frames import Guided, LaidPlate, guided, open_plate
from mattecli.io.clip_types import Clip, Frame, Writer
from mattecli.io.codecs import Coding
from mattecli.io.files import notes_of_reading
from mattecli.io.pictures.photo import Photo
from mattecli.io.video.encoding import keeps_tags
from mattecli.io.video.hdr import hdr_of
from mattecli.io.video.levels import is_cutout
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from mattecli.matting.levels import to_uint8
from mattecli.matting.temporal import Alpha, Bytes, smoothed
from mattecli.matting.tracking.consensus import agreed
from mattecli.pipelines.clip_memory import USUAL, Depths, depths_for, within_limit
from mattecli.pipelines.found import Seen
from mattecli.pipelines.matte import matte_photos, own_matte, refined_matte, small_matte
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.render import framing_of, render_framed
from mattecli.pipelines.resume import Record, record_of
from mattecli.pipelines.tensors import LastGuides, Matted, ToGuide, in_hdr
from mattecli.requests.clip import ClipRequest

MOST_FRAMES = 10**9
Steady = Callable[[Iterable[tuple[Bytes, Alpha, "MattedFrame"]]], Iterator[tuple[Alpha, "MattedFrame"]]]


@dataclass(frozen=True)
class ClipResult:
    """The result of a request: frames written, seconds of each step and in all, notes, and damage of the source.

    damage: None for a whole source, else what is wrong with it; readable frames are delivered. seconds: wall clock, less than the sum of
    `split` because the steps overlap. length: the result's duration. peak_memory: bytes, on the host and on the device. doubt: the notes
    on mattes that may be wrong. coverage: the mean share of the picture that shows the subject.
    """

    source: str
    destination: str
    clip: Clip
    frames: int
    seconds: float
    length: float
    split: Mapping[str, float]
    peak_memory: Mapping[str, int]
    notes: tuple[str, ...]
    damage: str | None
    doubt: tuple[str, ...] = ()
    coverage: float = 0.0


@dataclass(frozen=True)
class ClipWork:
    """An open clip with its plate and its other guides, and how it is matted."""

    request: ClipRequest
    recipe: Recipe
    clip: Clip
    plate: LaidPlate | None
    given: Mapping[str, Given]
    depths: Depths = USUAL
    clock: Clock = field(default_factory=Clock)


@dataclass(frozen=True)
class MattedFrame:
    """A frame and its matte."""

    frame: Frame
    matted: Matted


def process_clip(
    request: ClipRequest,
    recipe: Recipe,
    output: OutputOptions,
    *,
    on_frame: Callable[[int, int | None], None] = lambda done, total: None,
) -> ClipResult:
    """Matte a clip and write the result; `on_frame` is called with the frames done and the total, if known.

    Raises MatteError; then nothing is left under the destination's name, except the complete pictures of a sequence. Of a truncated source
    the readable frames are delivered, and `ClipResult.damage` says so.
    """
    begin = time.perf_counter()
    request = settled(request, recipe)
    check_framing(output)
    span = request.span
    with (
        open_clip(
            request.source,
            fps=request.fps,
            start=span.start,
            end=span.end,
            every=span.every,
            deinterlace=request.deinterlace,
            tone_map=request.tone_map,
        ) as reader,
        notes_of_reading() as reading_notes,
        open_given(request, reader.clip, matte=small_matte(recipe)) as given,
    ):
        told_of_guides = tuple(reading_notes)
        output = for_colour(output, reader.clip.colour)
        output = replace(output, backdrop=shaped(output.backdrop, framed_clip(reader.clip, output.framing).aspect))
        clip, frames = _numbered(reader.clip, request), iter(reader)
        depths = depths_for(clip, recipe)
        recipe = within_limit(recipe, clip, depths)
        begun = list(islice(frames, 1))
        work = ClipWork(request, recipe, clip, open_plate(request, clip, begun[0]) if begun else None, given, depths)
        record = record_of(request, recipe, output)
        done = record.frames_kept(clip) if record is not None and request.resume else 0
        with _writer(request, output, framed_clip(clip, output.framing), done=done) as writer:
            seen = _run(chain(begun, frames), work, output, writer, record, done=done, on_frame=on_frame)
            count = writer.frames + done
            if count == 0:
                raise InputError(f"{request.source} has no frames in the part asked for{_because(reader.damage)}; check start and end")
        whole = span.end is None and reader.damage is None
        surplus = (note for guide in given.values() for note in (guide.surplus(count) if whole else ()))
        of_guides = (*told_of_guides, *_plate_notes(work.plate), *surplus)
    told = (*reader.notes, *_clip_notes(request, output, clip, done), *writer.notes, *of_guides, *seen.doubt)
    notes = tuple(note.replace(request.source, request.named or request.source) for note in told)
    return ClipResult(
        source=request.named or request.source,
        destination=request.destination,
        clip=framed_clip(clip, output.framing),
        frames=count,
        seconds=time.perf_counter() - begin,
        length=float(count / clip.rate),
        split=work.clock.split,
        peak_memory=peak_memory(recipe.model.device.torch),
        notes=notes,
        damage=reader.damage,
        doubt=seen.doubt,
        coverage=seen.coverage,
    )


def check_framing(output: OutputOptions) -> None:
    """UsageError for a framing that a clip cannot have."""
    if output.framing.crop is not None:
        raise UsageError(
            "where the subject goes is known when all frames are matted, so a clip is not cropped while it is; write its mattes first, "
            "then compose the clip with them and `crop`"
        )
    framing_of(output)


def settled(request: ClipRequest, recipe: Recipe) -> ClipRequest:
    """The request with what depends on its clip and its model."""
    keeps_matte = request.keeps_matte and is_cutout(request.source)
    smooth = not recipe.choice.spec.guides if request.smooth is None else request.smooth
    return replace(request, batch=request.batch or default_batch(recipe), keeps_matte=keeps_matte, smooth=smooth)


def default_batch(recipe: Recipe) -> int:
    """Frames a pass through the model: a GPU is faster with several at once, a CPU is not."""
    return 4 if recipe.model.device.torch.type == "cuda" else 1


def _numbered(clip: Clip, request: ClipRequest) -> Clip:
    """The clip, with its pictures numbered from the requested start number, if any."""
    start = request.start_number
    return clip if start is None else replace(clip, numbers=range(start, start + MOST_FRAMES))


def _writer(request: ClipRequest, output: OutputOptions, clip: Clip, *, done: int) -> Writer:
    span = request.span
    return open_writer(
        request.destination,
        kind=output.kind,
        clip=clip,
        sound=request.source if clip.audio and span.every == 1 else None,
        coding=Coding(request.codec, request.crf, output.premultiplied),
        span=span,
        done=done,
    )


def _run(
    frames: Iterable[Frame],
    work: ClipWork,
    output: OutputOptions,
    writer: Writer,
    record: Record | None,
    *,
    done: int,
    on_frame: Callable[[int, int | None], None],
) -> Seen:
    """The loop; returns the assessment of the mattes. The first `done` frames are written already."""
    seen, clip, clock = Seen(guided=bool(work.recipe.choice.spec.guides)), work.clip, work.clock
    if record is not None:
        record.write(done)

    def finish(item: MattedFrame) -> None:
        seconds = float((item.frame.pts - clip.start) * clip.time_base)
        with clock("compose"):
            picture = render_framed(item.matted, output, top=clip.top, seconds=seconds, icc=clip.icc, aspect=clip.aspect, step=EVEN)
        with clock("encode"):
            writer.write(picture, pts=item.frame.pts, duration=item.frame.duration)
            if record is not None:
                record.write(done + writer.frames)

    depths = work.depths
    begin = partial(limit_threads, max(1, torch.get_num_threads() // depths.at_once))
    with (
        read_ahead(frames, depth=depths.ahead, on_wait=partial(clock.add, "decode")) as ready,
        WriteBehind(finish, depth=depths.behind, begin=begin) as behind,
    ):
        # A smoothed matte depends on all before it, so they are made again.
        skipped = 0 if work.request.smooth else done
        for item in matted_frames(ready, work, skipped=skipped, threads=depths.at_once, begin=begin):
            if item.frame.index >= done:
                seen.look_at(item.matted)
                behind.put(item)
            on_frame(item.frame.index + 1, clip.expected)
    return seen


def matted_frames(
    frames: Iterable[Frame], work: ClipWork, *, skipped: int = 0, threads: int = 1, begin: Callable[[], None] = lambda: None
) -> Iterator[MattedFrame]:
    """Each frame but the first `skipped` with its matte, in order, smoothed where the request says so.

    Where a network that needs no guide is refined, its own mattes are brought into agreement first. `threads` frames are matted at once,
    in threads that call `begin` first.
    """
    request, recipe = work.request, work.recipe
    if request.keeps_matte:
        return (
            MattedFrame(frame, own_matte(frame.levels, frame.transparency, recipe.model.device))
            for frame in frames
            if frame.index >= skipped
        )
    with_guides = iter(guided(frames, request, recipe.choice, work.plate, work.given, skipped=skipped, clock=work.clock))
    batches = iter(lambda: list(islice(with_guides, request.batch or 1)), [])
    at_once = partial(in_parallel, threads=threads, begin=begin)
    unguided = not recipe.choice.spec.guides
    if not (request.smooth and unguided and recipe.refiner):
        mattes = chain.from_iterable(at_once(batches, partial(_matted, work=work, to_guide=LastGuides())))
        return _over_time(mattes, partial(smoothed, hold=unguided)) if request.smooth else mattes
    unrefined = replace(work, recipe=replace(recipe, refiner=None))
    coarse = chain.from_iterable(at_once(batches, partial(_matted, work=unrefined, to_guide=LastGuides())))
    refine = partial(_refined, work=work)
    steady = _over_time(coarse, agreed)
    return _over_time(at_once(steady, refine) if threads > 1 else map(refine, steady), partial(smoothed, hold=True))


def _matted(frames: Sequence[Guided], work: ClipWork, to_guide: ToGuide) -> list[MattedFrame]:
    photos = [_photo(item.frame, work.clip) for item in frames]
    mattes = matte_photos(photos, [item.guides for item in frames], work.recipe, clock=work.clock, to_guide=to_guide, companions=False)
    hdr = hdr_of(work.clip.colour)
    kept = [matted if hdr is None else in_hdr(matted, item.frame.levels, hdr) for item, matted in zip(frames, mattes, strict=True)]
    return [_with_notes(item, matted) for item, matted in zip(frames, kept, strict=True)]


def _refined(item: MattedFrame, work: ClipWork) -> MattedFrame:
    return replace(item, matted=refined_matte(item.matted, work.recipe, clock=work.clock, lossy=work.clip.lossy))


def _photo(frame: Frame, clip: Clip) -> Photo:
    return Photo(frame.pixels, alpha=frame.transparency, icc=None, lossy=clip.lossy)


def _with_notes(item: Guided, matted: Matted) -> MattedFrame:
    """The frame with its matte, which is empty where no subject was found, and the notes of both."""
    alpha = matted.alpha if item.found else torch.zeros_like(matted.alpha)
    return MattedFrame(item.frame, replace(matted, alpha=alpha, notes=(*matted.notes, *item.notes)))


def _over_time(mattes: Iterable[MattedFrame], steady: Steady) -> Iterator[MattedFrame]:
    """The mattes, changed by `smoothed` or `agreed`, which look at several frames."""
    states = ((to_uint8(item.frame.pixels), to_array(item.matted.alpha), item) for item in mattes)
    for alpha, item in steady(states):
        tensor = torch.from_numpy(alpha)[None, None].to(item.matted.alpha)
        yield replace(item, matted=replace(item.matted, alpha=tensor))


def _clip_notes(request: ClipRequest, output: OutputOptions, clip: Clip, done: int) -> tuple[str, ...]:
    """Notes about the clip and its settings."""
    notes = []
    system = clip.colour.hdr
    if system is not None:
        notes.append(f"the clip is HDR ({system}): its result is, too, and models see a tone-mapped copy; `tone_map` sdr makes it SDR")
    if system is not None and not keeps_tags(request.destination):
        notes.append(
            f"{request.destination} cannot say that it is HDR ({system}), so programs show it too dark and pale; use `tone_map` sdr"
        )
    if request.keeps_matte:
        notes.append("the clip is a cut-out already: it keeps its own matte, and no model ran; name one with `model` to make another")
    if clip.audio and request.span.every > 1:
        notes.append("the sound is left out, since `every` changes the frames' pace")
    if request.smooth and done:
        notes.append(f"with `smooth` all frames are matted again; the first {done} pictures are kept")
    return (*notes, *(output.backdrop.notes if output.backdrop is not None else ()))


def _plate_notes(plate: LaidPlate | None) -> tuple[str, ...]:
    return tuple(f"plate: {note}" for note in plate.notes) if plate is not None else ()


def _because(damage: str | None) -> str:
    return f" ({damage})" if damage else ""
