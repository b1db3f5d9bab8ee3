"""One item of a batch: an input, its output, and how the output is made. No torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mattecli.errors import UsageError
from mattecli.requests.photos import KINDS
from mattecli.requests.pictures import SWITCHES as PICTURE_SWITCHES
from mattecli.requests.pictures import WORDS as PICTURE_WORDS
from mattecli.requests.pictures import picture_options

Tunable = int | float | bool | str

GUIDES = ("trimap", "strokes", "mask", "background")
SWITCHES = {"true": True, "on": True, "false": False, "off": False}
KINDS_OF = {
    "fit": ("composite",),
    "blur": ("composite",),
    "gamma": ("composite",),
    "decontaminate": ("cutout", "composite"),
    "keep_hidden": ("cutout",),
    "premultiplied": ("cutout",),
}
"""The kinds of results that a setting is about, for settings that are not about all."""
COLUMNS = ("input", "output", "model", "guides", *GUIDES, "screen", "refine", "quality", "as", "over", *KINDS_OF, *PICTURE_WORDS, "options")


@dataclass(frozen=True)
class Settings:
    """How an output is made. Values are as on the command line; None is the command's default.

    guides: paths or URLs by guide name. clip: settings of clips only, by the names of `mattecli.matte_video`. picture: settings of pictures
    only, by the names of requests.pictures.WORDS.
    """

    model: str | None = None
    guides: Mapping[str, str] = field(default_factory=dict)
    screen: str | None = None
    refine: str | None = None
    quality: str = "best"
    kind: str = "cutout"
    over: str | None = None
    fit: str = "cover"
    blur: str = "0"
    gamma: bool = False
    decontaminate: bool = True
    keep_hidden: bool = False
    premultiplied: bool = False
    options: Mapping[str, Tunable] = field(default_factory=dict)
    clip: Mapping[str, Any] = field(default_factory=dict)
    picture: Mapping[str, Any] = field(default_factory=dict)

    @property
    def given(self) -> dict[str, str]:
        """The guides by name, with the screen's colour among them, as `mattecli.Model` takes them."""
        return {**self.guides, **({"screen": self.screen} if self.screen is not None else {})}

    @property
    def opens(self) -> tuple[object, ...]:
        """The settings that decide which models are opened."""
        return self.model, self.screen, self.refine, *sorted(self.guides), *sorted(self.options.items())

    @property
    def reads(self) -> tuple[str, ...]:
        """All files read besides the input, as paths or URLs; the backdrop may be a colour."""
        return *self.guides.values(), *filter(None, [self.over])


