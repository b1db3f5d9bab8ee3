"""The encoding of a clip's results, from their file's ending, their kind and the requested codec. Does not load FFmpeg."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mattecli.errors import UsageError
from mattecli.io.clip_types import Clip, Mastering
from mattecli.io.codecs import CODECS, CONTAINERS, CUTOUT, STREAMED, TAGGED, Container
from mattecli.io.images import STANDARD_STREAM
from mattecli.io.sequence_write import check_sequence, sequence_pattern


@dataclass(frozen=True)
class Encoding:
    """All settings of an encoder. fallback: an 8-bit pixel format for a build of the encoder without a deeper one; notes: notes for the
    user about the choice. quantised: frames get a palette before they are encoded."""

    container: Container
    encoder: str
    pixel_format: str
    fallback: str
    options: Mapping[str, str]
    tag: str | None
    limited: bool
    notes: tuple[str, ...]
    quantised: bool = False


def check_destination(destination: str, *, kind: str, codec: str | None, crf: int | None = None) -> None:
    """Raise UsageError with one sentence when a clip of this kind cannot be written to `destination` with this codec and quality.

    destination: a file whose ending is one of CONTAINERS, "-" for stdout, a pattern of pictures such as frames/%05d.png, or a folder
    ending in a slash.
    kind: cutout | alpha | foreground | composite. codec: one of CODECS or None for the container's own choice.
    """
    pattern = sequence_pattern(destination)
    if pattern is None:
        _chosen_codec(destination, kind=kind, codec=codec, crf=crf)
        return
    check_sequence(pattern, kind=kind)
    if codec is not None or crf is not None:
        raise UsageError(f"{destination} becomes pictures, which have no codec; leave `codec` and `crf` away or name a video file")


def keeps_tags(destination: str) -> bool:
    """Whether a result carries colour tags."""
    return sequence_pattern(destination) is None and Path(destination).suffix.lower() in TAGGED


def _ending(destination: str, kind: str, codec: str | None) -> str:
    """The ending that decides a clip's format; UsageError for an unknown one. stdout takes formats that need no seeking."""
    if destination == STANDARD_STREAM:
        name = codec or ("nut" if kind == CUTOUT else "y4m")
        if name not in STREAMED:
            raise UsageError(f"{name} is not written to stdout; use `codec` {', '.join(STREAMED[:-1])} or {STREAMED[-1]}, or a file")
        return f".{name}"
    suffix = Path(destination).suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{destination}: clips are written as {', '.join(CONTAINERS)} or pictures such as frames/%05d.png; choose one of these"
        )
    return suffix


def encoding_for(destination: str, *, kind: str, clip: Clip, codec: str | None, crf: int | None) -> Encoding:
    """How the results of `clip` are encoded. Raises UsageError as check_destination does."""
    if codec is None and clip.colour.hdr and _ending(destination, kind, None) == ".mp4":
        codec = "hevc"  # what players expect of HDR, and H.264 keeps 8 bits
    name = _chosen_codec(destination, kind=kind, codec=codec, crf=crf)
    chosen, container = CODECS[name], CONTAINERS[_ending(destination, kind, codec)]
    notes = [text for text in (chosen.told, chosen.of_cutouts if kind == CUTOUT else "") if text]
    form, (height, width) = chosen.form(kind), clip.size
    assert form is not None, "checked above"
    if chosen.whole_chroma is not None and (width % 2 or height % 2):
        form = chosen.whole_chroma
        notes.append(f"{width}x{height} has an odd side, so {name} stores full colour (4:4:4), which some players do not show")
    pixel_format = form.deep if clip.bits > 8 else form.eight
    if clip.bits > 8 and form.deep == form.eight and not form.deep.endswith("le"):
        notes.append(eight_bit_note(name, kind, clip.bits))
    if clip.aspect != 1 and not (chosen.keeps_aspect or container.keeps_aspect):
        notes.append(f"the clip's pixels are {clip.aspect} times as wide as high; {name} in {container.muxer} cannot store that, .mov can")
    quality = {} if chosen.crf is None else {"crf": str(chosen.crf[0] if crf is None else crf)}
    if container.muxer == "rawvideo":
        notes.append(f"each raw frame is {width}x{height} {pixel_format}, and {float(clip.rate):.6g} come a second")
    options = {**chosen.options, **form.options, **quality}
    if clip.mastering is not None:
        stated = _mastering_options(name, clip.mastering, options)
        options |= stated
        notes += [] if stated else [f"{name} does not carry the mastering display and the content light levels; hevc and av1 do"]
    return Encoding(
        container, chosen.encoder, pixel_format, form.eight, options, chosen.tag, chosen.limited, tuple(notes), chosen.quantised
    )


