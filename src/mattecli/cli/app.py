"""The command line: `matte VERB ...`. One file a verb, imported when the verb is used; nothing heavy before it computes."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.main import get_group

from mattecli import __version__
from mattecli.cli.console import say
from mattecli.cli.signals import StoppableCommands


class Verb(NamedTuple):
    """module: in cli/verbs, whose `app` has the command. summary: its line in `matte --help`, with which its own help begins."""

    module: str
    summary: str


VERBS = {
    "image": Verb("image", "Cut the subject out of photos."),
    "video": Verb("video", "Cut the subject out of a clip."),
    "plate": Verb("plate", "Make a clean plate of a clip whose subject moves."),
    "composite": Verb("composite", "Lay pictures or clips over a backdrop by their mattes."),
    "compare": Verb("compare", "Lay a photo's mattes from several models on one sheet."),
    "trimap-from-strokes": Verb("trimaps", "Make a trimap of a photo and a few strokes over it."),
    "trimap-from-mask": Verb("trimaps", "Make a trimap of a mask, hard or soft."),
    "eval": Verb("evaluate", "Measure mattes against true ones."),
    "serve": Verb("serve", "Make mattes over HTTP, and in a page with a brush."),
    "page": Verb("serve", "Open the page with a brush in the browser."),
    "bench": Verb("bench", "Measure how fast models are."),
    "doctor": Verb("doctor", "Check what this machine has."),
    "models": Verb("models", "List, pull, check and export models."),
}
ALIASES = {"matte": "image"}
"""Other names of verbs, which help and completion leave out."""


class Verbs(Mapping[str, Any]):
    """The commands by name, in the order of VERBS; looking one up imports its module."""

    def __init__(self, registered: Mapping[str, Any]) -> None:
        """registered: commands that exist already, by name."""
        self._commands = {**dict.fromkeys(VERBS), **registered}

    def __getitem__(self, name: str) -> Any:
        name = ALIASES.get(name, name)
        if self._commands[name] is None:
            module = import_module(f"mattecli.cli.verbs.{VERBS[name].module}")
            self._commands |= get_group(module.app).commands
        return self._commands[name]

    def __contains__(self, name: object) -> bool:
        return name in self._commands or name in ALIASES

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)


class Program(StoppableCommands):
    """The program. Its own help is written without importing a verb."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = Verbs(self.commands)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    # Plain help: rich's panels would double the time of `matte --help`.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    help="Cut people and things out of photographs, with their hair on.",
    epilog="Start with: matte image photo.jpg -o cutout.png",
)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"matte {__version__}")
        raise typer.Exit()


@app.callback()
def main(
    version: bool = typer.Option(False, "--version", help="Print the version and leave.", callback=_print_version, is_eager=True),
) -> None:
    pass
