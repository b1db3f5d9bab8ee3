"""Memory is known before it is taken: what fits runs as it is, what does not is made to fit or refused, and limits are read."""

import platform
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mattecli.core import export
from mattecli.core.contract import SEES, ExportInfo, Footprint, parse_info
from mattecli.core.registry import registry
from mattecli.core.runtime import LoadedModel, load_model, pick_device
from mattecli.core.tuning import malloc
from mattecli.core.tuning.budget import budget_of, resident_memory, tidy
from mattecli.core.tuning.memory import COMPOSING, SEEN, Budget, Task, expected_peak, parse_bytes, plan
from mattecli.core.tuning.memory_guard import picture_in_work, run_within, settle
from mattecli.core.tuning.room import room
from mattecli.errors import ModelError, OutOfMemoryError, UsageError

HD = Task((1080, 1920))
GIGABYTE = 10**9


def info_of(footprint: Footprint | None, **options: int) -> ExportInfo:
    return ExportInfo("toy", "toy", (), dict(options), False, None, "none", {}, memory=footprint)


@pytest.mark.parametrize(
    ("text", "count"),
    [("6G", 6 * 10**9), ("6 GB", 6 * 10**9), ("6GiB", 6 << 30), ("800m", 8 * 10**8), ("1.5T", 15 * 10**11), ("4096", 4096), ("64B", 64)],
)
def test_amounts_of_memory_are_read(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "G", "-1G", "6 apples", "0", "6Gi6", "1e9"])
def test_unreadable_amounts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 6G or 800M"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("sees", "bound", "megapixels"),
    [
        ("all", 0, 1920 * 1080),
        ("unknown", 0, 1920 * 1080 * 0.25),
        ("square", 512, 512 * 512),
        ("longest", 960, 960 * 540),
        ("longest", 4096, 1920 * 1080),
        ("shortest", 540, 540 * 960),
        ("shortest", 1500, 1080 * 1920),
        ("each", 1000, 1000 * 1000),
    ],
)
def test_the_size_of_the_network_input_decides(sees: str, bound: int, megapixels: float) -> None:
    toy = info_of(Footprint(fixed=700.0, picture=10.0, seen=2000.0, sees=sees, bound="reach"), reach=bound)
    expected = 1e6 * 700 + 10 * 1920 * 1080 + 2000 * megapixels
    assert expected_peak(toy, replace(HD, unknown=0.25), {}) == pytest.approx(expected, rel=1e-6)
    assert expected_peak(toy, replace(HD, unknown=0.25, element=2), {}) == pytest.approx(expected / 2 + 5 * 1920 * 1080, rel=1e-6)


def test_a_solver_before_the_network_takes_more_for_more_unknown_pixels_and_tiles_do_not_lower_it() -> None:
    toy = info_of(Footprint(900.0, 0.0, 400.0, "longest", "side", solved=2500.0), side=960, tile=0)
    seen = 960 * 540
    assert expected_peak(toy, replace(HD, unknown=0.5), {}) == pytest.approx(9e8 + 400 * seen + 1250 * seen, rel=1e-6)
    assert expected_peak(toy, replace(HD, unknown=0.1, element=2), {}) == pytest.approx(4.5e8 + 200 * seen + 250 * seen, rel=1e-6)
    assert expected_peak(toy, replace(HD, unknown=0.5), {"tile": 256}) == pytest.approx(9e8 + 400 * 256**2 + 1250 * seen, rel=1e-6)


def test_every_kind_of_input_scaling_has_its_estimate() -> None:
    assert set(SEES) == set(SEEN)


def test_no_estimate_is_below_that_of_compositing() -> None:
    assert expected_peak(info_of(Footprint(1.0, 1.0, 0.0)), HD, {}) == int(COMPOSING * 1920 * 1080)


def test_calls_that_fit_or_are_unknown_stay_unchanged() -> None:
    toy = info_of(Footprint(100.0, 0.0, 2000.0), tile=0)
    assert plan(toy, HD, options={"tile": 0}, budget=Budget(5 * GIGABYTE)).change == ""
    assert plan(toy, HD, options={}, budget=None).options == {}
    assert plan(info_of(None), HD, options={}, budget=Budget(1)).expected is None


