"""A video file opened with PyAV: its decoded frames from the beginning or from near a time, and what was found wrong on the way."""

import itertools
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from mattecli.errors import InputError
from mattecli.io.files import reading

_PICTURE_BRANDS = ("heic", "heix", "mif1", "avif")
_MOVIE_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # bytes 4 to 8 of .mp4 and .mov
_OTHER_BEGINNINGS = (b"\x1aE\xdf\xa3", b"RIFF")  # .mkv and .webm, .avi
_TIMES_BLOCKS = "mpeg"  # .mpg and .vob give a time to a block of frames, so after a seek frames come with other times
_KEEPS_LENGTH = ("matroska", "avi")  # .mkv, .webm and .avi; of others FFmpeg estimates the length
_USUAL_RATE = Fraction(25)


class VideoFile:
    """The picture stream of a video file. damage: what was found wrong so far, as the end of a sentence about the file, or None.

    Raises InputError, one sentence each, for what is no video: missing, empty, a picture, sound only, a damaged beginning.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.damage: str | None = None
        self._is_whole = True
        self._decoded = self._first = self._reached = 0
        self._open()

    def close(self) -> None:
        """Let go of the file."""
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
        """Frames a second on average, as the file says or FFmpeg guesses."""
        return Fraction(self._stream.average_rate or self._stream.guessed_rate or _USUAL_RATE)

    @property
    def step(self) -> int:
        """Ticks from frame to frame at that rate."""
        return max(1, round(1 / (self.rate * self.time_base)))

    @property
    def audio(self) -> int:
        """How many sound streams there are."""
        return len(self._container.streams.audio)

    @property
    def frame_count(self) -> int | None:
        """How many frames there are, where the file says; those that an edit list hides are not counted.

        Matroska's tag NUMBER_OF_FRAMES is not believed: FFmpeg copies it unchanged when it cuts a part out of a file.
        """
        if self._stream.frames and self._is_movie:
            return sum(not entry.is_discard for entry in self._stream.index_entries) or None
        return self._stream.frames or None

    @property
    def _is_movie(self) -> bool:
        """Whether this is .mp4, .mov or their kin, with an index of all frames."""
        return "mp4" in self._container.format.name

    def stamp(self, frame: av.VideoFrame) -> int | None:
        """A frame's time in ticks, where it has one. AVI keeps times of decoding only, and what FFmpeg guesses from them runs backward."""
        return frame.dts if self._container.format.name == "avi" else frame.pts

    def frames(self) -> Generator[av.VideoFrame, None, None]:
        """Every frame from here to the end. Damage is noted and passed over."""
        try:
            for packet in self._container.demux(self._stream):
                yield from self._frames_of(packet)
        except av.FFmpegError as error:
            self.damage = f"cannot be read beyond {self._seconds:.2f} s ({error.strerror})"
            yield from self._frames_of(None)
        self._note_shortage()

    def frames_from(self, goal: int) -> Iterator[av.VideoFrame]:
        """Frames from a key frame at or before the tick `goal` on, or all of them where none can be found by seeking.

        Where a seek lands is up to the container: on a key frame after the goal, or amid frames that need earlier ones. So what comes
        before the first key frame is left out, and when that is beyond the goal, the next try begins earlier.
        """
        second = round(1 / self.time_base)
        before = 0
        while goal - before > self._first and self._container.format.name != _TIMES_BLOCKS:
            try:
                self._container.seek(goal - before, stream=self._stream)
            except av.FFmpegError:
                break
            frames = self.frames()
            for frame in frames:
                stamp = self.stamp(frame)
                if stamp is None or stamp > goal:
                    break
                if frame.key_frame:
                    self.damage, self._is_whole = None, False
                    return itertools.chain([frame], frames)
            frames.close()
            before = 2 * before + second
        self.close()
        self._open()
        self.damage, self._is_whole, self._decoded = None, True, 0
        return self.frames()

    def _open(self) -> None:
        self._container = _opened(self.source)
        try:
            self._stream = _picture_stream(self._container, self.source)
        except BaseException:
            self._container.close()
            raise
        self._stream.codec_context.thread_type = "AUTO"

    def _frames_of(self, packet: "Packet[VideoStream] | None") -> Iterator[av.VideoFrame]:
        """What the decoder gives for a packet, or, for None, what it still holds."""
        try:
            if packet is not None and packet.is_corrupt and "mpeg" not in self._container.format.name:
                self._note_damage()  # read only in part, for the file ends here; MPEG streams flag every seam, and the decoder knows better
                return
            frames = self._stream.decode(packet)
        except av.FFmpegError:
            self._note_damage()
            return
        for frame in frames:
            self._count(frame)
            yield frame

    def _count(self, frame: av.VideoFrame) -> None:
        stamp = self.stamp(frame)
        if self._decoded == 0:
            self.damage = None  # a recording may begin amid frames that need earlier ones
            self._first = self._reached = stamp or 0
        if stamp is not None:
            self._reached = max(self._reached, stamp + (frame.duration or self.step))
        self._decoded += 1
        if frame.is_corrupt:
            self._note_damage()

    @property
    def _seconds(self) -> float:
        """How far the decoder has got, from the first frame."""
        return float((self._reached - self._first) * self.time_base) if self._decoded else 0.0

    def _note_damage(self) -> None:
        self.damage = self.damage or f"is damaged or cut off at about {self._seconds:.2f} s"

    def _note_shortage(self) -> None:
        """Compare with what the file's header promised: a file cut between two packets ends without an error."""
        if not (self._is_movie or self._container.format.name.startswith(_KEEPS_LENGTH)):
            return
        end = _declared_end(self._stream)
        promised = self.frame_count if self._is_movie and self._is_whole else None  # .avi counts frames that were dropped as well
        if end is not None and end - self._reached > 1.5 * self.step:
            self.damage = f"is cut off after {self._seconds:.2f} s of {float((end - self._first) * self.time_base):.2f} s"
        elif promised is not None and self._decoded < promised:
            self.damage = self.damage or f"has only {self._decoded} of its {promised} frames"


