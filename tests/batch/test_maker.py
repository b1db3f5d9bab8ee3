"""Items made through the Python API: models and backdrops are opened once, and every error becomes a record."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from mattecli.batch.identity import written_identity
from mattecli.batch.items import Item, Run, Settings
from mattecli.batch.maker import Maker
from mattecli.errors import ModelError
from mattecli.io.images import write_image
from tests.faults.batches import write_model
from tests.support import read


@pytest.fixture
def item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Item:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    write_image(np.full((6, 8, 3), 200, np.uint8), tmp_path / "in.png")
    settings = Settings(model=str(write_model(tmp_path / "toy.pt")), kind="alpha", refine="none")
    return Item(str(tmp_path / "in.png"), str(tmp_path / "out.png"), settings, columns={"shop": 3})


def test_the_record_names_input_settings_and_output(item: Item) -> None:
    record = Maker(Run(), checksum=True).make(item)
    assert (record["status"], record["model"], record["size"], record["columns"]) == ("ok", "brightness", [8, 6], {"shop": 3})
    assert record["identity"]["input"]["sha256"] and record["written"]["size"] == Path(item.output).stat().st_size
    assert (read(Path(item.output)) == 200).all()


def test_models_and_backdrops_are_opened_once(item: Item) -> None:
    maker = Maker(Run())
    composite = Settings(model=item.settings.model, kind="composite", over="red", refine="none")
    assert maker.open(item.settings) is maker.open(composite)
    assert maker.output(composite) is maker.output(composite) is not maker.output(item.settings)
    with pytest.raises(ModelError):
        maker.open(Settings(model="no-such-model"))


def test_remote_inputs_are_fetched_and_results_uploaded(item: Item, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/maker/in.png", Path(item.input).read_bytes())
    maker = Maker(Run(), scratch=str(tmp_path))
    before = sorted(tmp_path.iterdir())
    record = maker.make(Item("memory://maker/in.png", "memory://maker/out.png", item.settings))
    assert record["status"] == "ok", record
    assert record["output"] == "memory://maker/out.png" and memory.cat_file("/maker/out.png").startswith(b"\x89PNG")
    memory.pipe_file("/maker/in.png", b"no picture")
    broken = maker.make(Item("memory://maker/in.png", "memory://maker/out.png", item.settings))
    assert broken["error"]["kind"] == "InputError" and broken["error"]["message"].startswith("memory://maker/in.png is not a picture")
    assert sorted(tmp_path.iterdir()) == before


def test_photos_are_read_and_written_outside_the_turn_of_the_model(item: Item) -> None:
    output, there = Path(item.output), []

    @contextmanager
    def turn() -> Iterator[None]:
        yield
        there.append(output.exists())

    maker = Maker(Run())
    maker.turn = turn()
    record = maker.make(item)
    assert there == [False] and output.exists()
    assert record["written"] == written_identity(item.output)


def test_out_of_memory_is_a_failure_of_its_item_in_one_sentence(item: Item) -> None:
    @contextmanager
    def turn() -> Iterator[None]:
        raise MemoryError
        yield

    maker = Maker(Run())
    maker.turn = turn()
    record = maker.make(item)
    assert record["error"]["kind"] == "OutOfMemoryError" and record["error"]["message"].startswith("memory ran out over ")


def test_the_main_process_of_a_batch_needs_no_torch() -> None:
    program = "import sys, mattecli.cli.batch, mattecli.cli.clip_batch, mattecli.batch.processes.opening; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
