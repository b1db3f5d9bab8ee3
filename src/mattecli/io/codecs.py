"""Tables of containers and codecs: for each file ending the codecs, pixel formats and sounds it supports. Does not load FFmpeg."""

from collections.abc import Mapping
from dataclasses import dataclass, field

CUTOUT, ALPHA = "cutout", "alpha"


@dataclass(frozen=True)
class Form:
    """How a codec stores one kind of picture: FFmpeg's pixel formats for an 8-bit clip and for a deeper one, and encoder options."""

    eight: str
    deep: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Coding:
    """Requested encoding. codec: one of CODECS, crf: its quality; None for the container's default. premultiplied: whether the colours of
    the frames are multiplied by their alpha."""

    codec: str | None = None
    crf: int | None = None
    premultiplied: bool = False


@dataclass(frozen=True)
class Codec:
    """A codec by its usual name.

    encoder: FFmpeg's name. colours, alpha, cutout: the forms of its pictures; None where it has no transparency. crf: its usual quality
    and its worst, or None. whole_chroma: its format for an odd side, which 4:2:0 does not allow. tag: the four letters in .mov/.mp4.
    limited: it has no full range. keeps_aspect: the shape of the pixels is stored with the pictures. cutout_if_asked: cut-outs
    are coded so only where it is named. told: notes for the user about each result, and of_cutouts: about each cut-out.
    quantised: FFmpeg finds a palette for each frame.
    """

    encoder: str
    colours: Form
    alpha: Form
    cutout: Form | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    crf: tuple[int, int] | None = None
    whole_chroma: Form | None = None
    tag: str | None = None
    limited: bool = False
    keeps_aspect: bool = False
    cutout_if_asked: bool = False
    told: str = ""
    of_cutouts: str = ""
    quantised: bool = False

    def form(self, kind: str) -> Form | None:
        """The form of a kind: cutout, alpha, or the colours of a foreground or composite."""
        return self.cutout if kind == CUTOUT else self.alpha if kind == ALPHA else self.colours


@dataclass(frozen=True)
class Container:
    """A file ending: FFmpeg's muxer and its options, the codecs (the first that suits is used), the sounds it takes as they are, and the
    encoder for other sounds, "" for a container without sound. texts, text_encoder: the same of subtitles. keeps_negative: time stamps
    before zero are possible. keeps_aspect: it has the pixels' shape. keeps_times: frames may follow each other unevenly."""

    muxer: str
    codecs: tuple[str, ...]
    sounds: frozenset[str] = frozenset()
    sound_encoder: str = ""
    texts: frozenset[str] = frozenset()
    text_encoder: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    keeps_negative: bool = True
    keeps_aspect: bool = True
    keeps_times: bool = True


_HALF = Form("yuv420p", "yuv420p10le")
_HALF_EIGHT = Form("yuv420p", "yuv420p")
_PACKED = Form("bgra", "bgra")
# The HQ profile stores a matte's luma as precisely as 4444, without the colour planes that a matte leaves empty; every program reads it.
_PRORES_HQ = Form("yuv422p10le", "yuv422p10le", {"profile": "hq"})

_RAW = Codec("rawvideo", Form("rgb24", "rgb48le"), Form("gray", "gray16le"), Form("rgba", "rgba64le"))

