"""Many clips on the command line: given files, those of folders, or the rows of a manifest."""

from collections.abc import Iterable, Sequence
from functools import partial

from mattecli.batch.items import Item, Run, Settings, item_of
from mattecli.batch.storage import check_url, is_url
from mattecli.cli.batch import check_batch, manifest_items, result_pattern, run_batch
from mattecli.cli.batch_options import BatchRequest
from mattecli.cli.console import Teller
from mattecli.cli.recipe import DeviceOptions
from mattecli.errors import UsageError
from mattecli.requests.clip import SUFFIXES, check_result
from mattecli.requests.clips import plan_clips, refuse_streams
from mattecli.requests.paths import keep_inputs


def make_clips(
    request: BatchRequest,
    sources: Sequence[str],
    output: str | None,
    settings: Settings,
    machine: DeviceOptions,
    teller: Teller,
) -> None:
    """Make the clips that are given, or those of a manifest."""
    if request.manifest is None and not sources:
        raise UsageError("there is no input; give a clip, or --manifest FILE")
    if request.manifest is not None and sources:
        raise UsageError("--manifest names the inputs, so no others are given; drop one of them")
    check_batch(request, sources)
    run = Run(machine.device, machine.precision, machine.offline, machine.max_memory, clips=True, resume=request.resume)
    check = partial(_check_clip_item, offline=machine.offline)
    items: Iterable[Item]
    if request.manifest is None:
        items = _given_items(sources, output, settings)
        total: int | None = len(items)
        for item in items:
            check(item)
        if not request.replaces_inputs:
            keep_inputs([file for item in items for file in item.reads], [item.output for item in items])
    else:
        items, total = manifest_items(request, settings, output, check, suffix=SUFFIXES[settings.kind])
    run_batch(request, run, settings, items, total=total, teller=teller, what="clips")


def _given_items(sources: Sequence[str], output: str | None, settings: Settings) -> list[Item]:
    """The given clips as plan_clips returns them; each URL is one clip."""
    refuse_streams(sources)
    if not any(map(is_url, filter(None, [*sources, output]))):
        return [Item(source, place, settings) for source, place in plan_clips(sources, output, kind=settings.kind)]
    if len(sources) == 1 and output is not None and not output.endswith("/") and "{" not in output:
        return [Item(sources[0], output, settings)]
    pattern = result_pattern(output, SUFFIXES[settings.kind])
    return [item_of({"input": source}, settings, pattern) for source in sources]


def _check_clip_item(item: Item, *, offline: bool) -> None:
    """UsageError for an output that cannot hold the result of a clip, and for options that clips do not take."""
    settings = item.settings
    if "strokes" in settings.guides:
        raise UsageError(f"{item.input}: strokes are for photos; give a trimap, a mask or a background")
    if is_url(item.output) and "%" in item.output:
        raise UsageError(f"{item.output}: pictures are not written to URLs one by one; give a clip's name")
    check_result(item.output, kind=settings.kind, codec=settings.clip.get("codec"), crf=settings.clip.get("crf"))
    for file in item.files:
        check_url(file, written=file == item.output, offline=offline)