@dataclass(frozen=True)
class Item:
    """One input and its output, as paths or URLs.

    columns: the further columns of its manifest row, copied to its record. lacks: why it cannot be made, where that is known already.
    """

    input: str
    output: str
    settings: Settings = field(default_factory=Settings)
    columns: Mapping[str, Any] = field(default_factory=dict)
    lacks: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The identifier of an item within a batch."""
        return self.input, self.output

    @property
    def files(self) -> tuple[str, ...]:
        """All files read and written, as paths or URLs; the backdrop may be a colour."""
        return self.output, *self.reads

    @property
    def reads(self) -> tuple[str, ...]:
        """All files read, as paths or URLs; the backdrop may be a colour."""
        return self.input, *self.settings.reads


@dataclass(frozen=True)
class Run:
    """The settings of all items: where and how to compute. max_memory: bytes, or text such as 6G.

    clips: whether the items are clips. resume: keep the pictures of an interrupted clip that were made from this input with these settings.
    """

    device: str = "auto"
    precision: str = "auto"
    offline: bool = False
    max_memory: str | int | None = None
    clips: bool = False
    resume: bool = False


def item_of(row: Mapping[str, Any], defaults: Settings, output: str | None = None) -> Item:
    """The item of one manifest row. Raises UsageError for an invalid value.

    output: a file's name for rows without an output, in which {stem} and {name} stand for those of the input.
    """
    given = {name: value for name, value in row.items() if value not in (None, "")}
    source = _text(given, "input")
    if "-" in (source, given.get("output")):
        raise UsageError("stdin and stdout (-) are of a single picture; give files")
    if source is None:
        raise UsageError("it has no input; add that column")
    destination = _text(given, "output") or (output and _named_after(source, output))
    if not destination:
        raise UsageError(f"{source} has no output; add that column, or give -o a folder")
    columns = {name: value for name, value in given.items() if name not in COLUMNS}
    return Item(source, destination, _settings_of(given, defaults), columns)


def _settings_of(given: Mapping[str, Any], defaults: Settings) -> Settings:
    over = _text(given, "over")
    kind = _text(given, "as") or ("composite" if over is not None else defaults.kind)
    if kind not in KINDS:
        raise UsageError(f"as {kind!r} is not known; choose {', '.join(KINDS)}")
    if over is not None and kind != "composite":
        raise UsageError(f"over lays the cut-out over a backdrop, so it does not go with as {kind}; drop one of them")
    words: dict[str, Any] = {name: text for name in ("model", "screen", "refine", "quality") if (text := _text(given, name)) is not None}
    return replace(
        defaults,
        **words,
        **_output_of(kind, given, defaults),
        guides={**defaults.guides, **_guides_of(given)},
        kind=kind,
        over=(over or defaults.over) if kind == "composite" else None,
        options={**defaults.options, **_options_of(given.get("options"))},
        picture={**defaults.picture, **_picture_of(given)},
    )


def _output_of(kind: str, given: Mapping[str, Any], defaults: Settings) -> dict[str, Any]:
    """The settings in KINDS_OF of a row, else of the command. One for other kinds is refused in a row, and ignored in the command."""
    settings: dict[str, Any] = {}
    for name, kinds in KINDS_OF.items():
        usual = getattr(Settings, name)
        said = _switch(given, name) if isinstance(usual, bool) else _text(given, name)
        if kind in kinds:
            settings[name] = getattr(defaults, name) if said is None else said
        elif said in (None, usual):
            settings[name] = usual
        else:
            raise UsageError(f"{name} is about {' and '.join(kinds)}, so it does not go with as {kind}; drop one of them")
    if settings["premultiplied"] and settings["keep_hidden"]:
        raise UsageError("premultiplied colours hide what alpha hides, so it does not go with keep_hidden; drop one of them")
    return settings


def _picture_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The picture options of a row. Raises UsageError for an invalid one."""
    said = {name: _switch(given, name) if name in PICTURE_SWITCHES else given.get(name) for name in PICTURE_WORDS}
    words = {name: value for name, value in said.items() if value is not None}
    picture_options(words)
    return words


def _switch(given: Mapping[str, Any], name: str) -> bool | None:
    """A boolean, or the text on or off."""
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    if str(value).lower() not in SWITCHES:
        raise UsageError(f"{name} is {value!r}; give true or false")
    return SWITCHES[str(value).lower()]


def _guides_of(given: Mapping[str, Any]) -> dict[str, str]:
    together = given.get("guides", {})
    if not isinstance(together, Mapping):
        raise UsageError(f'guides is {together!r}; give an object such as {{"trimap": "t.png"}}, or a column for each guide')
    unknown = sorted(set(together) - set(GUIDES))
    if unknown:
        raise UsageError(f"there is no guide {unknown[0]!r}; guides are {', '.join(GUIDES)}")
    both = {**together, **{name: given[name] for name in GUIDES if name in given}}
    return {name: text for name in both if (text := _text(both, name)) is not None}


def _options_of(value: Any) -> dict[str, Tunable]:
    """Tunables from an object, or from text such as "radius=3, sharp=true"."""
    if value is None:
        return {}
    if isinstance(value, str):
        pairs = [part.partition("=") for part in re.split(r"[,;\s]+", value.strip())]
        if not all(name and sign for name, sign, _ in pairs):
            raise UsageError(f"options {value!r} are not read; write NAME=VALUE, or an object")
        return {name: text for name, _, text in pairs}
    if not isinstance(value, Mapping) or not all(isinstance(option, int | float | bool | str) for option in value.values()):
        raise UsageError(f"options {value!r} are not read; write an object of numbers, texts and true or false")
    return dict(value)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or "\0" in value:
        raise UsageError(f"{name} is {value!r}; give text")
    return value


def _named_after(source: str, pattern: str) -> str:
    name = re.split(r"[/\\]", source.split("?")[0].rstrip("/"))[-1]
    stem = name.rpartition(".")[0] or name
    return pattern.replace("{stem}", stem).replace("{name}", name)
