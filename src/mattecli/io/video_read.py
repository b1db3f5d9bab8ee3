"""Reading of clips: the frames of a video file or of a folder of pictures, with rotation applied, in RGB, with their times."""

import itertools
import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from types import TracebackType
from typing import Any, cast

import av
from av.sidedata.sidedata import Type

from mattecli.errors import InputError, UsageError
from mattecli.io.clip_types import Clip, Frame, Mastering, Reader, Span
from mattecli.io.pictures.animated import AnimatedReader, is_animated_webp
from mattecli.io.sequences import DEFAULT_RATE, SequenceReader, is_sequence
from mattecli.io.video.deinterlace import deinterlaced
from mattecli.io.video.hdr import as_sdr, hdr_of
from mattecli.io.video.steady_rate import SteadyRate
from mattecli.io.video_file import VideoFile
from mattecli.io.yuv_to_rgb import YuvToRgb

STORED, COPY, SDR = "stored", "copy", "sdr"
_LARGEST_ASPECT = Fraction(8)  # of a pixel; anamorphic lenses and old standards stay below 3


def open_clip(
    source: str,
    *,
    fps: Fraction | None = None,
    start: Fraction | None = None,
    end: Fraction | None = None,
    every: int = 1,
    deinterlace: bool = False,
    tone_map: str = STORED,
) -> Reader:
    """Open a video file, a folder of pictures, or a pattern of picture names (frames/%05d.png, 'frames/*.png'), for use in a with-block.

    fps: frames a second of a sequence of pictures (None: 25); a video file has its own. start, end, every: which frames are delivered,
    see Span. deinterlace: whether to deinterlace interlaced frames. tone_map: the pixels of an HDR clip: "stored" for the file's levels,
    "copy" for an SDR copy in addition to these, "sdr" for an SDR clip. Raises UsageError for invalid options, InputError for a source that
    cannot be read.
    """
    span = Span(start, end, every)
    if is_sequence(source):
        return SequenceReader(source, rate=DEFAULT_RATE if fps is None else fps, span=span)
    if fps is not None:
        raise UsageError(f"{source} is no folder or pattern of pictures, so it has its own frame rate; leave out `fps`")
    if is_animated_webp(source):
        return AnimatedReader(source, span=span)
    return VideoReader(source, span=span, deinterlace=deinterlace, tone_map=tone_map)


def probe(source: str) -> Clip:
    """The properties of a clip, from its header and its first frame."""
    with open_clip(source) as reader:
        return reader.clip


