"""One item from its files to its output and record, through the Python door."""

import contextlib
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import mattecli
from mattecli.batch import storage
from mattecli.batch.copies import Copies
from mattecli.batch.gate import gate
from mattecli.batch.identity import content_identity, identity_of, written_identity
from mattecli.batch.items import KINDS_OF, Item, Run, Settings
from mattecli.batch.journal import blank_record, failure
from mattecli.core.tuning.memory import bytes_of
from mattecli.errors import InputError, MatteError, OutOfMemoryError, UsageError
from mattecli.io.files import written_whole
from mattecli.io.pictures.decoders.decoded import FIRST
from mattecli.io.pictures.sizes import reading_within
from mattecli.io.sequences import is_sequence
from mattecli.requests.pictures import picture_options

if TYPE_CHECKING:
    from mattecli import ClipResult, Matte, Model, OutputOptions, PictureFile

KEPT_MODELS, KEPT_OUTPUTS = 2, 8

Made = TypeVar("Made")
Record = dict[str, Any]


class Maker:
    """Makes items, in one thread or several; the most recently used models and backdrops stay open.

    scratch: a folder for copies of remote files. tell, on_progress: as `mattecli.load` takes them. on_frame: called with a clip, its frames
    done and in total. turn: a context manager, such as a lock, entered while a photo is computed, but not while it is read or written.
    """

    def __init__(
        self,
        run: Run,
        *,
        checksum: bool = False,
        scratch: str | None = None,
        tell: Callable[[str], None] | None = None,
        on_progress: Callable[[str, int, int | None], None] | None = None,
        on_frame: Callable[[str, int, int | None], None] = lambda clip, done, total: None,
    ) -> None:
        self.turn: AbstractContextManager[object] = nullcontext()
        self._run = run
        self._checksum = checksum
        self._scratch = scratch
        self._tell = tell
        self._on_progress = on_progress
        self._on_frame = on_frame
        self._copies = Copies(scratch)
        self._models: _Kept[Model] = _Kept(KEPT_MODELS)
        self._outputs: _Kept[OutputOptions] = _Kept(KEPT_OUTPUTS)

    def open(self, settings: Settings) -> "Model":
        """The model that these settings choose, loaded. Raises MatteError."""
        return self._models.get((settings.model, *sorted(settings.given)), lambda: self._load(settings))

    def output(self, settings: Settings) -> "OutputOptions":
        """The output options of these settings, with their backdrop opened."""
        asked = (settings.kind, settings.over, *(getattr(settings, name) for name in KINDS_OF), *sorted(settings.picture.items()))
        return self._outputs.get(asked, lambda: open_output(settings, self._run.max_memory))

    def make(self, item: Item) -> Record:
        """Make one item and return its record of status `ok` or `failed`. Every exception, expected or not, is a failure of the item."""
        begin = time.perf_counter()
        record = blank_record(item, self._run)
        try:
            record["identity"] = identity_of(item, checksum=self._checksum)
            record |= {"status": "ok", "error": None} | self._made(item)
        except MatteError as error:
            record |= failure(type(error).__name__, str(error))
        except MemoryError:
            record |= failure(OutOfMemoryError.__name__, f"memory ran out over {item.input}; free some, scale it down, or lower --workers")
        except Exception as error:
            said = f"{item.input} failed with {type(error).__name__} ({error}), a fault of this program; run it alone to see where"
            record |= failure(type(error).__name__, said)
        record.setdefault("seconds", round(time.perf_counter() - begin, 4))
        return record

    def _load(self, settings: Settings) -> "Model":
        machine, given = _machine_of(self._run), settings.given
        return mattecli.load(settings.model, guides=given, on_progress=self._on_progress, tell=self._tell, **machine)

    def _made(self, item: Item) -> Record:
        if not any(map(storage.is_url, item.files)):
            return self._made_here(item)
        with self._copies.held(item.settings.reads) as copies, self._folder() as folder:
            local = _localised(item, copies, Path(folder))
            try:
                made = self._made_here(local)
            except MatteError as error:
                raise type(error)(str(error).replace(local.input, item.input).replace(local.output, item.output)) from error
            if local.output != item.output:
                gate.enter()
                storage.delivered(Path(local.output), item.output)
                made["written"] = written_identity(item.output)
        return made

    def _folder(self) -> "tempfile.TemporaryDirectory[str]":
        return tempfile.TemporaryDirectory(prefix="matte-", dir=self._scratch, ignore_cleanup_errors=True)

    def _made_here(self, item: Item) -> Record:
        return self._clip(item) if self._run.clips else self._photo(item)

    def _photo(self, item: Item) -> Record:
        settings = item.settings
        model, output = self.open(settings).at(settings.quality), self.output(settings)

        def encoded(matte: "Matte") -> tuple[bytes, Record]:
            content = matte.encode(item.output, output)
            return content, {**matte.record(), "notes": list(matte.notes_of(output))}

        content, record = model.then(
            _input_of(item), encoded, guides=settings.given, refine=settings.refine, options=settings.options, turn=self.turn
        )
        return _timed(record, lambda: _write(content, item.output)) | {"written": content_identity(content)}

    def _clip(self, item: Item) -> Record:
        from mattecli.door.video import clip_record  # which loads torch, and the main process has none

        settings, given = item.settings, item.settings.given
        model = self.open(settings).at(settings.quality)
        asked: dict[str, Any] = {**given, **settings.clip, "refine": settings.refine, "overwrite": True}
        asked["keep_matte"] = settings.model is None and not given
        result = self._video(item, model=model, output=self.output(settings), options=settings.options, **asked)
        if result.damage is not None:
            raise InputError(f"{item.input} {result.damage}; the {result.frames} frames before that were written to {item.output}")
        record = clip_record(result, model, model.recipe(given, refine=settings.refine))
        return record | {"written": written_identity(item.output)}

    def _video(self, item: Item, **asked: Any) -> "ClipResult":
        """Make the clip of an item; with `resume` the pictures of an interrupted run are kept."""

        def on_frame(done: int, total: int | None) -> None:
            self._on_frame(item.input, done, total)

        if self._run.resume and is_sequence(item.output):
            with contextlib.suppress(UsageError):  # the pictures there are of another clip, or made with other settings
                return mattecli.matte_video(item.input, item.output, on_frame=on_frame, resume=True, **asked)
        return mattecli.matte_video(item.input, item.output, on_frame=on_frame, **asked)


