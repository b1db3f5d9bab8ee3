"""Shards cover every item once; items are sorted as requested."""

import os
from pathlib import Path

import pytest

from mattecli.batch.items import Item
from mattecli.batch.selection import Shard, check_order, in_order, parse_shard
from mattecli.errors import UsageError

ITEMS = [Item(f"photos/{number}.jpg", f"out/{number}.png") for number in range(1000)]


def test_every_item_is_in_one_shard_and_shards_have_similar_sizes() -> None:
    parts = [[item for item in ITEMS if parse_shard(f"{index}/8").holds(item)] for index in range(1, 9)]
    assert sorted((item for part in parts for item in part), key=ITEMS.index) == ITEMS
    assert all(90 < len(part) < 160 for part in parts)


def test_shards_do_not_depend_on_the_machine() -> None:
    assert [item.output for item in ITEMS[:12] if Shard(1, 3).holds(item)] == ["out/0.png", "out/2.png", "out/4.png", "out/6.png"]


@pytest.mark.parametrize(("first", "step"), [(0, 1), (1, 1), (10, 5)])
def test_eight_slurm_tasks_cover_every_item_once(first: int, step: int) -> None:
    tasks = range(first, first + 8 * step, step)
    bounds = {"SLURM_ARRAY_TASK_COUNT": "8", "SLURM_ARRAY_TASK_MIN": str(first), "SLURM_ARRAY_TASK_MAX": str(tasks[-1])}
    shards = [parse_shard("slurm", bounds | {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_STEP": str(step)}) for task in tasks]
    assert all(sum(shard.holds(item) for shard in shards) == 1 for item in ITEMS)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4", "1/\u00b2", ""])
def test_wrong_shards_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError, match="I/N"):
        parse_shard(text)


def test_slurm_without_an_array_or_with_gaps_is_refused() -> None:
    with pytest.raises(UsageError, match="--array=0-7"):
        parse_shard("slurm", {})
    array = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "7"}
    with pytest.raises(UsageError, match="gaps"):
        parse_shard("slurm", array)


def test_items_are_ordered_by_name_size_or_age(tmp_path: Path) -> None:
    for number, (name, size) in enumerate({"b": 3, "c": 1, "a": 2}.items()):
        (tmp_path / name).write_bytes(b"x" * size)
        os.utime(tmp_path / name, (number, number))
    items = [Item(str(tmp_path / name), name) for name in "bca"] + [Item("~missing", "d")]

    def names(order: str) -> str:
        return "".join(item.output for item in in_order(items, order))

    assert {order: names(order) for order in ("given", "newest", "oldest", "smallest", "largest")} == {
        "given": "bcad",
        "newest": "acbd",
        "oldest": "bcad",
        "smallest": "cabd",
        "largest": "bacd",
    }
    assert names("name") == "abcd"
    assert sorted(names("random")) == sorted("abcd") and names("random") == names("random")
    with pytest.raises(UsageError, match="choose given"):
        check_order("size")
