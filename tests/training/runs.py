"""Small runs that tests draw from."""

from pathlib import Path

from training import settings
from training.pool import ExamplePool, fill
from training.settings import Run


def a_run(text: str, folder: Path) -> Run:
    """A run as its file's text says, in a folder of its own there."""
    path = folder / "run.toml"
    path.write_text(text.format(folder=folder / "out"))
    return settings.read(path)


def drawn_run(text: str, folder: Path) -> Run:
    """The same with its pool."""
    run = a_run(text, folder)
    fill(ExamplePool(run), run.data.pool, workers=0, report=lambda done, count: None)
    return run
