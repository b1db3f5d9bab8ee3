"""A clip's sound, muxed into a result: packets are copied, or re-encoded where the container does not support their codec."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import inf
from typing import cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Discard

from mattecli.io.codecs import Container
from mattecli.io.video.opening import open_container
from mattecli.io.video.tags import copy_labels
from mattecli.io.video.timeline import Timeline, may_jump

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_RATES = {"aac": _AAC_RATES, "libopus": (48000,)}
_BITS_A_CHANNEL = {"aac": 96_000, "libopus": 80_000}
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_SEEK_MARGIN = 2  # seconds; a seek goes to a picture, and sound of the same time may precede it in the file


class _Track:
    """One sound stream and its output stream: `copied`, or decoded and re-encoded."""

    def __init__(self, source: AudioStream, output: OutputContainer, container: Container) -> None:
        context: AudioCodecContext = source.codec_context
        self.name = context.codec.canonical_name
        self.copied = _is_copied(source, container)
        self.mixed = "" if self.copied else _mixed(context)
        self._rate, self._frame_size = context.sample_rate, context.frame_size
        self._due: int | None = None
        self._last: Fraction | None = None
        self._container = output
        self._out = output.add_stream_from_template(source) if self.copied else _encoder(source, output, container.sound_encoder)
        copy_labels(source, self._out)

    def take(self, packet: "Packet[AudioStream]", origin: Fraction) -> None:
        """Mux one packet, shifted `origin` seconds earlier."""
        if self.copied:
            self._shift(packet, origin)
            self._mux([packet])
            return
        for frame in _decoded(packet):
            begin = _time(packet) if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
            frame.pts = self._begin(begin - origin, frame.samples, rate=frame.sample_rate, tick=packet.time_base)
            frame.time_base = Fraction(1, frame.sample_rate)
            self._mux(self._out.encode(frame))

    def finish(self) -> None:
        """Flush the encoder, also when it has received nothing."""
        if not self.copied and self._out.codec_context.is_open:
            self._mux(self._out.encode(None))

    def _mux(self, packets: "list[Packet[AudioStream]]") -> None:
        """Mux packets with increasing time stamps; those of damaged files may not increase, which a muxer rejects."""
        for packet in packets:
            stamp = packet.pts or 0
            if self._last is not None:
                stamp = max(stamp, self._last // packet.time_base + 1)
            self._last = stamp * packet.time_base
            packet.stream, packet.pts, packet.dts = self._out, stamp, stamp
            self._container.mux(packet)

    def _shift(self, packet: "Packet[AudioStream]", origin: Fraction) -> None:
        """Shift a packet's time stamp; in samples where packets have a fixed number of them (the last may have fewer)."""
        tick = packet.time_base
        samples = (packet.duration or 0) * tick * self._rate
        if self._frame_size and samples <= self._frame_size + tick * self._rate:
            full = samples >= self._frame_size - tick * self._rate
            packet.duration = self._frame_size if full else round(samples)
            packet.pts = self._begin(_time(packet) - origin, packet.duration, rate=self._rate, tick=tick)
            packet.time_base = Fraction(1, self._rate)
        else:
            packet.pts = (packet.pts or 0) - round(origin / tick)

    def _begin(self, seconds: Fraction, samples: int, *, rate: int, tick: Fraction) -> int:
        """The index of the first of `samples` at `rate`: the next one, unless the time stamp differs by more than its rounding.

        Matroska's milliseconds would otherwise become packets of uneven length in .mov and .mp4, and gaps in re-encoded sound.
        """
        begin = round(seconds * rate)
        if self._due is not None and abs(begin - self._due) <= tick * rate:
            begin = self._due
        self._due = begin + samples
        return begin


