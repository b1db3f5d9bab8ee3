"""A clip's subtitles, muxed into a result: packets are copied, or text is re-encoded where the container does not take its codec."""

from collections.abc import Iterator
from fractions import Fraction
from math import inf
from typing import Any

import av
from av.container import OutputContainer
from av.stream import Discard

from mattecli.io.codecs import Container
from mattecli.io.video.opening import open_container
from mattecli.io.video.tags import copy_labels
from mattecli.io.video.timeline import may_jump

_TEXTS = frozenset(("mov_text", "subrip", "ass", "webvtt", "text"))
"""Codecs of subtitles that are text, by FFmpeg's names; the others are bitmaps."""


class _Track:
    """One stream of subtitles and its output stream: `copied`, or decoded and re-encoded."""

    def __init__(self, source: Any, output: OutputContainer, container: Container) -> None:
        self.name = source.codec_context.codec.canonical_name
        self.copied = self.name in container.texts
        self._container, self._last = output, Fraction(0)
        if self.copied:
            self._out: Any = output.add_stream_from_template(source)
        else:
            source.codec_context.open(strict=False)  # makes the header that an encoder asks for
            self._out = output.add_stream(container.text_encoder)
            self._out.codec_context.subtitle_header = source.codec_context.subtitle_header
        copy_labels(source, self._out)

    def take(self, packet: Any, begin: Fraction, length: Fraction) -> None:
        """Mux one packet, shown from `begin` on for so long, in seconds of the result."""
        tick = packet.time_base
        if not self.copied:
            text = packet.stream.codec_context.decode2(packet)
            if text is None or not len(text.rects):
                return
            packet = self._out.codec_context.encode_subtitle(text)
        self._last = max(self._last, begin)
        packet.time_base = tick
        packet.pts = packet.dts = round(self._last / tick)
        packet.duration = round(length / tick)
        packet.stream = self._out
        self._container.mux(packet)


class Subtitles:
    """The subtitles of the clip `source` that the container takes, muxed into `output` slightly ahead of the pictures.

    end: where they stop, in the source's seconds, or None. What is shown when the result begins is shown from its beginning, unless it is
    a bitmap whose file does not state for how long. Damage in the source ends the subtitles, not the result. notes: damage, and what was
    re-encoded.
    """

    def __init__(self, source: str, output: OutputContainer, container: Container, *, end: Fraction | None) -> None:
        self.notes: list[str] = []
        self._source, self._end, self._origin = source, end, Fraction(0)
        self._input = open_container(source)
        taken = container.texts | (_TEXTS if container.text_encoder else frozenset())
        known = [] if may_jump(self._input) else [stream for stream in self._input.streams.subtitles if _name(stream) in taken]
        for stream in self._input.streams:
            if stream not in known:
                stream.discard = Discard.all
        self._tracks = {stream.index: _Track(stream, output, container) for stream in known}
        for name in dict.fromkeys(track.name for track in self._tracks.values() if not track.copied):
            told = f"the subtitles are {name}, which {container.muxer} files do not take; they are re-encoded as {container.text_encoder}"
            self.notes.append(told)
        self._packets = self._wanted(known)
        self._next: tuple[Any, Fraction, Fraction] | None = None

    def begin(self, origin: Fraction) -> None:
        """Start: the time `origin` of the source, in seconds, becomes zero."""
        self._origin = origin
        self._next = next(self._packets, None)

    def up_to(self, seconds: float) -> None:
        """Mux what begins before `seconds` of the result; infinity for the rest."""
        while self._next is not None and self._next[1] <= seconds:
            packet, begin, length = self._next
            self._tracks[packet.stream.index].take(packet, begin, length)
            self._next = next(self._packets, None)

    def finish(self) -> None:
        self.up_to(inf)

    def close(self) -> None:
        self._input.close()

    def _wanted(self, streams: list[Any]) -> Iterator[tuple[Any, Fraction, Fraction]]:
        """The packets of the requested part, each with its begin in the result and its length in seconds."""
        try:
            for packet in self._input.demux(streams) if streams else ():
                if not packet.size or packet.pts is None:
                    continue
                begin, until = self._shown(packet)
                if until > begin or (until == begin and not packet.duration):
                    yield packet, begin - self._origin, until - begin
        except av.FFmpegError as error:
            self.notes.append(f"the subtitles of {self._source} break off ({error.strerror}); the rest is left out")

    def _shown(self, packet: Any) -> tuple[Fraction, Fraction]:
        """Begin and end of a packet within the requested part, in the source's seconds; they are equal where its length is not stated."""
        stated = packet.pts * packet.time_base
        until = stated + (packet.duration or 0) * packet.time_base
        return max(stated, self._origin), until if self._end is None else min(until, self._end)


def _name(stream: Any) -> str | None:
    return None if stream.codec_context is None else stream.codec_context.codec.canonical_name
