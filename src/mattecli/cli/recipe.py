"""Shared by the commands that matte: options become checked settings, and models are loaded."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mattecli.cli.batch_options import with_overwrite_value
from mattecli.cli.console import PictureCommand, download_progress
from mattecli.cli.picture_options import with_crop_value
from mattecli.core.choices import check_device, check_precision, checked_options
from mattecli.core.contract import Tunable
from mattecli.core.registry import AUTHORS, OURS, registry
from mattecli.core.store import is_installed
from mattecli.core.tuning.memory import bytes_of
from mattecli.errors import UsageError
from mattecli.requests.quality import check_quality

if TYPE_CHECKING:
    from mattecli import Model
    from mattecli.batch.items import Settings
    from mattecli.core.registry import ModelSpec

AUTO = "auto"
NONE = "none"
ON_OFF = {"on": True, "off": False}


class MattingCommand(PictureCommand):
    """A command whose `--refine` and `--overwrite` may be given without a value: they mean `--refine auto` and `--overwrite inputs`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        takes_word = any("--overwrite" in option.opts and not getattr(option, "is_flag", False) for option in self.params)
        args = _with_refine_value(args)
        return super().parse_args(ctx, with_overwrite_value(with_crop_value(args)) if takes_word else args)


def _with_refine_value(args: list[str]) -> list[str]:
    if "--refine" not in args:
        return args
    place = args.index("--refine") + 1
    if place < len(args) and _names_refiner(args[place]):
        return args
    return [*args[:place], AUTO, *args[place:]]


def _names_refiner(word: str) -> bool:
    """Whether the word after --refine is its value and not an input. ModelError for a misspelt model name."""
    if word in (AUTO, NONE, *registry().models) or word.endswith(".pt"):
        return True
    if re.fullmatch(r"\w[\w-]*(\.\d+)?", word) and not os.path.exists(word):
        registry().find(word)
    return False


@dataclass(frozen=True)
class DeviceOptions:
    """The options of device and network, checked when made; max_memory as typed, such as 6G, or None for no limit."""

    device: str
    precision: str
    offline: bool
    max_memory: str | None = None

    def __post_init__(self) -> None:
        check_device(self.device)
        check_precision(self.precision)
        bytes_of(self.max_memory)


def output_settings(
    kind: str | None,
    over: str | None,
    option: list[str] | None,
    *,
    fit: str,
    blur: str,
    gamma: bool,
    decontaminate: str,
    keep_hidden: bool = False,
    premultiplied: bool = False,
    picture: Mapping[str, Any] | None = None,
) -> "Settings":
    """The settings of the results and the tunables, from options as typed. Raises UsageError for contradicting ones.

    picture: by the names of requests.pictures.WORDS.
    """
    from mattecli.batch.items import Settings
    from mattecli.requests.paths import refuse_empty

    refuse_empty("--over", over)
    chosen = _kind_of(kind, over)
    settings = Settings(
        kind=chosen,
        over=(over or "white") if chosen == "composite" else None,
        fit=fit,
        blur=blur,
        gamma=gamma,
        decontaminate=switch_of("--decontaminate", decontaminate),
        keep_hidden=keep_hidden,
        premultiplied=premultiplied,
        options=_options_of(option or []),
        picture=picture or {},
    )
    _check_output(settings)
    return settings


def _check_output(settings: "Settings") -> None:
    """MatteError for options that do not go with the kind of result, and for an invalid backdrop; nothing is opened."""
    kind = settings.kind
    if kind != "composite" and (settings.fit, settings.blur, settings.gamma) != ("cover", "0", False):
        raise UsageError(f"--fit, --blur and --gamma are about what lies behind, so they do not go with --as {kind}; give --over")
    if kind in ("alpha", "foreground") and not settings.decontaminate:
        raise UsageError(f"--decontaminate off is about cut-outs and composites, so it does not go with --as {kind}; drop it")
    if settings.premultiplied and (kind != "cutout" or settings.keep_hidden):
        other = "--keep-hidden" if settings.keep_hidden else f"--as {kind}"
        raise UsageError(f"--premultiplied is about the colours that a cut-out shows, so it does not go with {other}; drop it")
    if settings.keep_hidden and kind != "cutout":
        raise UsageError(f"--keep-hidden is about cut-outs, so it does not go with --as {kind}; drop it")
    if settings.over is not None:
        _check_over(settings.over, settings.fit, settings.blur)