def _mastering_options(codec: str, mastering: Mastering, options: Mapping[str, str]) -> dict[str, str]:
    """Encoder options with which a stream states its mastering; none for a codec that cannot."""
    words = []
    if codec == "hevc":
        if mastering.primaries and mastering.luminance:
            red, green, blue, white = (f"({round(x * 50000)},{round(y * 50000)})" for x, y in mastering.primaries)
            least, most = (round(value * 10000) for value in mastering.luminance)
            words = [f"master-display=G{green}B{blue}R{red}WP{white}L({most},{least})"]
        words += [f"max-cll={mastering.content[0]},{mastering.content[1]}"] if mastering.content else []
        return {"x265-params": ":".join([options["x265-params"], *words])}
    if codec == "av1":
        if mastering.primaries and mastering.luminance:
            red, green, blue, white = (f"({x:.5f},{y:.5f})" for x, y in mastering.primaries)
            darkest, brightest = mastering.luminance
            words = [f"mastering-display=G{green}B{blue}R{red}WP{white}L({brightest:.4f},{darkest:.4f})"]
        words += [f"content-light={mastering.content[0]},{mastering.content[1]}"] if mastering.content else []
        return {"svtav1-params": ":".join(words)}
    return {}


def eight_bit_note(codec: str, kind: str, bits: int) -> str:
    """A note about a deeper clip that is reduced to 8 bits."""
    article = "an" if kind == "alpha" else "a"
    return f"the clip has {bits} bits a channel and {codec} keeps 8 of {article} {kind}; .mov or .mkv keep more"


def _chosen_codec(destination: str, *, kind: str, codec: str | None, crf: int | None) -> str:
    suffix = _ending(destination, kind, codec)
    container = CONTAINERS[suffix]
    if codec is not None and codec not in CODECS:
        raise UsageError(f"there is no codec {codec!r}; choose one of {', '.join(CODECS)}")
    if codec is not None and codec not in container.codecs:
        raise UsageError(f"{suffix} files are not written with {codec}; use {' or '.join(container.codecs)}, or another ending")
    able = [name for name in container.codecs if CODECS[name].form(kind) is not None]
    if codec is None and kind == CUTOUT:
        able = [name for name in able if not CODECS[name].cutout_if_asked]
    if not able:
        raise UsageError(f"{suffix} cannot hold transparency; use {_transparent_endings()}, or a composite with `backdrop` white")
    name = able[0] if codec is None else codec
    if name not in able:
        raise UsageError(f"{name} carries no transparency; use {' or '.join(able)} in {suffix}, or a composite with `backdrop` white")
    _check_quality(name, crf)
    return name


def _check_quality(codec: str, crf: int | None) -> None:
    scale = CODECS[codec].crf
    if crf is None:
        return
    if scale is None:
        raise UsageError(f"{codec} has no quality setting; leave `crf` away")
    if not 0 <= crf <= scale[1]:
        raise UsageError(f"`crf` {crf} is out of range; {codec} takes 0 (best) to {scale[1]}, usually {scale[0]}")


def _transparent_endings() -> str:
    able = [
        ending
        for ending, container in CONTAINERS.items()
        if any(CODECS[name].cutout and not CODECS[name].cutout_if_asked for name in container.codecs)
    ]
    return f"{', '.join(able)} or pictures such as frames/%05d.png"