class Sound:
    """The sound streams of the clip `source`, muxed into `output` slightly ahead of the pictures, with one packet in memory at a time.

    trimmed: sound before the time given to `begin` is left out. end: where the sound stops, in the source's seconds, or None.
    `first` is the earliest sound's time in seconds, None for no sound; rates: samples a second of each stream. Damage in the source's
    sound ends the sound, not the result. notes: damage, and what was re-encoded.
    """

    def __init__(self, source: str, output: OutputContainer, container: Container, *, trimmed: bool, end: Fraction | None) -> None:
        self.notes: list[str] = []
        self._trimmed, self._end, self._origin = trimmed, end, Fraction(0)
        self._keeps_negative = container.keeps_negative
        self._source, self._input = source, open_container(source)
        self._states_delay = "matroska" in self._input.format.name
        self._may_jump = may_jump(self._input)
        for stream in self._input.streams:
            if stream.type != "audio" and not self._may_jump:
                stream.discard = Discard.all  # pictures are read by another reader
        decodable = [stream for stream in self._input.streams.audio if stream.codec_context is not None]
        known = [stream for stream in decodable if _is_copied(stream, container) or _can_be_mixed(stream)]
        self._tracks = {stream.index: _Track(stream, output, container) for stream in known}
        self._note_what_is_not_copied(len(self._input.streams.audio) - len(known), container)
        self.rates = [stream.codec_context.sample_rate for stream in known]
        begins = [stream.start_time * stream.time_base for stream in known if stream.start_time is not None and stream.time_base]
        self.first: Fraction | None = min(begins, default=None)
        self._packets = self._wanted(known)
        self._next: Packet[AudioStream] | None = None

    def begin(self, origin: Fraction) -> None:
        """Start: the time `origin` of the source, in seconds, becomes zero."""
        self._origin = origin
        self._next = next(self._packets, None)

    def up_to(self, seconds: float) -> None:
        """Mux the sound before `seconds` of the result; infinity for the rest."""
        while self._next is not None and _time(self._next) - self._origin <= seconds:
            self._tracks[self._next.stream_index].take(self._next, self._origin)
            self._next = next(self._packets, None)

    def finish(self) -> None:
        self.up_to(inf)
        for track in self._tracks.values():
            track.finish()

    def close(self) -> None:
        self._input.close()

    def _wanted(self, streams: Sequence[AudioStream]) -> "Iterator[Packet[AudioStream]]":
        """The packets of the requested part, in the order of the file."""
        over: set[int] = set()
        try:
            if self._trimmed and self._origin > _SEEK_MARGIN and not self._may_jump:
                self._input.seek(int((self._origin - _SEEK_MARGIN) * 1_000_000))
            for packet in self._mended(streams):
                if not packet.size or packet.pts is None:
                    continue
                if self._end is not None and _time(packet) >= self._end:
                    over.add(packet.stream_index)
                    if len(over) == len(streams):
                        return
                elif not self._too_early(packet):
                    yield packet
        except av.FFmpegError as error:
            self.notes.append(f"the sound of {self._source} breaks off ({error.strerror}); the rest of the result is silent")

    def _mended(self, streams: Sequence[AudioStream]) -> "Iterator[Packet[AudioStream]]":
        """Packets of these streams with corrected time stamps; where those may jump, the pictures' packets are used as well."""
        timeline, indices = Timeline(self._input), {stream.index for stream in streams}
        shown = list(self._input.streams) if self._may_jump else list(streams)
        for packet in self._input.demux(shown) if streams else ():
            timeline.mend(packet)
            if packet.stream.index in indices:
                yield cast("Packet[AudioStream]", packet)

    def _too_early(self, packet: "Packet[AudioStream]") -> bool:
        """Whether a packet is before the requested part, or before zero in a container without negative times.

        Such packets usually only prime a decoder and are not played. Matroska and Opus state them as a delay, which is passed on.
        """
        if self._trimmed or not (self._keeps_negative or self._states_delay or self._tracks[packet.stream_index].name == "opus"):
            return _time(packet) < self._origin
        return False

    def _note_what_is_not_copied(self, unknown: int, container: Container) -> None:
        names = dict.fromkeys(track.name for track in self._tracks.values() if not track.copied)
        target, home = container.sound_encoder.removeprefix("lib"), container.muxer
        self.notes += [f"the sound is {name}, which {home} files do not take; it is re-encoded as {target}" for name in names]
        self.notes += dict.fromkeys(track.mixed for track in self._tracks.values() if track.mixed)
        if unknown:
            self.notes.append(f"{unknown} sound stream{'s are' if unknown > 1 else ' is'} of a kind that is not known here and left out")


def _is_copied(source: AudioStream, container: Container) -> bool:
    return source.codec_context.codec.canonical_name in container.sounds


def _layout(context: AudioCodecContext) -> str:
    """The encoded channel layout: the source's number of channels where it is a usual one."""
    return _LAYOUTS.get(context.layout.nb_channels, "stereo")


def _mixed(context: AudioCodecContext) -> str:
    """A note where channels are mixed into fewer, else ""."""
    target = av.AudioLayout(_layout(context))
    count = context.layout.nb_channels
    return f"its {count} channels are mixed into {target.name}" if count != target.nb_channels else ""


def _can_be_mixed(source: AudioStream) -> bool:
    """Whether FFmpeg can mix the source's channels, some of which have no position."""
    context = source.codec_context
    try:
        silence = av.AudioFrame(context.format.name, context.layout, 64)
        silence.sample_rate = context.sample_rate
        av.AudioResampler(layout=_layout(context)).resample(silence)
    except (av.FFmpegError, ValueError):
        return False
    return True


def _encoder(source: AudioStream, output: OutputContainer, name: str) -> AudioStream:
    context: AudioCodecContext = source.codec_context
    rates = _RATES.get(name, (context.sample_rate,))
    stream = cast(AudioStream, output.add_stream(name, rate=context.sample_rate if context.sample_rate in rates else 48000))
    stream.codec_context.layout = _layout(context)
    if name in _BITS_A_CHANNEL:
        stream.codec_context.bit_rate = _BITS_A_CHANNEL[name] * stream.codec_context.layout.nb_channels
    return stream


def _decoded(packet: "Packet[AudioStream]") -> list[av.AudioFrame]:
    """The packet's frames; none for a damaged one, which players skip too."""
    try:
        return packet.decode()
    except av.error.InvalidDataError:
        return []


def _time(packet: "Packet[AudioStream]") -> Fraction:
    return (packet.pts or 0) * packet.time_base
