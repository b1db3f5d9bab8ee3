"""A manifest row becomes an item, or one error."""

import pytest

from mattecli.batch.items import Item, Settings, item_of
from mattecli.errors import UsageError


def test_a_row_overrides_the_commands_settings() -> None:
    row = {"input": "a.jpg", "output": "a.png", "trimap": "t.png", "guides": {"mask": "m.png"}, "as": "alpha", "model": "fusion"}
    item = item_of(row | {"options": "radius=3, sharp=true", "id": 7}, Settings(kind="cutout", options={"radius": "1", "eps": "2"}))
    assert item == Item(
        "a.jpg",
        "a.png",
        Settings(
            model="fusion", guides={"mask": "m.png", "trimap": "t.png"}, kind="alpha", options={"radius": "3", "eps": "2", "sharp": "true"}
        ),
        columns={"id": 7},
    )


def test_empty_cells_count_as_absent() -> None:
    assert item_of({"input": "a.jpg", "output": "", "model": "", "note": None}, Settings(), "out/{stem}_{name}.png") == Item(
        "a.jpg", "out/a_a.jpg.png"
    )


def test_a_backdrop_implies_a_composite() -> None:
    assert item_of({"input": "a", "output": "b", "over": "white"}, Settings()).settings.kind == "composite"


def test_output_options_are_columns() -> None:
    row = {"input": "a", "output": "b.png", "keep_hidden": True, "decontaminate": "off"}
    assert item_of(row, Settings()) == Item("a", "b.png", Settings(keep_hidden=True, decontaminate=False))


def test_output_options_of_the_command_that_do_not_suit_a_row_s_kind_are_ignored() -> None:
    row = {"input": "a", "output": "b.png", "as": "alpha", "keep_hidden": False}
    assert item_of(row, Settings(keep_hidden=True, decontaminate=False)).settings == Settings(kind="alpha")


def test_names_in_urls_fill_patterns() -> None:
    assert item_of({"input": "https://host/p/cat.one.jpg?size=2"}, Settings(), "s3://b/{stem}.png").output == "s3://b/cat.one.png"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"output": "b"}, "no input"),
        ({"input": "a"}, "no output"),
        ({"input": 3, "output": "b"}, "input is 3"),
        ({"input": "a\0", "output": "b"}, "give text"),
        ({"input": "-", "output": "b"}, "stdin"),
        ({"input": "a", "output": "b", "as": "sticker"}, "choose cutout"),
        ({"input": "a", "output": "b", "as": "alpha", "over": "red"}, "drop one"),
        ({"input": "a", "output": "b", "as": "alpha", "keep_hidden": True}, "about cutout"),
        ({"input": "a", "output": "b", "keep_hidden": "perhaps"}, "true or false"),
        ({"input": "a", "output": "b", "keep_hidden": True, "premultiplied": True}, "drop one"),
        ({"input": "a", "output": "b", "blur": "3"}, "about composite"),
        ({"input": "a", "output": "b", "guides": ["t"]}, "give an object"),
        ({"input": "a", "output": "b", "guides": {"tripmap": "t"}}, "no guide 'tripmap'"),
        ({"input": "a", "output": "b", "options": "radius"}, "NAME=VALUE"),
        ({"input": "a", "output": "b", "options": [1]}, "not read"),
    ],
)
def test_wrong_rows_are_refused_with_a_reason(row: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        item_of(row, Settings())