def _check_over(over: str, fit: str, blur: str) -> None:
    from mattecli.batch.storage import is_url
    from mattecli.compositing.backdrop import check_backdrop

    check_backdrop("white" if is_url(over) else over, mode=fit, blur=blur)


def _kind_of(kind: str | None, over: str | None) -> str:
    from mattecli.requests.photos import KINDS

    chosen = kind or ("composite" if over is not None else "cutout")
    if chosen not in KINDS:
        raise UsageError(f"--as {chosen} is not known; choose {', '.join(KINDS)}")
    if over is not None and chosen != "composite":
        raise UsageError(f"--over lays the cut-out over a backdrop, so it does not go with --as {chosen}; drop one of them")
    return chosen


def switch_of(flag: str, text: str) -> bool:
    if text not in ON_OFF:
        raise UsageError(f"{flag} {text} is not known; choose on or off")
    return ON_OFF[text]


def _options_of(texts: list[str]) -> dict[str, Tunable]:
    for text in texts:
        if "=" not in text:
            raise UsageError(f"--option {text} has no value; write --option NAME=VALUE")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def with_model(
    settings: "Settings", model: str | None, *, guides: Mapping[str, str], screen: str | None, refine: str | None, quality: str
) -> "Settings":
    """The settings with a model, None for the best one, and its guides; checked against each other before anything is loaded."""
    from mattecli.guides.choose import choose, choose_refiner

    chosen = replace(settings, model=model, guides=guides, screen=screen, refine=refine, quality=quality)
    check_quality(quality)
    choice = choose(registry(), model, chosen.given)
    choose_refiner(registry(), choice, refine)
    checked_options(choice.spec, chosen.options)
    return chosen


def with_weights(model: str | None, weights: str | None) -> str | None:
    """The model's name with the weight set of --weights, as in dim@ours."""
    if weights is None:
        return model
    if weights not in (OURS, AUTHORS):
        raise UsageError(f"--weights {weights} is not known; choose {OURS} or {AUTHORS}")
    if model is None or model.endswith(".pt"):
        raise UsageError("--weights chooses between the weights of a model; give its name with --model")
    return f"{model}@{weights}"


def open_model(settings: "Settings", machine: DeviceOptions, tell: Callable[[str], None]) -> "Model":
    """The model of a command, loaded with its refiner; `tell` is called with the chosen device."""
    import mattecli
    from mattecli.cli import process

    process.set_up_torch()
    from mattecli.core.runtime import pick_device

    device = pick_device(machine.device)
    if machine.device == AUTO:
        tell(f"device: {device} ({device.reason})")
    with download_progress() as on_progress:
        model = mattecli.load(
            settings.model,
            guides=settings.given,
            device=machine.device,
            precision=machine.precision,
            offline=machine.offline,
            max_memory=machine.max_memory,
            on_progress=on_progress,
            tell=_once(tell) if machine.max_memory is not None else None,
        )
        model.prepare(guides=settings.given, refine=settings.refine, options=settings.options)
    if told := _of_weights(model.spec):
        tell(told)
    return model.at(settings.quality)


def _of_weights(spec: "ModelSpec") -> str:
    """Notes on the weights in use: which set, where a model has several, what part of a picture they are given, and their limits."""
    known = registry().models.get(spec.name, spec)
    absent = known.weights == AUTHORS and not is_installed(known)
    where = " (the authors' are not installed)" if absent else ""
    which = f"weights: {spec.weights}{where}" if known.ours is not None else ""
    part = f"{spec.name} is given the part of the picture in which {spec.finder} finds the subject" if spec.finder else ""
    return "; ".join(filter(None, [which, part, spec.caution]))


def _once(tell: Callable[[str], None]) -> Callable[[str], None]:
    """`tell` without repetitions: pictures of one size have one peak."""
    told: set[str] = set()

    def tell_new(text: str) -> None:
        if text not in told:
            told.add(text)
            tell(text)

    return tell_new