def _input_of(item: Item) -> "str | PictureFile":
    """The input, with the requested page or layer."""
    pick = picture_options(item.settings.picture).pick
    return item.input if pick == FIRST else mattecli.PictureFile(item.input, pick.page, pick.layer)


def _write(content: bytes, output: str) -> None:
    gate.enter()
    with written_whole(Path(output), advice="choose another place with -o") as stream:
        stream.write(content)


def _timed(record: Record, write: Callable[[], None]) -> Record:
    """The record of a picture, including the seconds of writing it."""
    begin = time.perf_counter()
    write()
    more = time.perf_counter() - begin
    split = {**record["split"], "write": round(record["split"]["write"] + more, 4)}
    return {**record, "seconds": round(record["seconds"] + more, 4), "split": split}


def _machine_of(run: Run) -> dict[str, Any]:
    return {"device": run.device, "precision": run.precision, "offline": run.offline, "max_memory": run.max_memory}


def open_output(settings: Settings, max_memory: int | str | None = None) -> "OutputOptions":
    """The output options of these settings, with their backdrop opened within a limit of memory. Raises MatteError."""
    asked = picture_options(settings.picture)
    backdrop = None
    if settings.kind == "composite":
        with reading_within(bytes_of(max_memory)):
            backdrop = mattecli.open_backdrop(settings.over or "white", fit=settings.fit, blur=settings.blur)
    return mattecli.OutputOptions(
        settings.kind,
        backdrop,
        linear=not settings.gamma,
        decontaminate=settings.decontaminate,
        keep_hidden=settings.keep_hidden,
        premultiplied=settings.premultiplied,
        file=asked.file,
        framing=asked.framing,
        invert=asked.invert,
    )


def _localised(item: Item, copies: Mapping[str, str], folder: Path) -> Item:
    """The item with local paths: remote files are copied, the input into a folder that also receives the output."""
    settings = item.settings
    guides = {name: copies.get(file, file) for name, file in settings.guides.items()}
    over = settings.over and copies.get(settings.over, settings.over)
    output = str(folder / f"made-{Path(item.output).name}") if storage.is_url(item.output) else item.output
    return replace(item, input=storage.fetched(item.input, folder), output=output, settings=replace(settings, guides=guides, over=over))


class _Kept(OrderedDict[Hashable, Made]):
    """A cache of the most recently used values of bounded number; values are made by one thread at a time."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._turn = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:  # type: ignore[override]
        with self._turn:
            if key not in self:
                made = make()
                while len(self) >= self._most:
                    self.popitem(last=False)
                self[key] = made
            self.move_to_end(key)
            return self[key]
