"""Clips out, through PyAV: encoded with alpha where there is some, in the input's own time, with the input's sound, whole or not at all."""

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
from mattecli.io.codecs import CODECS, Container, Encoding, check_destination, container_of, eight_bit_note, encoding_for
from mattecli.io.icc import converted
from mattecli.io.images import Pixels
from mattecli.io.parts import part_beside
from mattecli.io.sequence_write import SequenceWriter, sequence_pattern
from mattecli.io.video.tags import Tags, apply_tags, lost_tags
from mattecli.io.yuv import colour_written, fill

_LARGEST_TIMESCALE = 2**31 - 1  # a 32-bit field of .mov and .mp4
_LEAD = Fraction(1, 10)  # seconds by which sound may come before the first picture and not count; broadcast streams begin like that


WHOLE = Span()


def open_writer(
    destination: str,
    *,
    kind: str,
    clip: Clip,
    sound: str | None,
    codec: str | None = None,
    crf: int | None = None,
    span: Span = WHOLE,
    done: int = 0,
) -> Writer:
    """A writer for the results of `clip`, to be used in a with-block.

    destination: a video file or a sequence of pictures, as check_destination takes it. kind: cutout | alpha | foreground | composite.
    sound: a clip whose sound goes along, or None. codec, crf: None for what suits the container. span: the part of the clip that is
    written; with a start, the result begins at zero with the first frame written. done: how many
    pictures of a sequence are there already. Raises UsageError for what does not go together, OutputError for what cannot be written.
    """
    check_destination(destination, kind=kind, codec=codec, crf=crf)
    pattern = sequence_pattern(destination)
    if pattern is not None:
        return SequenceWriter(pattern, kind=kind, clip=clip, sound=sound, done=done)
    encoding = encoding_for(destination, kind=kind, clip=clip, codec=codec, crf=crf)
    return VideoWriter(Path(destination), _available(encoding, kind, clip), clip=clip, sound=sound, start=span.start, end=span.end)


def video_support() -> tuple[str, list[str], list[str]]:
    """What there is for video: (versions of PyAV and FFmpeg, codecs that can be written, encoders this build lacks)."""
    lacking = []
    for codec in CODECS.values():
        try:
            av.Codec(codec.encoder, "w")
        except av.codec.codec.UnknownCodecError:
            lacking.append(codec.encoder)
    able = [name for name, codec in CODECS.items() if codec.encoder not in lacking]
    return f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}", able, lacking


