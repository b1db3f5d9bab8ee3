"""Makes the files of a request: the only module of the service that calls the Python door."""

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mattecli
from mattecli.errors import MatteError, ModelError, UsageError
from mattecli.io.images import write_image
from mattecli.pipelines.trimaps import parse_band, parse_growth, process_mask, process_strokes
from mattecli.requests.photos import Job
from mattecli.serve.forms.asked import Asked, AskedTrimap
from mattecli.serve.problems import problem_of
from mattecli.serve.settings import Settings

if TYPE_CHECKING:
    from mattecli import Matte, Model, OutputOptions

MOST_MODELS = 4
"""Models that are kept loaded; the one that was used longest ago leaves first."""

MOST_TOGETHER = 8
"""Photos in one pass through the network on a GPU."""


Work = Asked | AskedTrimap


@dataclass(frozen=True)
class Made:
    """The files of a result by kind, and the record for the client."""

    files: dict[str, Path]
    record: dict[str, Any]


class Engine:
    """Loads models and makes mattes. `together` may be called from another thread, everything else from one thread only."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: OrderedDict[tuple[str | None, tuple[str, ...]], Model] = OrderedDict()
        self._most_together = 1

    def warm(self) -> "Model":
        """Load the model for requests without guides."""
        model = self._model_for(None, ())
        self._most_together = MOST_TOGETHER if model.device.startswith("cuda") else 1
        return model

    def together(self, works: Sequence[Work]) -> int:
        """The number of leading works that share one pass through the network: similar ones on a GPU, else 1."""
        first = _likeness(works[0])
        return sum(1 for _ in takewhile(lambda asked: _likeness(asked) == first, works[: self._most_together]))

    def make_all(self, works: Sequence[Work]) -> "list[Made | Exception]":
        """Each work's result, or the exception that it raised; several works are of one batch."""
        mattes = [work for work in works if isinstance(work, Asked)]
        if len(mattes) > 1:
            try:
                return list(self.make(mattes))
            except MatteError:
                pass  # one of them failed, so each is made alone
        return [self._attempt(work) for work in works]

    def _attempt(self, asked: Work) -> Made | Exception:
        try:
            return _made_trimap(asked) if isinstance(asked, AskedTrimap) else self.make([asked])[0]
        except MatteError as error:
            return problem_of(error, str(asked.image.parent))
        except Exception as error:
            return error

    def make(self, works: Sequence[Asked]) -> list[Made]:
        """Write the requested results of each work beside its photo; the works are of one batch. Raises MatteError."""
        begin = time.perf_counter()
        asked = works[0]
        self._check_name(asked.model, "model")
        if asked.refine not in (None, "auto", "none"):
            self._check_name(asked.refine, "refine")
        model = self._model_for(asked.model, tuple(asked.guides)).at(asked.quality)
        recipe = model.recipe(asked.guides, refine=asked.refine, options=asked.options)
        mattes = model.batch([work.image for work in works], [work.guides for work in works], recipe=recipe)
        return [_made(model, matte, work, begin) for matte, work in zip(mattes, works, strict=True)]

    def _check_name(self, name: str | None, field: str) -> None:
        """RequestError unless the name is one of the registry: a path from a client must never be opened."""
        if name is not None and name not in {entry.name for entry in mattecli.models()}:
            raise ModelError(f"{field}: there is no model {name[:60]!r}; GET /v1/models lists them")

    def _model_for(self, name: str | None, guides: tuple[str, ...]) -> "Model":
        if name is None and self._settings.model is not None:
            model = self._loaded(self._settings.model, (), offline=False)
            if _fits(model, guides):
                return model
        return self._loaded(name, guides if name is None else (), offline=not self._settings.may_pull)

    def _loaded(self, name: str | None, guides: tuple[str, ...], *, offline: bool) -> "Model":
        key = (name, tuple(sorted(guides)))
        if key not in self._open:
            self._open[key] = mattecli.load(name, guides=guides, device=self._settings.device, offline=offline)
        self._open.move_to_end(key)
        while len(self._open) > MOST_MODELS:
            self._open.popitem(last=False)
        return self._open[key]


