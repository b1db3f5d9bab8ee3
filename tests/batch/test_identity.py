"""Detection of outputs that are up to date."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mattecli.batch.identity import identity_of, same_input, settings_hash, still_there, written_identity
from mattecli.batch.items import Item, Run, Settings


@pytest.fixture
def item(tmp_path: Path) -> Item:
    for name in ("in.png", "trimap.png", "beach.png"):
        (tmp_path / name).write_bytes(name.encode())
    guides = {"trimap": str(tmp_path / "trimap.png")}
    settings = Settings(guides=guides, kind="composite", over=str(tmp_path / "beach.png"))
    return Item(str(tmp_path / "in.png"), str(tmp_path / "out.png"), settings)


def test_any_setting_changes_the_hash_and_the_device_does_not(item: Item) -> None:
    settings = item.settings
    others = [
        replace(settings, model="fusion"),
        replace(settings, kind="alpha"),
        replace(settings, options={"radius": 2}),
        replace(settings, guides={}),
        replace(settings, gamma=True),
    ]
    hashes = {settings_hash(replace(item, settings=other), Run()) for other in (settings, *others)}
    assert len(hashes) == 6
    assert settings_hash(item, Run(device="cuda")) == settings_hash(item, Run()) != settings_hash(item, Run(precision="fp16"))
    assert settings_hash(item, Run(precision="fp32")) == settings_hash(item, Run())


@pytest.mark.parametrize("name", ["in.png", "trimap.png", "beach.png"])
def test_a_change_of_any_input_file_is_detected(item: Item, tmp_path: Path, name: str) -> None:
    noted = identity_of(item)
    assert same_input(noted, item, checksum=False)
    (tmp_path / name).write_bytes(b"something else")
    assert not same_input(noted, item, checksum=False)


def test_with_checksum_the_content_decides(item: Item, tmp_path: Path) -> None:
    noted = identity_of(item, checksum=True)
    os.utime(tmp_path / "in.png", (1, 1))
    assert same_input(noted, item, checksum=True) and not same_input(noted, item, checksum=False)
    (tmp_path / "in.png").write_bytes(b"IN.png")
    os.utime(tmp_path / "in.png", (1, 1))
    assert not same_input(noted, item, checksum=True)
    assert not same_input(identity_of(item), item, checksum=True), "without a noted checksum nobody knows"


def test_a_missing_input_is_never_the_same(item: Item, tmp_path: Path) -> None:
    (tmp_path / "in.png").unlink()
    assert not same_input(identity_of(item), item, checksum=False)


def test_an_output_with_a_changed_byte_counts_as_missing(tmp_path: Path) -> None:
    file = tmp_path / "out.png"
    file.write_bytes(b"x" * 100)
    noted = written_identity(str(file))
    assert still_there(noted, str(file))
    file.write_bytes(b"x" * 99 + b"y")
    assert not still_there(noted, str(file))
    file.unlink()
    assert not still_there(noted, str(file)) and not still_there({}, str(file))


def test_the_identity_of_a_sequence_covers_all_its_pictures(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in (1, 2, 3):
        (frames / f"{number}.png").write_bytes(b"frame" * number)
    noted = written_identity(str(frames / "%d.png"))
    assert noted["files"] == 3 and still_there(noted, str(frames / "%d.png"))
    (frames / "2.png").write_bytes(b"FRAME" * 2)
    assert not still_there(noted, str(frames / "%d.png"))
    clip = Item(str(frames), "out.mov")
    noted = identity_of(clip)
    assert same_input(noted, clip, checksum=False)
    shutil.copy(frames / "1.png", frames / "4.png")
    assert not same_input(noted, clip, checksum=False)