class VideoWriter:
    """Encodes frames into a temporary file that takes its name when it is whole and counted; an exception in the block removes it.

    Time: pictures and sound keep their distance; without `start`, whichever is first begins at zero. Time stamps keep the clip's
    ticks in .mov and .mp4; .mkv and .webm count milliseconds.
    """

    def __init__(
        self, path: Path, encoding: Encoding, *, clip: Clip, sound: str | None, start: Fraction | None, end: Fraction | None
    ) -> None:
        self.frames = 0
        self._path, self._encoding, self._clip = path, encoding, clip
        self._sound_source, self._end = sound, end
        self._trimmed = start is not None
        self._colour = colour_written(clip.colour, clip.size, encoding.pixel_format, limited=encoding.limited)
        self._durations: dict[int, int] = {}  # by time stamp: not every encoder hands a frame's duration on to its packet
        self._origin = 0
        self._sound: Sound | None = None
        self._lost: tuple[str, ...] = ()
        self._held = contextlib.ExitStack()

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._encoding.notes, *(self._sound.notes if self._sound else ()), *self._lost)

    def __enter__(self) -> "VideoWriter":
        try:
            with _explained(self._path):
                self._part = self._held.enter_context(part_beside(self._path))
                self._open_streams(container_of(str(self._path)))
        except BaseException:
            self._let_go()
            raise
        return self

    def write(self, pixels: Pixels, *, pts: int, duration: int) -> None:
        """Encode the next frame.

        pixels: grey [H, W] for an alpha, RGB [H, W, 3], or straight RGBA [H, W, 4] for a cutout; uint8 or uint16 over the full range.
        pts, duration: in the clip's ticks; pts grows from frame to frame.
        """
        if pixels.shape[:2] != self._clip.size:
            raise ValueError(f"a frame of {pixels.shape[:2]} does not go into a clip of {self._clip.size}")
        with _explained(self._path):
            if self.frames == 0:
                self._begin(pts)
            frame = _frame(_in_srgb(pixels, self._clip.icc), self._encoding.pixel_format, self._colour)
            frame.pts, frame.time_base = pts - self._origin, self._clip.time_base
            self._durations[pts - self._origin] = duration
            self.frames += 1
            self._mux(self._video.encode(frame))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                with _explained(self._path):
                    self._finish()
        finally:
            self._let_go()

    def _open_streams(self, container: Container) -> None:
        # Packets come in order, so the muxer need not hold many back for a stream that lacks some: a second's worth, in microseconds.
        options = {**container.options, "max_interleave_delta": "1000000"}
        self._output = self._held.enter_context(
            av.open(str(self._part.path.absolute()), "w", format=container.muxer, container_options=options)
        )
        self._video = _video_stream(self._output, self._encoding, self._clip, self._colour)
        if self._sound_source is not None:
            end = None if self._end is None else self._clip.start * self._clip.time_base + self._end
            self._sound = Sound(self._sound_source, self._output, container, trimmed=self._trimmed, end=end)
            self._held.callback(self._sound.close)
        if container.muxer in ("mov", "mp4"):
            self._output.container_options.update(_timescales(self._clip.time_base, self._sound.rates if self._sound else []))

    def _begin(self, pts: int) -> None:
        """Settle which tick becomes zero: the first frame's when a part is cut out, else the earliest of pictures and sound.

        Sound that leads by a few packets does not count: it would leave the first moment of the result without a picture.
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
            raise OutputError(f"{self._path} is not written, for no frame came; check the part of the clip asked for")
        packets = self._video.encode(None)
        if self.frames < 3:
            for packet in packets:
                packet.dts = packet.pts  # libx265 4.1 leaves them unset in so short a clip; without frames to reorder, they are the same
        self._mux(packets)
        if self._sound is not None:
            self._sound.finish()
        self._output.close()
        lost = _verified(self._part.path, self.frames, self._clip.tags)
        if lost:
            self._lost = (f"{self._path.name} does not carry the source's {', '.join(lost)}",)
        self._part.become(self._path)

    def _let_go(self) -> None:
        """Close everything and remove the temporary file, if it has not taken its name; what fails while closing no longer matters."""
        with contextlib.suppress(Exception):
            self._held.close()


def _available(encoding: Encoding, kind: str, clip: Clip) -> Encoding:
    """The encoding this build of FFmpeg can do: 8 bits where its encoder has no more. OutputError when it has no such encoder."""
    try:
        encoder = av.Codec(encoding.encoder, "w")
    except av.codec.codec.UnknownCodecError as error:
        raise OutputError(
            f"this build of FFmpeg has no encoder {encoding.encoder}; choose another --codec or ending, or install PyAV from PyPI"
        ) from error
    formats = {known.name for known in encoder.video_formats or ()}
    if not formats or encoding.pixel_format in formats:
        return encoding
    note = eight_bit_note(f"{encoding.encoder} of this build", kind, clip.bits)
    return replace(encoding, pixel_format=encoding.fallback, notes=(*encoding.notes, note))


def _video_stream(output: OutputContainer, encoding: Encoding, clip: Clip, colour: Colour) -> VideoStream:
    stream = cast(
        VideoStream, output.add_stream(encoding.encoder, rate=clip.rate, options=dict(encoding.options), time_base=clip.time_base)
    )
    context = stream.codec_context
    context.height, context.width = clip.size
    context.pix_fmt = encoding.pixel_format
    context.sample_aspect_ratio = clip.aspect
    context.thread_type = "AUTO"  # PyAV's own choice, slices alone, costs H.264 quality
    if encoding.tag is not None:
        context.codec_tag = encoding.tag
    if encoding.pixel_format == "yuva420p":
        stream.metadata["alpha_mode"] = "1"  # what tells a WebM player that the blocks carry alpha beside the colours
    _tag(context, colour)
    try:
        context.open()
    except av.FFmpegError as error:
        width, height = context.width, context.height
        raise OutputError(
            f"the encoder {encoding.encoder} does not take {width}x{height} pixels ({error.strerror}); choose another --codec"
        ) from error
    return stream


def _tag(target: VideoCodecContext | av.VideoFrame, colour: Colour) -> None:
    """Some encoders take the colour tags from the stream, others (ProRes) from the frames."""
    target.colorspace, target.color_primaries, target.color_trc = colour.matrix, colour.primaries, colour.transfer
    target.color_range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG


def _timescales(time_base: Fraction, rates: Sequence[int]) -> dict[str, str]:
    """Options by which .mov and .mp4 count in the clip's own ticks, and place each stream's start without rounding."""
    movie = lcm(time_base.denominator, *rates)
    return {
        "video_track_timescale": str(time_base.denominator),
        "movie_timescale": str(movie if movie <= _LARGEST_TIMESCALE else time_base.denominator),
    }


def _in_srgb(pixels: Pixels, icc: bytes | None) -> Pixels:
    """Colours brought out of the profile of a sequence's pictures, which no video file keeps."""
    if icc is None or pixels.ndim == 2:
        return pixels
    colours = converted(np.ascontiguousarray(pixels[..., :3]), icc, None)
    return np.dstack([colours, pixels[..., 3]]) if pixels.shape[2] == 4 else colours


def _frame(pixels: Pixels, pixel_format: str, colour: Colour) -> av.VideoFrame:
    frame = av.VideoFrame(pixels.shape[1], pixels.shape[0], pixel_format)
    dtype: Any = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    rooms: list[Pixels] = [np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1) for plane in frame.planes]
    fill(rooms, pixels, pixel_format, colour)
    _tag(frame, colour)
    return frame


def _verified(path: Path, frames: int, tags: Tags) -> tuple[str, ...]:
    """What a finished file lost of its source's tags; its pictures are counted but not decoded.

    Raises OutputError unless the file can be read back and holds as many as were written.
    """
    with av.open(str(path.absolute())) as result:
        found = sum(packet.size > 0 for packet in result.demux(video=0))
        lost = (*lost_tags(tags, result), *tags.left_out)
    if found != frames:
        raise OutputError(f"only {found} of {frames} frames reached the file; it is removed, try again or choose another --codec")
    return lost


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What the system and FFmpeg complain of, as one sentence."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{path} cannot be written ({reason}); free some space, or choose another place with -o") from error
