"""The encoder of a clip's pictures: whether this build of FFmpeg has it, its stream, and the frames it takes."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from mattecli.errors import OutputError
from mattecli.io.clip_types import Clip, Colour
from mattecli.io.codecs import CODECS
from mattecli.io.icc import converted
from mattecli.io.pictures.photo import Pixels
from mattecli.io.video.encoding import Encoding, eight_bit_note
from mattecli.io.yuv import fill


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


def available(encoding: Encoding, kind: str, clip: Clip) -> Encoding:
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


def video_stream(output: OutputContainer, encoding: Encoding, clip: Clip, colour: Colour) -> VideoStream:
    """An output's video stream with its encoder opened. OutputError where the encoder does not take the clip."""
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
        with _scheduling_kept():
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


@contextlib.contextmanager
def _scheduling_kept() -> Iterator[None]:
    """Undo what an encoder that is opened in the block does to the scheduling of its threads and of this one (Linux).

    SVT-AV1 makes both real-time for the user root (SCHED_FIFO 99), and so everything that this thread starts later: such threads wait for
    no other program, and all others for them.
    """
    if not hasattr(os, "sched_setscheduler") or not _THREADS.is_dir():
        yield
        return
    policy, parameter, before = os.sched_getscheduler(0), os.sched_getparam(0), set(os.listdir(_THREADS))
    try:
        yield
    finally:
        for thread in (0, *map(int, set(os.listdir(_THREADS)) - before)):
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setscheduler(thread, policy, parameter)


_THREADS = Path("/proc/self/task")


def in_srgb(pixels: Pixels, icc: bytes | None) -> Pixels:
    """Colours converted from the profile of a sequence's pictures, which video files do not keep."""
    if icc is None or pixels.ndim == 2:
        return pixels
    colours = converted(np.ascontiguousarray(pixels[..., :3]), icc, None)
    return np.dstack([colours, pixels[..., 3]]) if pixels.shape[2] == 4 else colours


def frame_of(pixels: Pixels, pixel_format: str, colour: Colour) -> av.VideoFrame:
    """A frame for the encoder from pixels as VideoWriter.write takes them."""
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


def _tag(target: VideoCodecContext | av.VideoFrame, colour: Colour) -> None:
    """Some encoders take the colour tags from the stream, others (ProRes) from the frames."""
    target.colorspace, target.color_primaries, target.color_trc = colour.matrix, colour.primaries, colour.transfer
    target.color_range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