CODECS: Mapping[str, Codec] = {
    "prores": Codec(
        "prores_ks",
        colours=_PRORES_HQ,
        alpha=_PRORES_HQ,
        cutout=Form("yuva444p10le", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"}),
        # Some editors take only the vendor code of Apple's own encoder. The finest quantiser (1, in FFmpeg's unit of 118) is what the
        # encoder's search for one ends at with photographs; without the search it takes a quarter of the time.
        options={"vendor": "apl0", "flags": "+qscale", "global_quality": "118"},
        limited=True,
    ),
    "h264": Codec(
        "libx264",
        colours=_HALF_EIGHT,  # few players support its 10-bit profile
        alpha=_HALF_EIGHT,
        options={"preset": "medium"},
        crf=(18, 51),
        keeps_aspect=True,
        whole_chroma=Form("yuv444p", "yuv444p"),
    ),
    "hevc": Codec(
        "libx265",
        colours=_HALF,
        alpha=_HALF,
        cutout=Form("yuva420p", "yuva420p10le"),
        cutout_if_asked=True,  # few builds of x265 support it
        options={"preset": "medium", "x265-params": "log-level=none"},
        crf=(20, 51),
        keeps_aspect=True,
        whole_chroma=Form("yuv444p", "yuv444p10le"),
        tag="hvc1",  # the one of HEVC's two tags that Apple's programs open
    ),
    "vp9": Codec(
        "libvpx-vp9",
        colours=_HALF,
        alpha=_HALF,
        cutout=Form("yuva420p", "yuva420p", {"auto-alt-ref": "0"}),  # with hidden frames the encoder refuses alpha
        options={"deadline": "good", "cpu-used": "4", "row-mt": "1"},
        crf=(24, 63),
    ),
    "av1": Codec("libsvtav1", colours=_HALF, alpha=_HALF, options={"preset": "8"}, crf=(30, 63)),
    "ffv1": Codec(
        "ffv1",
        colours=Form("bgr0", "gbrp16le"),
        alpha=Form("gray", "gray16le"),
        cutout=Form("bgra", "gbrap16le"),
        options={"level": "3", "slicecrc": "1", "g": "1"},  # RFC 9043 version 3: a checksum a slice; every frame stands alone
    ),
    "apng": Codec(
        "apng",
        colours=Form("rgb24", "rgb48be"),
        alpha=Form("gray", "gray16be"),
        cutout=Form("rgba", "rgba64be"),
        options={"pred": "mixed"},
    ),
    "gif": Codec(
        "gif",
        colours=_PACKED,
        alpha=_PACKED,
        cutout=_PACKED,
        quantised=True,
        told="GIF shows 256 colours a frame, and counts hundredths of a second",
        of_cutouts="GIF's alpha has one bit: what is at least half opaque is opaque, the rest is gone; .webp and .apng keep soft edges",
    ),
    "webp": Codec("libwebp_anim", colours=_PACKED, alpha=_PACKED, cutout=_PACKED, options={"lossless": "0", "quality": "90"}),
    "y4m": Codec(
        "wrapped_avframe",
        colours=Form("yuv444p", "yuv444p16le"),
        alpha=Form("gray", "gray16le"),
        told="y4m does not say which matrix and range its colours have; they are those of the clip",
    ),
    "nut": _RAW,
    "raw": _RAW,
}

_MOVIE_SOUNDS = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
_MOVIE_TEXTS = frozenset({"mov_text"}), "mov_text"
_PCM = frozenset({"pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_s16be", "pcm_s24be", "pcm_s32be"})

CONTAINERS: Mapping[str, Container] = {
    ".mov": Container(
        "mov",
        ("prores", "h264", "hevc"),
        _MOVIE_SOUNDS | _PCM | {"pcm_f32be", "pcm_f64be", "pcm_alaw", "pcm_mulaw"},
        "aac",
        *_MOVIE_TEXTS,
    ),
    ".mp4": Container(
        "mp4", ("h264", "hevc", "av1"), _MOVIE_SOUNDS | {"mp2", "opus", "flac"}, "aac", *_MOVIE_TEXTS, {"movflags": "+faststart"}
    ),
    ".webm": Container(
        "webm",
        ("vp9", "av1"),
        frozenset({"opus", "vorbis"}),
        "libopus",
        frozenset({"webvtt"}),
        "webvtt",
        keeps_negative=False,
    ),
    ".mkv": Container(
        "matroska",
        ("ffv1", "prores", "vp9", "h264", "hevc", "av1"),
        _MOVIE_SOUNDS | _PCM | {"mp2", "opus", "vorbis", "flac", "dts", "truehd", "wavpack", "tta", "pcm_u8"},
        "flac",
        frozenset({"subrip", "ass", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}),
        "subrip",
        keeps_negative=False,
    ),
    ".gif": Container("gif", ("gif",), options={"loop": "0"}, keeps_aspect=False),
    ".webp": Container("webp", ("webp",), options={"loop": "0"}, keeps_aspect=False),
    ".apng": Container("apng", ("apng",), options={"plays": "0"}, keeps_aspect=False),
    ".y4m": Container("yuv4mpegpipe", ("y4m",), options={"strict": "-1"}, keeps_aspect=False, keeps_times=False),
    ".nut": Container("nut", ("nut",), keeps_negative=False, keeps_aspect=False),
    ".raw": Container("rawvideo", ("raw",), keeps_aspect=False, keeps_times=False),
}
"""Sounds are those that players expect in the container, not all that FFmpeg can mux."""
TAGGED = (".mov", ".mp4", ".webm", ".mkv")
"""The endings of files that keep the tags of colours."""
STREAMED = ("y4m", "nut", "raw")
"""The codecs for stdout, each of the ending of its name."""