def _fits(model: "Model", guides: Iterable[str]) -> bool:
    """Whether a model takes these guides, where none of its own are missing."""
    try:
        model.prepare(guides=guides)
    except UsageError:
        return not guides  # the error then states what the model needs
    return True


def _likeness(asked: Work) -> tuple[object, ...]:
    if isinstance(asked, AskedTrimap):
        return (id(asked),)
    return asked.size, asked.model, asked.refine, asked.quality, sorted(asked.guides), sorted(asked.options.items())


def _made(model: "Model", matte: "Matte", asked: Asked, begin: float) -> Made:
    files: dict[str, Path] = {}
    notes = dict.fromkeys(matte.notes)
    for kind in asked.kinds:
        if kind == "trimap":
            files |= _write_trimap(matte, asked.image.with_name("result_trimap.png"))
            continue
        output = _output(kind, asked)
        files[kind] = asked.image.with_name(f"result_{kind}{asked.suffix}")
        _write(matte, output, files[kind], asked.most_pixels)
        notes |= dict.fromkeys(matte.notes_of(output))
    if not files:
        raise UsageError(f"{model.name} made its matte without a trimap; ask for the alpha")
    record = matte.record()
    width, height = record.pop("size")
    told = {"width": width, "height": height, "seconds": round(time.perf_counter() - begin, 4), "notes": list(notes)}
    return Made(files, record | told)


def _made_trimap(asked: AskedTrimap) -> Made:
    """Write a trimap beside its source. Raises MatteError."""
    begin = time.perf_counter()
    file = asked.image.with_name("result_trimap.png")
    band = parse_band(asked.band)
    if asked.strokes is None:
        made = process_mask(Job(str(asked.image), str(file), {}), band=band)
    else:
        growth = parse_growth(asked.grow)
        made = process_strokes(Job(str(asked.image), str(file), {"strokes": str(asked.strokes)}), growth=growth, band=band)
    shares = {name: round(getattr(made, name), 4) for name in ("foreground", "background", "unknown")}
    height, width = made.size
    seconds = round(time.perf_counter() - begin, 4)
    return Made({"trimap": file}, {**shares, "width": width, "height": height, "seconds": seconds, "notes": list(made.warnings)})


def _output(kind: str, asked: Asked) -> "OutputOptions":
    output = mattecli.OutputOptions(kind=kind)
    if kind != "composite":
        return output
    return replace(output, backdrop=mattecli.open_backdrop(asked.over or "white", fit=asked.fit))


def _write(matte: "Matte", output: "OutputOptions", file: Path, most_pixels: int | None) -> None:
    height, width = matte.size
    if most_pixels is None or height * width <= most_pixels:
        matte.save(file, output)
        return
    scale = (most_pixels / (height * width)) ** 0.5
    picture = _picture(matte, output)
    mode = picture.mode
    # Colours are averaged with alpha as weight, so that transparent pixels do not bleed into opaque ones.
    premultiplied = picture.convert("RGBa") if mode == "RGBA" else picture
    small = premultiplied.resize((max(1, int(width * scale)), max(1, int(height * scale))), reducing_gap=3.0)
    small.convert(mode).save(file, icc_profile=None if mode == "L" else matte.icc)


def _picture(matte: "Matte", output: "OutputOptions") -> Any:
    """The array as a Pillow image."""
    if output.kind == "composite":
        return matte.over(output.backdrop)
    return matte.cutout().getchannel("A") if output.kind == "alpha" else matte.cutout()


def _write_trimap(matte: "Matte", file: Path) -> dict[str, Path]:
    """Write the trimap that the model was given, without loss, if there was one."""
    if matte.trimap is None:
        return {}
    write_image(matte.trimap, file)
    return {"trimap": file}
