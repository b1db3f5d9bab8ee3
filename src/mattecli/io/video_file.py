"""A video file opened with PyAV: its decoded frames, from the beginning or from near a time, and its damage."""

import itertools
from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import cast

import av
from av.packet import Packet
from av.video.stream import VideoStream

from mattecli.io.video.length import declared_end, is_cut_off
from mattecli.io.video.opening import decoder_of, open_moving, picture_stream
from mattecli.io.video.tags import Tags, tags_of
from mattecli.io.video.timeline import Timeline, may_jump

_TIMES_BLOCKS = "mpeg"  # .mpg and .vob time blocks of frames, so after a seek frames have other times
_KEEPS_LENGTH = ("matroska", "avi")  # .mkv, .webm and .avi; of others FFmpeg estimates the length
_ROUNDS_TIMES = ("matroska", "flv", "asf", "mpegts")
_USUAL_RATE = Fraction(25)


class VideoFile:
    """The picture stream of a video file. damage: found so far, as the end of a sentence about the file, or None.
    interlaced: the number of frames flagged as interlaced so far.

    Raises InputError for a file that is missing, empty, a picture, sound only, or damaged at its beginning.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.damage: str | None = None
        self._wrong_length = ""
        self.interlaced = 0
        self._is_whole = True
        self._decoded = self._first = self._reached = 0
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    @property
    def stream(self) -> VideoStream:
        """The stream that is decoded."""
        return self._stream

    @property
    def time_base(self) -> Fraction:
        """Seconds a tick of its time stamps."""
        return Fraction(self._stream.time_base or Fraction(1, 1000))

    @property
    def rate(self) -> Fraction:
        """Frames a second on average, as the file states or FFmpeg estimates."""
        return Fraction(self._stream.average_rate or self._stream.guessed_rate or _USUAL_RATE)

    @property
    def rounds_times(self) -> bool:
        """Whether its container rounds times to ticks that do not fit the frame rate."""
        return self._container.format.name.startswith(_ROUNDS_TIMES)

    @property
    def step(self) -> int:
        """Ticks from frame to frame at that rate."""
        return max(1, round(1 / (self.rate * self.time_base)))

    @property
    def notes(self) -> tuple[str, ...]:
        """Further notes, complete after the last frame."""
        joins = self._timeline.joins
        times = "once" if joins == 1 else f"{joins} times"
        jumps = f"the time stamps of {self.source} jump {times}; the parts are joined, pictures and sound alike"
        return (*([jumps] if joins else []), *([self._wrong_length] if self._wrong_length else []))

    @property
    def tags(self) -> Tags:
        """The file's metadata."""
        return tags_of(self._container, self._stream)

    @property
    def audio(self) -> int:
        """The number of sound streams."""
        return len(self._container.streams.audio)

    @property
    def frame_count(self) -> int | None:
        """The number of frames, if the file states it; those that an edit list hides are not counted.

        Matroska's tag NUMBER_OF_FRAMES is ignored: FFmpeg copies it unchanged when it cuts a part out of a file.
        """
        if self._stream.frames and self._is_movie:
            return sum(not entry.is_discard for entry in self._stream.index_entries) or None
        return self._stream.frames or None

    @property
    def estimated_count(self) -> int | None:
        """The number of frames in the file's duration at its rate; None where it states none."""
        duration = self._container.duration
        return None if duration is None else round(Fraction(duration, av.time_base) * self.rate)

    @property
    def _is_movie(self) -> bool:
        """Whether this is .mp4, .mov or a related format, with an index of all frames."""
        return "mp4" in self._container.format.name

    def stamp(self, frame: av.VideoFrame) -> int | None:
        """A frame's time in ticks, where it has one. AVI has decoding times only, and FFmpeg's estimates from them run backwards."""
        return frame.dts if self._container.format.name == "avi" else frame.pts

    def frames(self, after: int | None = None) -> Generator[av.VideoFrame, None, None]:
        """Every frame from here to the end; packets before the tick `after` are not decoded. Damage is noted and skipped."""
        try:
            for packet in self._packets():
                if after is None or packet.dts is None or packet.dts >= after:
                    yield from self._frames_of(packet)
        except av.FFmpegError as error:
            self.damage = f"cannot be read beyond {self._seconds:.2f} s ({error.strerror})"
            yield from self._frames_of(None)
        self._note_shortage()

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """The packets of the pictures, their time stamps corrected; other streams show where a recording restarts."""
        streams = list(self._container.streams) if may_jump(self._container) else [self._stream]
        for packet in self._container.demux(streams):
            self._timeline.mend(packet)
            if packet.stream.index == self._stream.index:
                yield cast("Packet[VideoStream]", packet)

    def frames_from(self, goal: int) -> Iterator[av.VideoFrame]:
        """Frames from a key frame at or before the tick `goal` on, or all of them where seeking fails.

        Depending on the container a seek may land on a key frame after the goal, or on frames that need earlier ones. So frames before the
        first key frame are dropped, and when that is beyond the goal, the seek is repeated with an earlier target.
        """
        second = round(1 / self.time_base)
        before = 0
        while goal - before > self._first and self._container.format.name != _TIMES_BLOCKS:
            frames = self._frames_near(goal - before)
            if frames is None:
                break
            for frame in frames:
                stamp = self.stamp(frame)
                if stamp is None or stamp > goal:
                    break
                if frame.key_frame:
                    self.damage, self._is_whole = None, False
                    return itertools.chain([frame], frames)
            frames.close()
            before = 2 * before + second
        self._reopen()
        self.damage, self._is_whole, self._decoded = None, True, 0
        return self.frames()

    def _frames_near(self, tick: int) -> Generator[av.VideoFrame, None, None] | None:
        """Frames from near a tick on, by the container's index; where time stamps may jump, by reading up to there."""
        if may_jump(self._container):
            self._reopen()
            return self.frames(after=tick)
        try:
            self._container.seek(tick, stream=self._stream)
            self._decoder.flush_buffers()
        except av.FFmpegError:
            return None
        self._timeline = Timeline(self._container)
        return self.frames()

    def _reopen(self) -> None:
        self.close()
        self._open()

    def _open(self) -> None:
        self._container = open_moving(self.source)
        try:
            self._stream = picture_stream(self._container, self.source)
        except BaseException:
            self._container.close()
            raise
        self._decoder = decoder_of(self._stream)
        self._timeline = Timeline(self._container)

    def _frames_of(self, packet: "Packet[VideoStream] | None") -> Iterator[av.VideoFrame]:
        """The decoder's frames for a packet, or, for None, its remaining ones."""
        try:
            if packet is not None and packet.is_corrupt and "mpeg" not in self._container.format.name:
                self._note_damage()  # an incomplete packet at the end of the file; MPEG streams flag every seam so, which is harmless
                return
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            self._note_damage()
            return
        for frame in frames:
            self._count(frame)
            yield frame

    def _count(self, frame: av.VideoFrame) -> None:
        stamp = self.stamp(frame)
        if self._decoded == 0:
            self.damage = None  # a recording may begin with frames that need earlier ones
            self._first = self._reached = stamp or 0
        if stamp is not None:
            self._reached = max(self._reached, stamp + (frame.duration or self.step))
        self._decoded += 1
        self.interlaced += frame.interlaced_frame
        if frame.is_corrupt:
            self._note_damage()

    @property
    def _seconds(self) -> float:
        """The time decoded so far, from the first frame."""
        return float((self._reached - self._first) * self.time_base) if self._decoded else 0.0

    def _note_damage(self) -> None:
        self.damage = self.damage or f"is damaged or cut off at about {self._seconds:.2f} s"

    def _note_shortage(self) -> None:
        """Compare with the file's header, because a file cut between two packets ends without an error."""
        promised = self.frame_count if self._is_movie and self._is_whole else None  # .avi counts dropped frames as well
        if promised is not None:
            if self._decoded < promised:
                self.damage = self.damage or f"has only {self._decoded} of its {promised} frames"
        elif is_cut_off(self.source):
            self.damage = f"is cut off after {self._seconds:.2f} s"
        elif self._container.format.name.startswith(_KEEPS_LENGTH):
            self._note_length(declared_end(self._stream))

    def _note_length(self, end: Fraction | None) -> None:
        if end is not None and end - self._reached > 1.5 * self.step:
            claimed = float((end - self._first) * self.time_base)
            self._wrong_length = f"{self.source} says that it lasts {claimed:.2f} s, but its last frame ends at {self._seconds:.2f} s"
