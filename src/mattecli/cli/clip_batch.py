"""Many clips on the command line: the rows of a manifest, one clip at a time."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from mattecli.batch.items import Item, Run
from mattecli.batch.storage import check_url, is_url
from mattecli.cli.batch import check_batch, manifest_items, run_batch, settings_of
from mattecli.cli.batch_options import BatchRequest
from mattecli.cli.console import Teller
from mattecli.cli.recipe import Look, Machine, ModelRequest
from mattecli.errors import UsageError
from mattecli.requests.clip import SUFFIXES, check_result


def make_clips(
    request: BatchRequest,
    sources: Sequence[str],
    output: str | None,
    look: Look,
    model: ModelRequest,
    machine: Machine,
    clip: Mapping[str, Any],
    teller: Teller,
) -> None:
    """Make the clips of a manifest. clip: what concerns clips alone, by the names of `mattecli.matte_video`; None is left out."""
    if request.manifest is None:
        raise UsageError("there is no input; give a clip, or --manifest FILE" if not sources else "a batch of clips needs --manifest FILE")
    if sources:
        raise UsageError("--manifest names the inputs, so no others are given; drop one of them")
    check_batch(request, ())
    settings = settings_of(look, model, {name: value for name, value in clip.items() if value is not None})
    run = Run(machine.device, machine.precision, machine.offline, machine.max_memory, clips=True)
    check = partial(_check_clip_item, offline=machine.offline)
    items, total = manifest_items(request, settings, output, check, suffix=SUFFIXES[look.kind])
    run_batch(request, run, settings, items, total=total, teller=teller, what="clips")


def _check_clip_item(item: Item, *, offline: bool) -> None:
    """UsageError for an output that cannot hold a clip made so, and for what cannot be used with clips."""
    settings = item.settings
    if "strokes" in settings.guides:
        raise UsageError(f"{item.input}: strokes are for photos; give a trimap, a mask or a background")
    if is_url(item.output) and "%" in item.output:
        raise UsageError(f"{item.output}: pictures are not written to URLs one by one; give a clip's name")
    check_result(item.output, kind=settings.kind, codec=settings.clip.get("codec"), crf=settings.clip.get("crf"))
    for file in item.files:
        check_url(file, written=file == item.output, offline=offline)