def _declared_end(stream: VideoStream) -> Fraction | None:
    """The tick at which the last frame ends according to the header (in Matroska, to a tag written by FFmpeg and mkvmerge)."""
    if stream.duration is not None and stream.start_time is not None:
        return Fraction(stream.start_time + stream.duration)
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return (int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)) / Fraction(stream.time_base or 1)
    except (KeyError, ValueError):
        return None


def _opened(source: str) -> InputContainer:
    beginning = _beginning(source)
    try:
        # The prefix keeps FFmpeg from taking a name such as 12:30.mp4 for a protocol; the list keeps playlists off the network.
        container = av.open(f"file:{source}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except av.FFmpegError as error:
        if beginning[4:8] in _MOVIE_BOXES or beginning.startswith(_OTHER_BEGINNINGS):
            raise InputError(f"{source} is damaged or cut off, its header cannot be read ({error.strerror}); get a whole copy") from error
        raise InputError(f"{source} is not a video that this program reads; give a video file or a folder of frames") from error
    name = container.format.name
    if name.endswith("_pipe") or name == "image2" or container.metadata.get("major_brand", "").strip() in _PICTURE_BRANDS:
        container.close()
        raise InputError(f"{source} is a picture, not a clip; use `matte image` for it")
    if name == "tty":  # FFmpeg plays text files as terminal art
        container.close()
        raise InputError(f"{source} is a text file, not a video; give a video file or a folder of frames")
    return container


def _beginning(source: str) -> bytes:
    """The first bytes of the file, read to say plainly why it cannot be opened."""
    with reading(source), Path(source).open("rb") as file:
        beginning = file.read(16)
    if not beginning:
        raise InputError(f"{source} is empty (0 bytes); give a video")
    return beginning


def _picture_stream(container: InputContainer, source: str) -> VideoStream:
    """The stream FFmpeg thinks best among those that are no cover art."""
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        holds = "sound only" if container.streams.audio else "no frames"
        raise InputError(f"{source} holds {holds}; give a file with a video stream")
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) and best in moving else moving[0]
    if stream.codec_context is None:
        raise InputError(f"the frames of {source} are coded in a way that cannot be decoded; convert it to H.264 or ProRes first")
    return stream
