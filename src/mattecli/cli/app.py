"""The command line: `matte VERB ...`. One file a verb; nothing heavy is imported before a verb needs it."""

import typer

from mattecli import __version__
from mattecli.cli.console import PictureCommand, say
from mattecli.cli.picture_options import FramingCommand
from mattecli.cli.recipe import MattingCommand
from mattecli.cli.signals import StoppableCommands
from mattecli.cli.verbs.bench import bench
from mattecli.cli.verbs.compare import compare
from mattecli.cli.verbs.composite import composite
from mattecli.cli.verbs.doctor import doctor
from mattecli.cli.verbs.evaluate import evaluate
from mattecli.cli.verbs.image import image
from mattecli.cli.verbs.models import models_app
from mattecli.cli.verbs.plate import plate
from mattecli.cli.verbs.serve import page, serve
from mattecli.cli.verbs.trimaps import trimap_from_mask, trimap_from_strokes
from mattecli.cli.verbs.video import video

app = typer.Typer(
    cls=StoppableCommands,
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


app.command("image", cls=MattingCommand)(image)
app.command("matte", cls=MattingCommand, help="The same command as `image`.", hidden=True)(image)
app.command("video", cls=MattingCommand)(video)
app.command("plate", cls=PictureCommand)(plate)
app.command("composite", cls=FramingCommand)(composite)
app.command("compare", cls=PictureCommand)(compare)
app.command("trimap-from-strokes", cls=PictureCommand)(trimap_from_strokes)
app.command("trimap-from-mask", cls=PictureCommand)(trimap_from_mask)
app.command("eval", cls=PictureCommand)(evaluate)
app.command("serve", cls=PictureCommand)(serve)
app.command("page", cls=PictureCommand)(page)
app.command("bench")(bench)
app.add_typer(models_app, name="models")
app.command("doctor")(doctor)
