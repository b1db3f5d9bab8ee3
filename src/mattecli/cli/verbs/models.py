"""`matte models`: what there is, what is here, and getting it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mattecli.cli.choices import model_names
from mattecli.cli.console import Commands, complain, download_progress, note, say, say_json
from mattecli.core import pulling, store
from mattecli.core.registry import AUTHORS, ModelSpec, WeightFile, cards_file, registry
from mattecli.errors import ModelError, UsageError

app = typer.Typer(rich_markup_mode=None)
models_app = typer.Typer(cls=Commands, no_args_is_help=True, help="List, pull, check and export models.", rich_markup_mode=None)
app.add_typer(models_app, name="models")

Names = Annotated[
    list[str], typer.Argument(metavar="NAME", autocompletion=model_names(), help="Names from `matte models list`.", show_default=False)
]
Name = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=model_names(), help="A name from `matte models list`.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@models_app.command("list")
def list_models(as_json: Json = False) -> None:
    """List every model, what it needs, and whether it works offline.

    The columns are its name, whether it works offline now, what it needs beside the photo, its published size, source and licence.
    "yes, ours" means that this project's weights run, which come with mattecli, while the authors' are not installed.
    """
    records = [describe(spec) for spec in registry().models.values()]
    if as_json:
        for record in records:
            say_json(record)
        return
    rows: list[tuple[str, ...]] = [("MODEL", "OFFLINE", "NEEDS", "SIZE", "SOURCE", "LICENCE")]
    rows += [_row(record) for record in records]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        say("  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=False)] + [row[-1]]).rstrip())


def describe(spec: ModelSpec) -> dict[str, Any]:
    """What `models list` and `models info` say of a model."""
    sizes = [file.bytes for file in spec.files]
    runs = store.runnable(spec)
    return {
        "name": spec.name,
        "installed": store.is_installed(spec),
        "weights": runs.weights or None,
        "summary": spec.summary,
        "guides": list(spec.guides),
        "finder": runs.finder or None,
        "refine": runs.refine or None,
        "licence": spec.licence,
        "paper": spec.paper,
        "bytes": sum(size for size in sizes if size) if all(sizes) else None,
        "options": dict(runs.options),
        "card": str(cards_file()) if (spec.ours or spec).of_this_project else None,
        "files": [_file_record(file) for file in spec.files],
        "ours": None if spec.ours is None else _ours_record(spec.ours),
    }


def _ours_record(spec: ModelSpec) -> dict[str, Any]:
    return {"weights": spec.weights, "licence": spec.licence, "files": [_file_record(file) for file in spec.files]}


def _file_record(file: WeightFile) -> dict[str, Any]:
    return {"name": file.name, "sha256": file.sha256, "shipped": file.shipped, "urls": list(file.urls), "by_hand": file.by_hand}


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    return (
        record["name"],
        "yes" if record["installed"] else "no" if record["weights"] == AUTHORS else "yes, ours",
        ", ".join(record["guides"]) or "nothing",
        _megabytes(record["bytes"]),
        _source(record["files"]),
        record["licence"].split(" (")[0],
    )


def _source(files: list[dict[str, Any]]) -> str:
    """Where a model comes from, in one word or two."""
    if not files:
        return "built in"
    if all(file["shipped"] for file in files):
        return "shipped"
    return next((url.split("/")[2] for file in files for url in file["urls"]), "by hand")


def _megabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:.1f} MB" if size else "-"


@models_app.command()
def info(name: Name, as_json: Json = False) -> None:
    """Print all that is known of one model.

    That is its paper, its licence, its files with their sha256, and its tunables.
    """
    spec = registry().find(name)
    record = describe(spec)
    if as_json:
        say_json(record)
        return
    say(f"{spec.name}: {spec.summary}")
    say(f"  paper      {spec.paper}")
    say(f"  licence    {spec.licence}")
    say(f"  installed  {'yes' if record['installed'] else f'no; {store.how_to_get(spec)}'}")
    if spec.ours is not None:
        say(f"  ours       {spec.ours.weights} comes with mattecli, and runs where the authors' weights are not; {spec.ours.licence}")
        if spec.ours.caution:
            say(f"             {spec.ours.caution}")
    if record["card"]:
        say(f"  card       data, training and failures of {(spec.ours or spec).weights}: {record['card']}")
    say(f"  needs      {', '.join(spec.guides) or 'nothing beside the photo'}")
    if record["finder"]:
        say(f"  finder     {record['finder']}, which finds the part of the photo that this model is given")
    say(f"  refined by {record['refine'] or 'nothing'}")
    say(f"  options    {', '.join(f'{key}={value}' for key, value in record['options'].items()) or 'none'}")
    for file in (*spec.files, *(spec.ours.files if spec.ours else ())):
        say(f"  file       {file.name}, {_megabytes(file.bytes)}, {_hash(file)}")
        here = f"comes with mattecli: {store.checkpoint_path(spec, file)}" if file.shipped else ""
        for line in filter(None, [here, *file.urls, file.by_hand]):
            say(f"             {line}")


def _hash(file: WeightFile) -> str:
    """What is known of a file's sha256."""
    if file.sha256:
        return f"sha256 {file.sha256}"
    begins = f" but for its beginning, {file.sha256_begins}," if file.sha256_begins else ""
    return f"sha256 not public{begins} and recorded at the first download"


