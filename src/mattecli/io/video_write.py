"""Writing of clips through PyAV: with alpha where present, with the input's times and sound, complete or not at all."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from mattecli.errors import OutputError
from mattecli.io.audio import Sound
from mattecli.io.clip_types import Clip, Colour, Span, Writer
from mattecli.io.codecs import CODECS, Coding, Container
from mattecli.io.icc import converted
from mattecli.io.images import Pixels
from mattecli.io.sequence_write import SequenceWriter, sequence_pattern
from mattecli.io.video.encoding import Encoding, check_destination, eight_bit_note, encoding_for
from mattecli.io.video.pace import Pace
from mattecli.io.video.palette import Quantiser
from mattecli.io.video.tags import apply_tags
from mattecli.io.video.target import FileTarget, StdoutTarget, explained, target_of
from mattecli.io.yuv import colour_written, fill

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
    return VideoWriter(target_of(destination), _available(encoding, kind, clip), clip=clip, sound=sound, start=span.start, end=span.end)


def video_support() -> tuple[str, list[str], list[str]]:
    """The video support: (versions of PyAV and FFmpeg, codecs that can be written, encoders this build lacks)."""
    lacking = []
    for codec in CODECS.values():
        try:
            av.Codec(codec.encoder, "w")
        except av.codec.codec.UnknownCodecError:
            lacking.append(codec.encoder)
    able = [name for name, codec in CODECS.items() if codec.encoder not in lacking]
    return f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}", able, lacking


class VideoWriter:
    """Encodes frames into a file that is renamed when it is complete and verified, or to stdout; an exception in the block removes a file.

    Time: pictures and sound stay in sync; without `start`, whichever is first begins at zero. Time stamps keep the clip's
    ticks in .mov and .mp4; .mkv and .webm count milliseconds.
    """

    def __init__(
        self,
        target: FileTarget | StdoutTarget,
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
        self._lost: tuple[str, ...] = ()
        self._held = contextlib.ExitStack()

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._encoding.notes, *(self._sound.notes if self._sound else ()), *self._lost, *self._left_out())

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
            frame = _frame(_in_srgb(pixels, self._clip.icc), self._encoding.pixel_format, self._colour)
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
        self._output = self._held.enter_context(
            av.open(self._target.open(self._held), "w", format=container.muxer, container_options=options)
        )
        self._video = _video_stream(self._output, self._encoding, self._clip, self._colour)
        if self._sound_source is not None and container.sound_encoder:
            end = None if self._end is None else self._clip.start * self._clip.time_base + self._end
            self._sound = Sound(self._sound_source, self._output, container, trimmed=self._trimmed, end=end)
            self._held.callback(self._sound.close)
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
        end = None if self._end is None else self._clip.start * self._clip.time_base + self._end
        apply_tags(self._clip.tags, self._output, self._video, origin=origin, end=end, frames=before)
        if self._sound is not None:
            self._sound.begin(origin)

    def _mux(self, packets: "list[Packet[VideoStream]]") -> None:
        for packet in packets:
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            if self._sound is not None and packet.dts is not None:
                self._sound.up_to(float(packet.dts * packet.time_base))
            self._output.mux(packet)

    def _finish(self) -> None:
        if self.frames == 0:
            raise OutputError(f"{self._target.named} is not written, for no frame came; check the part of the clip asked for")
        packets = self._video.encode(None)
        if self.frames < 3:
            for packet in packets:
                packet.dts = packet.pts  # libx265 4.1 leaves them unset in so short a clip; without frames to reorder, they are the same
        self._mux(packets)
        if self._sound is not None:
            self._sound.finish()
        self._output.close()
        (begin, duration), tick = self._last, self._clip.time_base
        lost = self._target.keep(self.frames, (begin + duration - self._origin) * tick, duration * tick, self._clip.tags)
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


def _available(encoding: Encoding, kind: str, clip: Clip) -> Encoding:
    """The encoding that this build of FFmpeg supports: 8 bits where its encoder has no more. OutputError without such an encoder."""
    try:
        encoder = av.Codec(encoding.encoder, "w")
    except av.codec.codec.UnknownCodecError as error:
        raise OutputError(
            f"this build of FFmpeg has no encoder {encoding.encoder}; choose another `codec` or ending, or install PyAV from PyPI"
        ) from error
    formats = {known.name for known in encoder.video_formats or ()}
    if not formats or encoding.quantised or encoding.pixel_format in formats:
        return encoding
    note = eight_bit_note(f"{encoding.encoder} of this build", kind, clip.bits)
    return replace(encoding, pixel_format=encoding.fallback, notes=(*encoding.notes, note))


def _video_stream(output: OutputContainer, encoding: Encoding, clip: Clip, colour: Colour) -> VideoStream:
    stream = cast(
        VideoStream, output.add_stream(encoding.encoder, rate=clip.rate, options=dict(encoding.options), time_base=clip.time_base)
    )
    context = stream.codec_context
    context.height, context.width = clip.size
    context.pix_fmt = "pal8" if encoding.quantised else encoding.pixel_format
    context.sample_aspect_ratio = clip.aspect
    context.thread_type = "AUTO"  # PyAV's default, slices only, reduces H.264's quality
    if encoding.tag is not None:
        context.codec_tag = encoding.tag
    if encoding.pixel_format == "yuva420p":
        stream.metadata["alpha_mode"] = "1"  # tells a WebM player that the blocks carry alpha
    _tag(context, colour)
    try:
        context.open()
    except av.FFmpegError as error:
        if encoding.pixel_format.startswith("yuva") and encoding.encoder == "libx265":
            raise OutputError(
                "this build of x265 does not encode an alpha (ENABLE_ALPHA is off); use .mov without `codec`, or .webm"
            ) from error
        width, height = context.width, context.height
        raise OutputError(
            f"the encoder {encoding.encoder} does not take {width}x{height} pixels ({error.strerror}); choose another `codec`"
        ) from error
    return stream


def _tag(target: VideoCodecContext | av.VideoFrame, colour: Colour) -> None:
    """Some encoders take the colour tags from the stream, others (ProRes) from the frames."""
    target.colorspace, target.color_primaries, target.color_trc = colour.matrix, colour.primaries, colour.transfer
    target.color_range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG


def _timescales(time_base: Fraction, rates: Sequence[int]) -> dict[str, str]:
    """Options with which .mov and .mp4 use the clip's ticks, and store each stream's start without rounding."""
    movie = lcm(time_base.denominator, *rates)
    return {
        "video_track_timescale": str(time_base.denominator),
        "movie_timescale": str(movie if movie <= _LARGEST_TIMESCALE else time_base.denominator),
    }


def _in_srgb(pixels: Pixels, icc: bytes | None) -> Pixels:
    """Colours converted from the profile of a sequence's pictures, which video files do not keep."""
    if icc is None or pixels.ndim == 2:
        return pixels
    colours = converted(np.ascontiguousarray(pixels[..., :3]), icc, None)
    return np.dstack([colours, pixels[..., 3]]) if pixels.shape[2] == 4 else colours


def _frame(pixels: Pixels, pixel_format: str, colour: Colour) -> av.VideoFrame:
    frame = av.VideoFrame(pixels.shape[1], pixels.shape[0], pixel_format)
    dtype: Any = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    rooms: list[Pixels] = [np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1) for plane in frame.planes]
    fill(rooms, _opaque(pixels) if pixel_format == "bgra" else pixels, pixel_format, colour)
    if frame.format.is_big_endian and dtype is np.uint16:
        for room in rooms:
            room.byteswap(inplace=True)
    _tag(frame, colour)
    return frame


def _opaque(pixels: Pixels) -> Pixels:
    """Grey, RGB or RGBA as RGBA."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return pixels
    colours = np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels
    return np.dstack([colours, np.full(pixels.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)])
