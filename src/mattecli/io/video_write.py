"""Writing of clips through PyAV: with alpha where present, with the input's times and sound, complete or not at all."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm
from pathlib import Path
from types import TracebackType

import av
from av.packet import Packet
from av.video.stream import VideoStream

from mattecli.errors import OutputError
from mattecli.io.audio import Sound
from mattecli.io.clip_types import Clip, Span, Writer, display_size
from mattecli.io.codecs import Coding, Container
from mattecli.io.pictures.photo import Pixels
from mattecli.io.sequence_write import SequenceWriter, sequence_pattern
from mattecli.io.subtitles import Subtitles
from mattecli.io.video.encoder import available, frame_of, in_srgb, video_stream
from mattecli.io.video.encoding import Encoding, check_destination, encoding_for
from mattecli.io.video.pace import Pace
from mattecli.io.video.palette import Quantiser
from mattecli.io.video.tags import apply_tags
from mattecli.io.video.target import SHOWN, Target, explained, target_of
from mattecli.io.yuv import colour_written

_LARGEST_TIMESCALE = 2**31 - 1  # a 32-bit field of .mov and .mp4
_LEAD = Fraction(1, 10)  # seconds of sound before the first picture that are ignored; broadcast streams begin so

WHOLE, USUAL = Span(), Coding()
PREMULTIPLIED = "the colours are premultiplied, which the file does not say; tell your editor so (matted with black)"


def open_writer(
    destination: str,
    *,
    kind: str,
    clip: Clip,
    sound: str | None,
    coding: Coding = USUAL,
    span: Span = WHOLE,
    done: int = 0,
) -> Writer:
    """A writer for the results of `clip`, to be used in a with-block.

    destination: a video file, a sequence of pictures or "-", as check_destination takes it. kind: cutout | alpha | foreground | composite.
    sound: a clip whose sound is copied, or None. span: the part of the clip that is written; with a start, the result begins at zero with
    the first frame written. done: the number of pictures of a sequence that are written already. Raises UsageError for settings that do
    not fit together, OutputError for a destination that cannot be written.
    """
    check_destination(destination, kind=kind, codec=coding.codec, crf=coding.crf)
    pattern = sequence_pattern(destination)
    if pattern is not None:
        return SequenceWriter(pattern, kind=kind, clip=clip, sound=sound, done=done, premultiplied=coding.premultiplied)
    encoding = encoding_for(destination, kind=kind, clip=clip, codec=coding.codec, crf=coding.crf)
    if coding.premultiplied:
        encoding = replace(encoding, notes=(*encoding.notes, PREMULTIPLIED))
    return VideoWriter(target_of(destination), available(encoding, kind, clip), clip=clip, sound=sound, start=span.start, end=span.end)


class VideoWriter:
    """Encodes frames into a file that is renamed when it is complete and verified, or to stdout; an exception in the block removes a file.

    Time: pictures and sound stay in sync; without `start`, whichever is first begins at zero. Time stamps keep the clip's
    ticks in .mov and .mp4; .mkv and .webm count milliseconds.
    """

    def __init__(
        self,
        target: Target,
        encoding: Encoding,
        *,
        clip: Clip,
        sound: str | None,
        start: Fraction | None,
        end: Fraction | None,
    ) -> None:
        self.frames = 0
        self._target, self._encoding, self._clip = target, encoding, clip
        self._sound_source, self._end = sound, end
        self._pace = Pace()
        self._quantise = Quantiser(clip.size) if encoding.quantised else None
        self._trimmed = start is not None
        self._colour = colour_written(clip.colour, clip.size, encoding.pixel_format, limited=encoding.limited)
        self._durations: dict[int, int] = {}  # by time stamp: not every encoder copies a frame's duration to its packet
        self._origin = 0
        self._last = 0, 0  # time stamp and duration
        self._sound: Sound | None = None
        self._beside: list[Sound | Subtitles] = []
        self._lost: tuple[str, ...] = ()
        self._held = contextlib.ExitStack()

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._encoding.notes, *(note for stream in self._beside for note in stream.notes), *self._lost, *self._left_out())

    def __enter__(self) -> "VideoWriter":
        try:
            with explained(self._target.named):
                self._open_streams(self._encoding.container)
        except BaseException:
            self._let_go()
            raise
        return self

    def write(self, pixels: Pixels, *, pts: int, duration: int) -> None:
        """Encode the next frame.

        pixels: grey [H, W] for an alpha, RGB [H, W, 3], or straight RGBA [H, W, 4] for a cutout; uint8 or uint16 over the full range.
        pts, duration: in the clip's ticks; pts increases from frame to frame.
        """
        if pixels.shape[:2] != self._clip.size:
            raise ValueError(f"a frame of {pixels.shape[:2]} does not go into a clip of {self._clip.size}")
        with explained(self._target.named):
            if self.frames == 0:
                self._begin(pts)
            self._pace(pts)
            frame = frame_of(in_srgb(pixels, self._clip.icc), self._encoding.pixel_format, self._colour)
            frame = frame if self._quantise is None else self._quantise(frame)
            frame.pts, frame.time_base = pts - self._origin, self._clip.time_base
            self._durations[pts - self._origin] = duration
            self._last = pts, duration
            self.frames += 1
            self._mux(self._video.encode(frame))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                with explained(self._target.named):
                    self._finish()
        finally:
            self._let_go()

    def _open_streams(self, container: Container) -> None:
        # Packets arrive in order, so the muxer buffers only a second of them, in microseconds, for a stream that lacks some.
        options = {**container.options, "max_interleave_delta": "1000000"}
        if self._shown is not None:
            options["write_crc32"] = "0"  # of the tracks, which are amended in the end
        self._output = self._held.enter_context(
            av.open(self._target.open(self._held), "w", format=container.muxer, container_options=options)
        )
        self._video = video_stream(self._output, self._encoding, self._clip, self._colour)
        if self._shown is not None:
            self._video.metadata["title"] = SHOWN
        if self._sound_source is not None and container.sound_encoder:
            self._sound = Sound(self._sound_source, self._output, container, trimmed=self._trimmed, end=self._until)
            self._beside.append(self._sound)
            self._held.callback(self._sound.close)
        if self._clip.tags.subtitles and container.text_encoder:
            texts = Subtitles(self._clip.source, self._output, container, end=self._until)
            self._beside.append(texts)
            self._held.callback(texts.close)
        if container.muxer in ("mov", "mp4"):
            self._output.container_options.update(_timescales(self._clip.time_base, self._sound.rates if self._sound else []))

    def _begin(self, pts: int) -> None:
        """Decide which tick becomes zero: the first frame's for a part of a clip, else the earliest of pictures and sound.

        Sound that leads by a few packets is ignored, because the result would begin without a picture.
        """
        self._origin = pts
        first = None if self._sound is None or self._trimmed else self._sound.first
        if first is not None and pts * self._clip.time_base - first > _LEAD:
            self._origin = first // self._clip.time_base
        origin = self._origin * self._clip.time_base
        before = round((pts - self._clip.start) * self._clip.time_base * self._clip.rate)
        apply_tags(self._clip.tags, self._output, self._video, origin=origin, end=self._until, frames=before)
        for stream in self._beside:
            stream.begin(origin)

    @property
    def _shown(self) -> tuple[int, int] | None:
        """The (height, width) of display that a Matroska file says where its pixels are not square."""
        is_matroska = self._encoding.container.muxer in ("matroska", "webm")
        return display_size(self._clip.size, self._clip.aspect) if is_matroska and self._clip.aspect != 1 else None

    @property
    def _until(self) -> Fraction | None:
        """Where the requested part ends, on the source's clock."""
        return None if self._end is None else self._clip.start * self._clip.time_base + self._end

    def _mux(self, packets: "list[Packet[VideoStream]]") -> None:
        for packet in packets:
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            if packet.dts is not None:
                for stream in self._beside:
                    stream.up_to(float(packet.dts * packet.time_base))
            self._output.mux(packet)

    def _finish(self) -> None:
        if self.frames == 0:
            raise OutputError(f"{self._target.named} is not written, for no frame came; check the part of the clip asked for")
        packets = self._video.encode(None)
        if self.frames < 3:
            for packet in packets:
                packet.dts = packet.pts  # libx265 4.1 leaves them unset in so short a clip; without frames to reorder, they are the same
        self._mux(packets)
        for stream in self._beside:
            stream.finish()
        self._output.close()
        (begin, duration), tick = self._last, self._clip.time_base
        lost = self._target.keep(self.frames, (begin + duration - self._origin) * tick, duration * tick, self._clip.tags, self._shown)
        if lost:
            self._lost = (f"{Path(self._target.named).name} does not carry the source's {', '.join(lost)}",)

    def _left_out(self) -> Iterator[str]:
        """The source's contents that the container does not support."""
        container = self._encoding.container
        if self._sound_source is not None and not container.sound_encoder:
            yield f"{container.muxer} carries no sound, so the clip's sound is left out"
        if self._pace.is_uneven and not container.keeps_times:
            yield f"the clip's frames do not follow each other evenly, and {container.muxer} carries no times; .mov and .nut keep them"

    def _let_go(self) -> None:
        """Close everything and remove the temporary file unless it was renamed; errors while closing are ignored."""
        with contextlib.suppress(Exception):
            self._held.close()


def _timescales(time_base: Fraction, rates: Sequence[int]) -> dict[str, str]:
    """Options with which .mov and .mp4 use the clip's ticks, and store each stream's start without rounding."""
    movie = lcm(time_base.denominator, *rates)
    return {
        "video_track_timescale": str(time_base.denominator),
        "movie_timescale": str(movie if movie <= _LARGEST_TIMESCALE else time_base.denominator),
    }