class VideoReader:
    """Decodes a file's first video stream that is not cover art; a Reader. Memory does not grow with the clip's length.

    Rotation and mirroring are applied. Frames without a time stamp follow at the clip's rate; a stamp that does not increase is moved
    to the next tick; stamps that the container rounded are replaced by those of the declared rate.
    """

    def __init__(self, source: str, *, span: Span, deinterlace: bool = False, tone_map: str = STORED) -> None:
        self._span, self._deinterlace = span, deinterlace
        self._file = VideoFile(source)
        try:
            decoded = self._whole(self._file.frames())
            first = next(decoded, None)
            if first is None:
                raise InputError(f"{source} has no frame that can be decoded; get a whole copy")
            self._to_rgb = YuvToRgb(first, centred=self._file.stream.codec_context.name == "mjpeg")
            self._steady = SteadyRate(self._file.rate, self._file.time_base, rounded=self._file.rounds_times)
            self.clip = _described(self._file, self._to_rgb, first, span, self._steady)
            self._hdr = None if tone_map == STORED else hdr_of(self.clip.colour)
            self._keeps_levels = tone_map != SDR
            if self._hdr is not None and not self._keeps_levels:
                self.clip = replace(self.clip, colour=as_sdr(self.clip.colour), mastering=None)
        except BaseException:
            self.close()
            raise
        self._frames: Iterator[av.VideoFrame] = itertools.chain([first], decoded)

    @property
    def damage(self) -> str | None:
        """The damage found so far; complete after the last frame."""
        return self._file.damage

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._file.notes, *self._interlaced(), *self._scaled())

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __iter__(self) -> Iterator[Frame]:
        frames = self._frames
        if self._span.start:
            begin = self.clip.start * self.clip.time_base + self._span.start
            frames = self._whole(self._file.frames_from(int(begin / self._file.time_base)))
        for index, (frame, pts) in enumerate(self._span.pick(self._timed(frames))):
            alpha = self._to_rgb.alpha(frame) if self._to_rgb.has_alpha else None
            levels = self._to_rgb(frame)
            shown = levels if self._hdr is None else self._hdr.to_sdr(levels)
            stored = levels if self._hdr is not None and self._keeps_levels else None
            yield Frame(shown, pts, self._duration(frame) * self._span.every, index, alpha, stored)

    def _whole(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        return deinterlaced(frames, self._file.time_base) if self._deinterlace else frames

    def _interlaced(self) -> tuple[str, ...]:
        count = self._file.interlaced
        if not count:
            return ()
        frames = f"{count} frame{'s' if count > 1 else ''} of {self._file.source}"
        if self._deinterlace:
            return (f"{frames} held two moments in alternate rows; they show the first",)
        return (f"{frames} hold two moments in alternate rows (interlaced), so what moves is combed; `deinterlace` makes them whole",)

    def _scaled(self) -> tuple[str, ...]:
        count, (height, width) = self._to_rgb.scaled, self._to_rgb.size
        if not count:
            return ()
        frames = f"{count} frames of {self._file.source} have" if count > 1 else f"1 frame of {self._file.source} has"
        return (f"{frames} another size than the first and {'are' if count > 1 else 'is'} scaled to {width}x{height}",)

    def _timed(self, frames: Iterable[av.VideoFrame]) -> Iterator[tuple[Fraction, tuple[av.VideoFrame, int]]]:
        """(seconds from the first frame, (frame, time stamp)), with increasing stamps."""
        earliest, expected = self.clip.start, self.clip.start
        for frame in frames:
            stamp = self._file.stamp(frame)
            pts = max(expected if stamp is None else self._steady(stamp), earliest)
            earliest, expected = pts + 1, pts + self._duration(frame)
            yield (pts - self.clip.start) * self.clip.time_base, (frame, pts)

    def _duration(self, frame: av.VideoFrame) -> int:
        """In the clip's ticks."""
        stated = (frame.duration or self._file.step) * self._file.time_base
        return self._steady.step or round(stated / self.clip.time_base)


def _described(file: VideoFile, to_rgb: YuvToRgb, first: av.VideoFrame, span: Span, steady: SteadyRate) -> Clip:
    tags = file.tags
    codec, count = file.stream.codec_context.codec, file.frame_count
    stated = Fraction(file.stream.sample_aspect_ratio or 1)
    aspect = stated if 1 / _LARGEST_ASPECT <= stated <= _LARGEST_ASPECT else Fraction(1)
    return Clip(
        source=file.source,
        size=to_rgb.size,
        time_base=steady.time_base,
        rate=file.rate / span.every,
        start=steady(file.stamp(first) or 0),
        frames=None if count is None else span.count(count, file.rate),
        estimated=None if file.estimated_count is None else span.count(file.estimated_count, file.rate),
        bits=to_rgb.bits,
        colour=to_rgb.colour,
        aspect=1 / aspect if to_rgb.turned else aspect,
        lossy=codec.lossy or not codec.lossless,
        audio=file.audio,
        alpha=to_rgb.has_alpha,
        mastering=_mastering(first) if to_rgb.colour.hdr else None,
        tags=tags if span.every == 1 else replace(tags, timecode=None, left_out=(*tags.left_out, *(["timecode"] if tags.timecode else []))),
    )


def _mastering(frame: av.VideoFrame) -> Mastering | None:
    """What a frame's side data state of its mastering: FFmpeg's structs AVMasteringDisplayMetadata and AVContentLightMetadata."""
    stated, data = Mastering(), cast(Any, frame.side_data)  # PyAV's own types know one of its kinds
    if Type.MASTERING_DISPLAY_METADATA in data:
        *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", bytes(data[Type.MASTERING_DISPLAY_METADATA]))
        values = [above / (below or 1) for above, below in zip(numbers[::2], numbers[1::2], strict=True)]
        red, green, blue, white = zip(values[0:8:2], values[1:8:2], strict=True)
        stated = replace(
            stated,
            primaries=(red, green, blue, white) if has_primaries else None,
            luminance=(values[8], values[9]) if has_luminance else None,
        )
    if Type.CONTENT_LIGHT_LEVEL in data:
        stated = replace(stated, content=struct.unpack_from("=2I", bytes(data[Type.CONTENT_LIGHT_LEVEL])))
    return None if stated == Mastering() else stated
