"""What a clip is written as: for each file ending the codecs, pixel formats and sounds it takes. Tables only; no FFmpeg is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mattecli.errors import UsageError
from mattecli.io.clip_types import Clip
from mattecli.io.sequence_write import check_sequence, sequence_pattern

CUTOUT, ALPHA = "cutout", "alpha"


@dataclass(frozen=True)
class Form:
    """How one kind of picture is stored by a codec: FFmpeg's pixel format for an 8-bit clip and for a deeper one, and encoder options."""

    eight: str
    deep: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Codec:
    """A codec as people name it.

    encoder: FFmpeg's name. colours, alpha, cutout: the forms of its pictures; None where it has no transparency. crf: its usual quality
    and the worst it knows, or None. whole_chroma: its format when a side is odd and 4:2:0 cannot be. tag: the four letters in .mov/.mp4.
    limited: there is no full range in it. keeps_aspect: the shape of the pixels is stored with the pictures.
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

    def form(self, kind: str) -> Form | None:
        """The form of a kind: cutout, alpha, or the colours of a foreground or composite."""
        return self.cutout if kind == CUTOUT else self.alpha if kind == ALPHA else self.colours


@dataclass(frozen=True)
class Container:
    """A file ending: FFmpeg's muxer and its options, the codecs (the first that suits is used), the sounds it takes as they are, and the
    encoder for other sounds. keeps_negative: time stamps before zero are possible. keeps_aspect: PyAV has it write the pixels' shape."""

    muxer: str
    codecs: tuple[str, ...]
    sounds: frozenset[str]
    sound_encoder: str
    options: Mapping[str, str] = field(default_factory=dict)
    keeps_negative: bool = True
    keeps_aspect: bool = True


@dataclass(frozen=True)
class Encoding:
    """All that an encoder must be told. fallback: an 8-bit pixel format for a build of the encoder that knows no more; notes: what
    a person should know about the choice."""

    encoder: str
    pixel_format: str
    fallback: str
    options: Mapping[str, str]
    tag: str | None
    limited: bool
    notes: tuple[str, ...]


_HALF = Form("yuv420p", "yuv420p10le")
_HALF_EIGHT = Form("yuv420p", "yuv420p")
# The HQ profile stores the luma of a matte as finely as 4444 does, without the colour planes a matte leaves empty; every program reads it.
_PRORES_HQ = Form("yuv422p10le", "yuv422p10le", {"profile": "hq"})

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
        colours=_HALF_EIGHT,  # its 10-bit profile plays hardly anywhere
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
    "ffv1": Codec(
        "ffv1",
        colours=Form("bgr0", "gbrp16le"),
        alpha=Form("gray", "gray16le"),
        cutout=Form("bgra", "gbrap16le"),
        options={"level": "3", "slicecrc": "1", "g": "1"},  # RFC 9043 version 3: a checksum a slice; every frame stands alone
    ),
}

_MOVIE_SOUNDS = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
_PCM = frozenset({"pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_s16be", "pcm_s24be", "pcm_s32be"})

CONTAINERS: Mapping[str, Container] = {
    ".mov": Container(
        "mov",
        ("prores", "h264", "hevc"),
        _MOVIE_SOUNDS | _PCM | {"pcm_f32be", "pcm_f64be", "pcm_alaw", "pcm_mulaw"},
        "aac",
    ),
    ".mp4": Container("mp4", ("h264", "hevc"), _MOVIE_SOUNDS | {"mp2", "opus", "flac"}, "aac", {"movflags": "+faststart"}),
    ".webm": Container("webm", ("vp9",), frozenset({"opus", "vorbis"}), "libopus", keeps_negative=False, keeps_aspect=False),
    ".mkv": Container(
        "matroska",
        ("ffv1", "prores", "vp9", "h264", "hevc"),
        _MOVIE_SOUNDS | _PCM | {"mp2", "opus", "vorbis", "flac", "dts", "truehd", "wavpack", "tta", "pcm_u8"},
        "flac",
        keeps_negative=False,
        keeps_aspect=False,
    ),
}
"""The sounds are those that players expect in the container, not all that FFmpeg would put there."""


