"""The contract of an export: one TorchScript file is one complete matting function.

In, in this order:
    image       float32 [B, 3, H, W], RGB, 0..1, any H and W from 1 up;
    trimap      float32 [B, 1, H, W], 0 background, 0.5 unknown, 1 foreground   (if the model declares it);
    background  float32 [B, 3, H, W], RGB, 0..1, the clean plate                (if the model declares it);
    mask        float32 [B, 1, H, W], 0..1, a rough person mask                 (if the model declares it);
    then the model's tunables, each with a default; what suits the weights in the file best is in `ExportInfo.options`.
Out:
    alpha       float32 [B, 1, H, W] in 0..1 at the image's size;
    foreground  float32 [B, 3, H, W] in 0..1, or None;
    verdict     float32 [B, 2] in 0..1, probability that the image shows a subject, and a person   (if the model declares it).

What a network's authors do around their network (channel order, normalisation, resizing, padding, trimap encoding, cropping back)
is written in torch inside the file, so the runtime is independent of the network.

The archive also carries `ExportInfo` as JSON in the extra file "matte.json". It can be read without torch, since a TorchScript
file is a zip archive.
"""

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mattecli.errors import ModelError

GUIDES = ("trimap", "background", "mask")
METADATA_FILE = "matte.json"
FORMAT = 1

Tunable = int | float | bool | str

# Bounds for a file's metadata, far above what any export of ours has.
LONGEST_INFO, LONGEST_WORD, MOST_OPTIONS, LARGEST_NUMBER = 1 << 20, 1000, 100, 1e12


SEES = ("all", "unknown", "square", "longest", "shortest", "each")


@dataclass(frozen=True)
class Footprint:
    """What one call takes beside the loaded model, as measured in float32: megabytes of 10^6 bytes, and megabytes a megapixel.

    `fixed` is taken always, `picture` per pixel of the picture, `seen` per pixel of the network's input. That input is given by `sees`:
    "all" of the picture; its "unknown" pixels; or, limited by the option named `bound`, a "square" of that side, or the picture with its
    "longest", its "shortest" or "each" side no longer than that. `solved` is taken per unknown pixel of that input, where a solver precedes
    the network.
    """

    fixed: float
    picture: float
    seen: float
    sees: str = "all"
    bound: str = ""
    solved: float = 0.0


@dataclass(frozen=True)
class ExportInfo:
    """The metadata of a TorchScript file.

    `guides` are the tensors it takes after the image, in the contract's order; `options` its tunables with the values that suit its
    weights, and `lossy_options` those that suit a photo from a lossy file (JPEG) better; `checkpoint_sha256` names the weights it was made
    from (None for a model without weights), and `weights` the set they are of; `memory` is None where it was not measured; `verdict`:
    whether it answers one. `finder` names the model that finds the part of a picture that this one is given, or is empty for all of it.
    """

    name: str
    architecture: str
    guides: tuple[str, ...]
    options: dict[str, Tunable]
    foreground: bool
    checkpoint_sha256: str | None
    licence: str
    versions: dict[str, str]
    lossy_options: dict[str, Tunable] = field(default_factory=dict)
    memory: Footprint | None = None
    verdict: bool = False
    weights: str = ""
    finder: str = ""
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def parse_info(text: str) -> ExportInfo:
    """Read `ExportInfo` back from its JSON; ModelError when it is not ours or newer than this version."""
    try:
        fields: dict[str, Any] = json.loads(text)
        if isinstance(fields.get("format"), int) and fields["format"] > FORMAT:
            raise ModelError(f"the export has format {fields['format']}, newer than this version understands; upgrade mattecli")
        memory = Footprint(**fields["memory"]) if fields.get("memory") else None
        info = ExportInfo(**{**fields, "guides": tuple(fields["guides"]), "memory": memory})
        if wrong := _wrong_fields(info):
            raise ValueError(f"its {', '.join(wrong)} {'are' if len(wrong) > 1 else 'is'} not as this program writes them")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        said = "".join(letter if letter.isprintable() else "?" for letter in str(error))[:200]
        raise ModelError(f"the export's metadata cannot be read ({said}); export the model again") from error
    return info


def _wrong_fields(info: ExportInfo) -> list[str]:
    """The fields whose type or value is not valid."""
    sound = {
        "name": _is_word(info.name) and bool(info.name),
        "architecture": _is_word(info.architecture),
        "guides": len(set(info.guides)) == len(info.guides) and all(guide in GUIDES for guide in info.guides),
        "options": _are_options(info.options),
        "lossy_options": _are_options(info.lossy_options) and info.lossy_options.keys() <= info.options.keys(),
        "foreground": isinstance(info.foreground, bool),
        "verdict": isinstance(info.verdict, bool),
        "weights": _is_word(info.weights),
        "finder": _is_word(info.finder) and (not info.finder or (not info.guides and "side" in info.options)),
        "checkpoint_sha256": info.checkpoint_sha256 is None or _is_word(info.checkpoint_sha256),
        "licence": _is_word(info.licence),
        "versions": isinstance(info.versions, dict) and all(_is_word(name) and _is_word(value) for name, value in info.versions.items()),
        "format": type(info.format) is int,
    }
    if info.memory is not None:
        sound["memory"] = _is_footprint(info.memory, info.options if sound["options"] else {})
    return [name for name, is_sound in sound.items() if not is_sound]


def _is_word(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_WORD and value.isprintable()


def _are_options(options: object) -> bool:
    return (
        isinstance(options, dict)
        and len(options) <= MOST_OPTIONS
        and all(_is_word(name) and name.isidentifier() and _is_tunable(value) for name, value in options.items())
    )


def _is_tunable(value: object) -> bool:
    return _is_word(value) or (isinstance(value, bool | int | float) and abs(value) <= LARGEST_NUMBER)


def _is_footprint(memory: Footprint, options: Mapping[str, object]) -> bool:
    counts = (memory.fixed, memory.picture, memory.seen, memory.solved)
    numbers = all(type(count) in (int, float) and 0 <= count <= LARGEST_NUMBER for count in counts)
    return numbers and memory.sees in SEES and (memory.bound == "" or type(options.get(memory.bound)) in (int, float))


def read_info(path: Path) -> ExportInfo:
    """The metadata of the export at `path`, read without torch.

    Raises ModelError for a file that is not a TorchScript archive or carries no metadata of ours.
    """
    if not path.is_file():
        what = f"{path} is no file" if path.exists() else f"there is no model file {path}"
        raise ModelError(f"{what}; check the path or name a model of `matte models list`")
    try:
        with zipfile.ZipFile(path) as archive:
            entry = next((name for name in archive.namelist() if name.endswith(f"/extra/{METADATA_FILE}")), None)
            text = _start_of(archive, entry).decode() if entry else None
    except (OSError, RuntimeError, ValueError, LookupError, EOFError, struct.error, zlib.error, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is not a TorchScript file; make one with `matte models export NAME -o {path.name}`") from error
    if text is None:
        raise ModelError(f"{path} carries no {METADATA_FILE}, so its inputs are unknown; make it with `matte models export`")
    return parse_info(text)


def _start_of(archive: zipfile.ZipFile, entry: str) -> bytes:
    """A member of an archive, of which no more than LONGEST_INFO bytes are unpacked; ValueError when it has more."""
    with archive.open(entry) as stream:
        content = stream.read(LONGEST_INFO + 1)
    if len(content) > LONGEST_INFO:
        raise ValueError("too long")
    return content