@models_app.command()
def pull(
    names: Names, offline: Annotated[bool, typer.Option("--offline", help="Only from a mirror folder; never open a socket.")] = False
) -> None:
    """Download models, check their sha256, and print their paths."""
    for spec in [registry().find(name) for name in names]:
        with download_progress() as on_progress:
            paths = pulling.pull(spec, offline=offline, on_progress=on_progress)
        if not paths:
            note(f"{spec.name} needs no weights")
        if spec.shipped:
            note(f"{spec.name} comes with mattecli: nothing to download")
        for path in paths:
            say(str(path))


@models_app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", autocompletion=model_names(), help="Default: all that are installed.")
    ] = None,
) -> None:
    """Check the sha256 of installed models and of their exports.

    The exit code is 1 if one is wrong.
    """
    chosen = (
        [store.runnable(registry().find(name)) for name in names]
        if names
        else [store.runnable(spec) for spec in registry().models.values() if store.is_runnable(spec)]
    )
    good = [_is_good(spec, file) for spec in chosen for file in spec.files]
    sound = [_is_sound(path) for spec in chosen for path in store.exports_of(spec)]
    if not all(good + sound):
        raise typer.Exit(1)


def _is_good(spec: ModelSpec, file: WeightFile) -> bool:
    """Verify one file of weights and print the outcome."""
    try:
        say(f"{store.verified(spec, file)}: ok")
    except ModelError as error:
        complain(error)
        return False
    return True


def _is_sound(path: Path) -> bool:
    """Verify one export and print the outcome."""
    sound = store.export_is_sound(path)
    if sound:
        say(f"{path}: ok")
    else:
        complain(f"{path} does not have the sha256 it was made with; it is made anew when it is next used")
    return sound


@models_app.command()
def path(name: Name) -> None:
    """Print where a model's files are, or where they would be."""
    spec = registry().find(name)
    if not spec.files:
        raise ModelError(f"{spec.name} needs no weights, so there is no file")
    for file in spec.files:
        say(str(store.checkpoint_path(spec, file)))


@models_app.command("rm")
def remove(names: Names) -> None:
    """Delete models from the cache and print what was deleted.

    Weights that came with mattecli stay.
    """
    for spec in [registry().find(name) for name in names]:
        for deleted in store.remove(spec):
            say(str(deleted))
        for file in spec.files:
            if file.shipped:
                note(f"{store.checkpoint_path(spec, file)} came with mattecli and stays")


@models_app.command("import")
def import_model(
    name: Name, file: Annotated[Path, typer.Argument(metavar="FILE", help="The published checkpoint.", show_default=False)]
) -> None:
    """Put a checkpoint fetched by hand into the cache.

    It is checked like a download.
    """
    say(str(pulling.import_file(registry().find(name), file)))


@models_app.command()
def export(
    name: Name,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.pt", help="The TorchScript file to write.", show_default=False)],
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", metavar="FILE", help="Weights of this network, e.g. your own.  [default: the published ones]"),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never open a socket.")] = False,
) -> None:
    """Write a model as one self-contained TorchScript file.

    It runs with --model FILE.pt, from C++ or on a server.
    """
    from mattecli.requests.paths import keep_inputs

    if output.suffix != ".pt":
        raise UsageError(f"{output} should end in .pt, so that --model takes it as a file; rename it")
    spec = registry().find(name)
    from mattecli.core.export import export_model

    if checkpoint is None:
        with download_progress() as on_progress:
            checkpoint = pulling.pull(spec, offline=offline, on_progress=on_progress)
    keep_inputs(map(str, checkpoint), [str(output)], what="the export", advice="give another -o")
    export_model(spec, checkpoint, output)
    say(str(output))