def check_destination(destination: str, *, kind: str, codec: str | None, crf: int | None = None) -> None:
    """Raise UsageError with one sentence when a clip of this kind cannot be written to `destination` with this codec and quality.

    destination: a file (.mov, .mp4, .webm, .mkv), a pattern of pictures such as frames/%05d.png, or a folder ending in a slash.
    kind: cutout | alpha | foreground | composite. codec: one of CODECS or None for the container's own choice.
    """
    pattern = sequence_pattern(destination)
    if pattern is None:
        _chosen_codec(destination, kind=kind, codec=codec, crf=crf)
        return
    check_sequence(pattern, kind=kind)
    if codec is not None or crf is not None:
        raise UsageError(f"{destination} becomes pictures, which have no codec; leave --codec and --crf away or name a video file")


def container_of(destination: str) -> Container:
    """The container that the file's ending names; UsageError for an unknown ending."""
    suffix = Path(destination).suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{destination}: clips are written as {', '.join(CONTAINERS)} or pictures such as frames/%05d.png; choose one of these"
        )
    return CONTAINERS[suffix]


def encoding_for(destination: str, *, kind: str, clip: Clip, codec: str | None, crf: int | None) -> Encoding:
    """How the results of `clip` are encoded. Raises UsageError as check_destination does."""
    name = _chosen_codec(destination, kind=kind, codec=codec, crf=crf)
    chosen, container, notes = CODECS[name], container_of(destination), []
    form, (height, width) = chosen.form(kind), clip.size
    assert form is not None, "checked above"
    if chosen.whole_chroma is not None and (width % 2 or height % 2):
        form = chosen.whole_chroma
        notes.append(f"{width}x{height} has an odd side, so {name} stores full colour (4:4:4), which some players do not show")
    pixel_format = form.deep if clip.bits > 8 else form.eight
    if clip.bits > 8 and form.deep == form.eight and not form.deep.endswith("le"):
        notes.append(eight_bit_note(name, kind, clip.bits))
    if clip.aspect != 1 and not (chosen.keeps_aspect or container.keeps_aspect):
        notes.append(f"the clip's pixels are {clip.aspect} times as wide as high; {name} in {container.muxer} forgets that, .mov keeps it")
    quality = {} if chosen.crf is None else {"crf": str(chosen.crf[0] if crf is None else crf)}
    options = {**chosen.options, **form.options, **quality}
    return Encoding(chosen.encoder, pixel_format, form.eight, options, chosen.tag, chosen.limited, tuple(notes))


def eight_bit_note(codec: str, kind: str, bits: int) -> str:
    """What to say when a deeper clip is narrowed."""
    return f"the clip has {bits} bits a channel and {codec} keeps 8 of a {kind}; .mov or .mkv keep more"


def _chosen_codec(destination: str, *, kind: str, codec: str | None, crf: int | None) -> str:
    container, suffix = container_of(destination), Path(destination).suffix.lower()
    if codec is not None and codec not in CODECS:
        raise UsageError(f"there is no codec {codec!r}; choose one of {', '.join(CODECS)}")
    if codec is not None and codec not in container.codecs:
        raise UsageError(f"{suffix} files are not written with {codec}; use {' or '.join(container.codecs)}, or another ending")
    able = [name for name in container.codecs if CODECS[name].form(kind) is not None]
    if not able:
        raise UsageError(f"{suffix} cannot hold transparency; use {_transparent_endings()}, or --as composite --over white")
    name = able[0] if codec is None else codec
    if name not in able:
        raise UsageError(f"{name} carries no transparency; use {' or '.join(able)} in {suffix}, or --as composite --over white")
    _check_quality(name, crf)
    return name


def _check_quality(codec: str, crf: int | None) -> None:
    scale = CODECS[codec].crf
    if crf is None:
        return
    if scale is None:
        raise UsageError(f"{codec} has no quality setting; leave --crf away")
    if not 0 <= crf <= scale[1]:
        raise UsageError(f"--crf {crf} is out of range; {codec} takes 0 (best) to {scale[1]}, usually {scale[0]}")


def _transparent_endings() -> str:
    able = [ending for ending, container in CONTAINERS.items() if any(CODECS[name].cutout for name in container.codecs)]
    return f"{', '.join(able)} or pictures such as frames/%05d.png"
