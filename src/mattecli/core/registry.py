"""models.toml -> ModelSpec: the models, their guides and the sources of their weights. No torch here."""

import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from mattecli.core.contract import GUIDES, SEES, Footprint, Tunable, read_info
from mattecli.errors import ModelError, UnknownModelError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


AUTHORS = "authors"
"""The weight set of a network's authors, or of those who published it."""

OURS = "ours"
"""A weight set of this project; the names of its releases begin so."""


@dataclass(frozen=True)
class WeightFile:
    """One published file: `name` as published, sources in order of preference, the sha256 that makes it trustworthy.

    `by_hand` is one sentence on how a user gets the file where no plain download exists. `shipped`: it is part of this package and needs
    no source.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str | None
    bytes: int | None = None
    by_hand: str = ""
    shipped: bool = False

    @property
    def sha256_begins(self) -> str:
        """The known beginning of its hash: all of it, or the digits that torch.hub puts at the end of a name (-647f24b6.pth)."""
        named = re.search(r"-([0-9a-f]{8,64})\.(?:pth|pt|ckpt|tar)$", self.name)
        return self.sha256 or (named[1] if named else "")


@dataclass(frozen=True)
class ModelSpec:
    """One table of models.toml.

    `architecture` names the file in nets/; `build` goes to its build() and wrap(); `options` are the tunables of the export with
    their defaults, `lossy_options` what suits photos from lossy files better; `memory` is what a call takes, measured by
    benchmarks/memory.py; `refine` names the trimap model that finishes this model's coarse matte by default, or is empty.
    `weights` names the weight set that `files` are: "authors", or a release of this project's such as "ours-2026-11"; `ours` is the same
    model with this project's weights, where it has some beside the authors'. `finder` names the model that finds the part of a picture
    that this one is given, or is empty for all of it.
    """

    name: str
    summary: str
    architecture: str
    guides: tuple[str, ...]
    licence: str
    paper: str
    foreground: bool = False
    verdict: bool = False
    refine: str = ""
    finder: str = ""
    build: Mapping[str, Tunable] = field(default_factory=dict)
    options: Mapping[str, Tunable] = field(default_factory=dict)
    lossy_options: Mapping[str, Tunable] = field(default_factory=dict)
    memory: Footprint | None = None
    files: tuple[WeightFile, ...] = ()
    container: str = "checkpoint"  # "checkpoint" (a state dict) or "torchscript" (the authors' own file)
    export: Path | None = None  # the caller's TorchScript file, used instead of one made from `files`
    weights: str = ""
    caution: str = ""  # what a person should know before trusting these weights, as half a sentence
    ours: "ModelSpec | None" = None

    @property
    def of_this_project(self) -> bool:
        """Whether the weights are of this project, so that a card says what they were trained on."""
        return self.weights.startswith(OURS)

    @property
    def shipped(self) -> bool:
        """Whether it has weights and all of them come with this package."""
        return bool(self.files) and all(file.shipped for file in self.files)


@dataclass(frozen=True)
class Registry:
    """All specs by name, and the preferred models for each kind of guide, best first."""

    models: Mapping[str, ModelSpec]
    defaults: Mapping[str, tuple[str, ...]]

    def find(self, name: str) -> ModelSpec:
        """The spec called `name`, or that of the exported file with this path. `NAME@authors` and `NAME@ours` name one weight set.

        Raises ModelError naming the nearest and all others when there is none.
        """
        if name in self.models:
            return self.models[name]
        if name.endswith(".pt"):
            return spec_of_export(Path(name))
        network, _, weights = name.partition("@")
        if network in self.models and weights:
            return _with_weights(self.models[network], weights)
        near = difflib.get_close_matches(name.lower(), self.models, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UnknownModelError(f"there is no model called {name!r}; {hint}models: {', '.join(self.models)}")


def _with_weights(spec: ModelSpec, weights: str) -> ModelSpec:
    """The model with one weight set alone: "authors" or "ours"."""
    sets = {AUTHORS: replace(spec, ours=None)} if spec.weights == AUTHORS else {OURS: spec}
    if spec.ours is not None:
        sets[OURS] = spec.ours
    if weights not in sets:
        there_are = " and ".join(f"{spec.name}@{name}" for name in sets)
        raise UnknownModelError(f"there are no weights {weights!r} of {spec.name}; give {there_are}")
    return sets[weights]


def spec_of_export(path: Path) -> ModelSpec:
    """The spec of a TorchScript file made by `matte models export`, from the metadata inside it."""
    info = read_info(path)
    return ModelSpec(
        name=info.name,
        summary=f"the file {path}",
        architecture=info.architecture,
        guides=info.guides,
        licence=info.licence,
        paper="",
        foreground=info.foreground,
        verdict=info.verdict,
        finder=info.finder,
        weights=info.weights,
        options=info.options,
        lossy_options=info.lossy_options,
        memory=info.memory,
        export=path,
    )


def _weight_file(file: Mapping[str, Any]) -> WeightFile:
    shipped = file.get("shipped", False)
    if shipped and not ("sha256" in file and "bytes" in file):
        raise ModelError(f"models.toml: {file['name']} is shipped, so its sha256 and bytes are known; write them there")
    return WeightFile(
        name=file["name"],
        urls=tuple(file.get("urls", ())),
        sha256=file.get("sha256"),
        bytes=file.get("bytes"),
        by_hand=file.get("by_hand", ""),
        shipped=shipped,
    )


def _footprint(name: str, table: Mapping[str, Any]) -> Footprint | None:
    if "memory" not in table:
        return None
    footprint = Footprint(**table["memory"])
    if footprint.sees not in SEES or (footprint.bound and footprint.bound not in table["options"]):
        raise ModelError(f"models.toml: the memory of {name} is that of no known kind or of no option it has; kinds are {', '.join(SEES)}")
    return footprint


def _model_spec(name: str, table: Mapping[str, Any]) -> ModelSpec:
    unknown = set(table["guides"]) - set(GUIDES)
    if unknown:
        raise ModelError(f"models.toml: {name} asks for unknown guides {sorted(unknown)}; guides are {', '.join(GUIDES)}")
    plain = {key: value for key, value in table.items() if key not in ("guides", "files", "memory", "ours")}
    guides = tuple(guide for guide in GUIDES if guide in table["guides"])
    files = tuple(_weight_file(file) for file in table.get("files", ()))
    plain.setdefault("weights", AUTHORS if any(not file.shipped for file in files) else "")
    ours = _model_spec(name, {**table, "ours": None, **table["ours"]}) if table.get("ours") else None
    return ModelSpec(name=name, guides=guides, memory=_footprint(name, table), files=files, ours=ours, **plain)


OF_ITSELF = ("summary", "files", "weights", "caution", "ours")
"""Keys of a table that its variants do not inherit."""

OF_THE_ARCHITECTURE = ("build", "options", "lossy_options", "memory")
"""Keys that only variants of the same architecture inherit."""


def _with_inherited(name: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A table of models.toml with what its `variant_of` adds. ModelError where that is no model, or a variant itself."""
    own = dict(tables[name])
    if "variant_of" not in own:
        return own
    parent = own.pop("variant_of")
    if parent not in tables or "variant_of" in tables[parent]:
        raise ModelError(f"models.toml: {name} is a variant of {parent!r}; name a model that is no variant itself")
    theirs = {key: value for key, value in tables[parent].items() if key not in OF_ITSELF}
    if own.get("architecture", theirs["architecture"]) != theirs["architecture"]:
        theirs = {key: value for key, value in theirs.items() if key not in OF_THE_ARCHITECTURE}
    if "build" in own:  # another network takes other memory
        theirs.pop("memory", None)
    return theirs | own


