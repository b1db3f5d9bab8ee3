"""The contract of an export: one TorchScript file is one complete matting function.

In, in this order:
    image       float32 [B, 3, H, W], RGB, 0..1, any H and W from 1 up;
    trimap      float32 [B, 1, H, W], 0 background, 0.5 unknown, 1 foreground   (if the model declares it);
    background  float32 [B, 3, H, W], RGB, 0..1, the clean plate                (if the model declares it);
    mask        float32 [B, 1, H, W], 0..1, a rough person mask                 (if the model declares it);
    then the model's tunables, each with a default.
Out:
    alpha       float32 [B, 1, H, W] in 0..1 at the image's size;
    foreground  float32 [B, 3, H, W] in 0..1, or None;
    verdict     float32 [B, 2] in 0..1, how sure it is that the image shows a subject, and a person   (if the model declares it).

What a network's authors do around their network (channel order, normalisation, resizing, padding, trimap encoding, cropping back)
is written in torch and lives inside the file, so the runtime knows nothing of any network.

The archive also carries `ExportInfo` as JSON in the extra file "matte.json". It can be read without torch, since a TorchScript
file is a zip archive.
"""

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mattecli.errors import ModelError

GUIDES = ("trimap", "background", "mask")
METADATA_FILE = "matte.json"
FORMAT = 1

Tunable = int | float | bool | str


SEES = ("all", "unknown", "square", "longest", "shortest", "each")


@dataclass(frozen=True)
class Footprint:
    """What one call takes beside the loaded model, as measured in float32: megabytes of 10^6 bytes, and megabytes a megapixel.

    `fixed` is always taken, `picture` for each pixel of the picture, `seen` for each pixel that the network sees at once. Which these
    are says `sees`: "all" of the picture; its "unknown" pixels; or, with the option called `bound`, a "square" of that side, or the
    picture with its "longest" or its "shortest" side, or "each" side, no longer than that.
    """

    fixed: float
    picture: float
    seen: float
    sees: str = "all"
    bound: str = ""


@dataclass(frozen=True)
class ExportInfo:
    """What a TorchScript file says about itself.

    `guides` are the tensors it takes after the image, in the contract's order; `options` its tunables with their defaults and
    `lossy_options` those that suit a photo from a lossy file (JPEG) better; `checkpoint_sha256` names the weights it was made from
    (None for a model without weights); `memory` is None where it was never measured; `verdict`: whether it answers one.
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
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def parse_info(text: str) -> ExportInfo:
    """Read `ExportInfo` back from its JSON; ModelError when it is not ours or newer than this version."""
    try:
        fields: dict[str, Any] = json.loads(text)
        memory = Footprint(**fields["memory"]) if fields.get("memory") else None
        info = ExportInfo(**{**fields, "guides": tuple(fields["guides"]), "memory": memory})
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"the export's metadata cannot be read ({error}); export the model again") from error
    if info.format > FORMAT:
        raise ModelError(f"the export has format {info.format}, newer than this version understands; upgrade mattecli")
    return info


def read_info(path: Path) -> ExportInfo:
    """The metadata of the export at `path`, read without torch.

    Raises ModelError for a file that is not a TorchScript archive or carries no metadata of ours.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entry = next((name for name in archive.namelist() if name.endswith(f"/extra/{METADATA_FILE}")), None)
            text = archive.read(entry).decode() if entry else None
    except FileNotFoundError as error:
        raise ModelError(f"there is no model file {path}; check the path or name a model of `matte models list`") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is not a TorchScript file; make one with `matte models export NAME -o {path.name}`") from error
    if text is None:
        raise ModelError(f"{path} carries no {METADATA_FILE}, so its inputs are unknown; make it with `matte models export`")
    return parse_info(text)
