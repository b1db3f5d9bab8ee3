"""Opening of video files by content: other files that they reference are not opened, and sizes are limited."""

import stat
from functools import lru_cache
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from mattecli.errors import InputError
from mattecli.io.files import reading
from mattecli.io.pictures.formats import is_photo
from mattecli.io.pictures.sizes import MAX_MEGAPIXELS, check_size

_PICTURE_BRANDS = ("heic", "heix", "mif1", "avif")
_MOVIE_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # bytes 4 to 8 of .mp4 and .mov
_OTHER_BEGINNINGS = (b"\x1aE\xdf\xa3", b"RIFF")  # .mkv and .webm, .avi
_LIST_BEGINNINGS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD")
# Demuxers that open files, addresses or devices named in a file, or generate pictures from a description.
_LISTS = ("concat", "dash", "dvdvideo", "hls", "image2", "imf", "mlv", "rtp", "rtsp", "sap", "sdp", "vobsub", "webm_dash_manifest")
_SCRIPTS = ("avisynth", "lavfi", "vapoursynth")
_DEVICES = ("alsa", "fbdev", "iec61883", "jack", "kmsgrab", "libcdio", "libdc1394", "openal", "oss", "pulse", "sndio", "v4l2", "x11grab")
_READ_TRANSPARENCY = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_NOT_ONE_FILE = frozenset((*_LISTS, *_SCRIPTS, *_DEVICES))


def open_container(source: str) -> InputContainer:
    """Open a video file without opening others that it names. Raises InputError for anything else."""
    beginning = _beginning(source)
    # The prefix keeps FFmpeg from taking a name such as 12:30.mp4 for a protocol; the lists keep playlists off other files and the network.
    options = {"protocol_whitelist": "file", "format_whitelist": _single_file_formats()}
    try:
        return av.open(f"file:{source}", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(_why_not(source, beginning, error)) from error


def open_moving(source: str) -> InputContainer:
    """Open a clip. Raises InputError also for a still picture and for text."""
    container = open_container(source)
    name = container.format.name
    if name.endswith("_pipe") or container.metadata.get("major_brand", "").strip() in _PICTURE_BRANDS:
        container.close()
        raise InputError(_is_picture(source))
    if name == "tty":  # FFmpeg plays text files as terminal art
        container.close()
        raise InputError(f"{source} is a text file, not a video; give a video file or a folder of frames")
    return container


def picture_stream(container: InputContainer, source: str) -> VideoStream:
    """FFmpeg's best video stream that is not cover art.

    Raises InputError where there is none, or its frames are too large; frames that grow later are damage.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        holds = "sound only" if container.streams.audio else "no frames"
        raise InputError(f"{source} holds {holds}; give a file with a video stream")
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) and best in moving else moving[0]
    context = stream.codec_context
    if context is None:
        raise InputError(f"the frames of {source} are coded in a way that cannot be decoded; convert it to H.264 or ProRes first")
    check_size(source, (context.height, context.width), length=Path(source).stat().st_size)
    return stream


def decoder_of(stream: VideoStream) -> VideoCodecContext:
    """The decoder of a stream: its own, or libvpx's for a WebM file with alpha, which only libvpx decodes."""
    decoder = stream.codec_context
    name = _READ_TRANSPARENCY.get(decoder.name) if stream.metadata.get("alpha_mode") == "1" else None
    if name in av.codecs_available:
        decoder = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
        decoder.extradata = stream.codec_context.extradata
    decoder.options = {**decoder.options, "max_pixels": str(MAX_MEGAPIXELS * 10**6)}
    decoder.thread_type = "AUTO"
    return decoder


@lru_cache(maxsize=1)
def _single_file_formats() -> str:
    """FFmpeg's formats of a single file."""
    return ",".join(sorted(name for name in av.formats_available if not _NOT_ONE_FILE & set(name.split(","))))


def _why_not(source: str, beginning: bytes, error: av.FFmpegError) -> str:
    if beginning.lstrip().startswith(_LIST_BEGINNINGS):
        return f"{source} is a list of other files, which are not opened; give the video itself"
    if beginning[4:8] in _MOVIE_BOXES or beginning.startswith(_OTHER_BEGINNINGS):
        return f"{source} is damaged or cut off, its header cannot be read ({error.strerror}); get a whole copy"
    if is_photo(source):
        return _is_picture(source)  # a JPEG whose size FFmpeg reads is one picture of a sequence to it, which is not opened
    return f"{source} is not a video that this program reads; give a video file or a folder of frames"


def _is_picture(source: str) -> str:
    return f"{source} is a picture, not a clip; use `matte image` for it"


def _beginning(source: str) -> bytes:
    """The first bytes of the file, read for a precise error message."""
    with reading(source):
        if not stat.S_ISREG(Path(source).stat().st_mode):
            raise InputError(f"{source} is no file but a pipe or a device, and a clip is read more than once; save it as a file first")
        with Path(source).open("rb") as file:
            beginning = file.read(16)
    if not beginning:
        raise InputError(f"{source} is empty (0 bytes); give a video")
    return beginning