def test_tiles_come_before_a_smaller_side() -> None:
    toy = info_of(Footprint(100.0, 0.0, 2000.0, "longest", "side"), tile=0, side=1920)
    tiled = plan(toy, HD, options={}, budget=Budget(GIGABYTE))
    assert tiled.options == {"tile": 640} and tiled.expected == 10**8 + 2000 * 640**2
    assert "leaves the matte as it is (tile=640): it would need 4.2 GB, and 1.0 GB are free" in tiled.change
    smaller = plan(toy, HD, options={"tile": 640}, budget=Budget(GIGABYTE // 2))
    assert smaller.options == {"tile": 640, "side": 576} and "less detail (side=576)" in smaller.change


def test_calls_that_cannot_fit_are_refused_with_numbers_and_a_size_that_fits() -> None:
    toy = replace(info_of(Footprint(100.0, 0.0, 9000.0, "longest", "side"), side=1920), guides=("trimap",))
    with pytest.raises(OutOfMemoryError) as refused:
        plan(toy, HD, options={}, budget=Budget(400 * 10**6, asked=600 * 10**6))
    sentence = "toy needs about 18.8 GB for a 1920x1080 picture, 432 MB at the least, and 400 MB of the 600 MB are left; scale"
    assert sentence in str(refused.value)
    with pytest.raises(OutOfMemoryError, match="scale the picture down, or raise `max_memory`"):
        plan(replace(toy, guides=("nothing like it",)), HD, options={}, budget=Budget(400 * 10**6, asked=600 * 10**6))
    rigid = replace(toy, options={}, memory=Footprint(9000.0, 0.0, 0.0))
    with pytest.raises(OutOfMemoryError, match=r"choose a model that takes less \(.*dim"):
        plan(rigid, HD, options={}, budget=Budget(3 * GIGABYTE))


def test_every_model_was_measured() -> None:
    for spec in registry().models.values():
        assert spec.memory is not None, f"{spec.name} has no memory in models.toml; run benchmarks/memory.py --models {spec.name}"
        assert spec.memory.fixed + spec.memory.picture > 0


def test_the_footprint_travels_with_the_export() -> None:
    info = export.info_for(registry().models["dim"], None)
    assert info.memory is not None and parse_info(info.to_json()) == info


class Greedy(torch.nn.Module):
    """Alpha is the side in thousands; asks for more memory than any machine has when that is above 710."""

    def forward(self, image: Tensor, side: int = 1024) -> tuple[Tensor, Tensor | None]:
        wanted = torch.empty(1 << (60 if side > 710 else 1), dtype=torch.uint8)
        return torch.full_like(image[:, :1], side / 1000.0) + 0.0 * wanted.numel(), None


@pytest.fixture
def greedy(tmp_path: Path) -> LoadedModel:
    info = info_of(Footprint(0.0, 0.0, 1000.0, "square", "side"), side=1024)
    export.export(Greedy(), tmp_path / "greedy.pt", info)
    return load_model(tmp_path / "greedy.pt", device=pick_device("cpu"))


def test_when_memory_runs_out_one_smaller_setting_is_tried_with_a_note(greedy: LoadedModel) -> None:
    told: list[str] = []
    outcome = run_within(greedy, torch.zeros(1, 3, 8, 8), {}, {}, tell=told.append)
    assert outcome.alpha.unique().tolist() == pytest.approx([0.704])
    assert outcome.notes[0].startswith("memory ran out; toy works with less detail (side=")
    assert told and "toy at 8x8: expected peak memory" in told[0]


def test_a_batch_that_does_not_fit_is_done_picture_by_picture(tmp_path: Path) -> None:
    free = budget_of(pick_device("cpu"))
    assert free is not None
    info = info_of(Footprint(0.0, 0.6 * free.left / 64, 0.0, "square", "side"), side=1024)  # one picture of 64 pixels fits, not two
    export.export(Greedy(), tmp_path / "greedy.pt", info)
    model = load_model(tmp_path / "greedy.pt", device=pick_device("cpu"))
    outcome = run_within(model, torch.zeros(2, 3, 8, 8), {}, {"side": 640})
    assert outcome.alpha.shape == (2, 1, 8, 8) and outcome.alpha.unique().tolist() == pytest.approx([0.64]) and outcome.notes == ()


class NoNumbers(torch.nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        return image[:, :1] / 0.0, None


def test_an_output_of_nan_is_an_error(tmp_path: Path) -> None:
    export.export(NoNumbers(), tmp_path / "none.pt", info_of(None))
    model = load_model(tmp_path / "none.pt", device=pick_device("cpu"))
    with pytest.raises(ModelError, match="values that are no numbers; its weights"):
        run_within(model, torch.zeros(1, 3, 8, 8), {}, {})
    with pytest.raises(ModelError, match="use `precision` fp32"):
        run_within(replace(model, precision="fp16"), torch.zeros(1, 3, 8, 8), {}, {})


def test_a_limit_covers_all_memory_of_the_process(greedy: LoadedModel) -> None:
    held = resident_memory()
    outcome = run_within(greedy, torch.zeros(1, 3, 8, 8), {}, {"side": 640}, limit=held + 300 * 10**6)
    assert outcome.alpha.max() < 0.6 and "of the" in outcome.notes[0]
    with pytest.raises(OutOfMemoryError, match="0 MB of the 1 MB are left"), picture_in_work((8, 8), greedy, 10**6):
        pass
    with pytest.raises(OutOfMemoryError, match="0 MB of the 1 MB are left; scale the picture down, or raise `max_memory`"):
        run_within(greedy, torch.zeros(1, 3, 8, 8), {}, {}, limit=10**6)


def _most_at_once(model: LoadedModel, *, limit: int) -> int:
    """How many of three calls in three threads are ever going on at the same time."""
    turn, inside, most = threading.Lock(), [0], [0]

    def come_and_go(text: str) -> None:
        with turn:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.2)
        with turn:
            inside[0] -= 1

    with ThreadPoolExecutor(3) as pool:
        calls = [
            pool.submit(run_within, model, torch.zeros(1, 3, 8, 8), {}, {"side": 640}, limit=limit, tell=come_and_go) for _ in range(3)
        ]
    assert all(call.result().notes == () for call in calls)
    return most[0]


def test_calls_in_several_threads_wait_for_each_other_rather_than_work_smaller(greedy: LoadedModel) -> None:
    held, one = resident_memory(), int(1e6 * 1000 * 0.64**2)
    assert _most_at_once(greedy, limit=held + one + 200 * 10**6) == 1
    assert _most_at_once(greedy, limit=held + 4 * one) > 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's heap is kept")
def test_memory_released_by_an_earlier_picture_counts_as_free(greedy: LoadedModel) -> None:
    malloc.keep()
    limit = resident_memory() + int(1e6 * 1000 * 0.64**2) + 100 * 10**6
    earlier = [bytearray(1 << 20) for _ in range(400)]
    last = bytearray(1 << 20)  # so that the heap does not end with what is freed
    del earlier
    kept = resident_memory()
    outcome = run_within(greedy, torch.zeros(1, 3, 8, 8), {}, {"side": 640}, limit=limit)
    assert outcome.notes == () and outcome.expected is not None and outcome.expected <= limit
    assert len(last) == 1 << 20 and resident_memory() < kept - 300 * 10**6, "it was given back, since the limit was near"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's heap is kept")
def test_heap_memory_beyond_the_largest_picture_is_released(greedy: LoadedModel) -> None:
    malloc.keep()
    earlier = [bytearray(1 << 20) for _ in range(400)]
    last = bytearray(1 << 20)
    del earlier
    kept = resident_memory()
    tidy(kept, greedy.device)
    assert resident_memory() > kept - 100 * 10**6, "pictures needed as much before"
    tidy(0, greedy.device)
    assert len(last) == 1 << 20 and resident_memory() < kept - 300 * 10**6


def test_the_largest_reservation_is_recorded(greedy: LoadedModel) -> None:
    with picture_in_work((1000, 1000), greedy):
        assert room.most >= COMPOSING * 1e6


def test_memory_held_after_a_call_counts_as_held_at_rest(greedy: LoadedModel) -> None:
    before = budget_of(greedy.device, 10**12)
    kept = bytearray(b"1") * 100_000_000
    settle(greedy)
    after = budget_of(greedy.device, 10**12)
    assert len(kept) and before is not None and after is not None and after.in_use > before.in_use + 80 * 10**6