def _check_finder(spec: ModelSpec, models: Mapping[str, ModelSpec]) -> None:
    """ModelError where a model with a finder takes guides or has no `side`, or its finder is no model that finds subjects by itself."""
    if not spec.finder:
        return
    if spec.guides or "side" not in spec.options:
        raise ModelError(f"models.toml: {spec.name} has a finder, so it takes no guides and has an option side")
    if spec.finder not in models or not is_finder(models[spec.finder]):
        raise ModelError(f"models.toml: {spec.finder!r} finds no subjects for {spec.name}; name a model that gives a verdict")


def is_finder(spec: ModelSpec) -> bool:
    """Whether a model can be another one's finder: it needs no guide and no finder of its own, and gives a verdict."""
    return spec.verdict and not spec.guides and not spec.finder


def read_registry(path: Path) -> Registry:
    """Read a models.toml."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    tables = document["models"]
    models = {name: _model_spec(name, _with_inherited(name, tables)) for name in tables}
    defaults = {guide: tuple(names) for guide, names in document["defaults"].items()}
    for spec in models.values():
        _check_finder(spec, models)
        _check_finder(spec.ours or spec, models)
    return Registry(models=models, defaults=defaults)


def models_file() -> Path:
    """The path of models.toml: inside the installed package, else at the top of the source tree."""
    packaged = Path(__file__).parents[1] / "models.toml"
    return packaged if packaged.is_file() else Path(__file__).parents[3] / "models.toml"


def cards_file() -> Path:
    """The page with the cards of this project's weights: inside the installed package, else in the docs of the source tree."""
    packaged = Path(__file__).parents[1] / "weights" / "weights.md"
    return packaged if packaged.is_file() else Path(__file__).parents[3] / "docs" / "weights.md"


@cache
def registry() -> Registry:
    """The registry of this installation."""
    return read_registry(models_file())
