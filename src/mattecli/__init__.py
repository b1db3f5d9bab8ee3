"""Cut people and things out of photographs and video, with their hair on.

    import mattecli

    model = mattecli.load("modnet")
    matte = model("photo.jpg")
    matte.save("cutout.png")

Names are imported on first use: `import mattecli` loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mattecli.errors import MatteError

if TYPE_CHECKING:
    from mattecli.compositing.output import OutputOptions
    from mattecli.door.catalogue import ModelEntry, models
    from mattecli.door.inputs import PictureFile, open_backdrop
    from mattecli.door.matte import Matte
    from mattecli.door.model import Model, load
    from mattecli.door.video import matte_video
    from mattecli.io.pictures.file_options import FileOptions
    from mattecli.pipelines.video import ClipResult
    from mattecli.requests.pictures import Framing

__version__ = "0.1.0"
__all__ = [
    "ClipResult",
    "FileOptions",
    "Framing",
    "Matte",
    "MatteError",
    "Model",
    "ModelEntry",
    "OutputOptions",
    "PictureFile",
    "load",
    "matte_video",
    "models",
    "open_backdrop",
]

_HOMES = {
    "ClipResult": "mattecli.pipelines.video",
    "FileOptions": "mattecli.io.pictures.file_options",
    "Framing": "mattecli.requests.pictures",
    "Matte": "mattecli.door.matte",
    "Model": "mattecli.door.model",
    "ModelEntry": "mattecli.door.catalogue",
    "OutputOptions": "mattecli.compositing.output",
    "PictureFile": "mattecli.door.inputs",
    "load": "mattecli.door.model",
    "matte_video": "mattecli.door.video",
    "models": "mattecli.door.catalogue",
    "open_backdrop": "mattecli.door.inputs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
