"""Remote guides and backdrops are fetched once, and again when they change."""

from pathlib import Path
from typing import Any

import pytest

from mattecli.batch import copies as module
from mattecli.batch.copies import Copies
from mattecli.batch.items import Item, Run, Settings
from mattecli.batch.maker import Maker
from mattecli.errors import InputError
from tests.faults.batches import write_model, write_photos

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that are fetched, as they are."""
    fetched, whole = [], module.storage.fetched

    def note(url: str, folder: Path) -> str:
        if module.storage.is_url(url):
            fetched.append(url)
        return whole(url, folder)

    monkeypatch.setattr(module.storage, "fetched", note)
    return fetched


def _put(name: str, content: bytes) -> str:
    fsspec.filesystem("memory").pipe_file(f"/copies/{name}", content)
    return f"memory://copies/{name}"


def test_a_backdrop_shared_by_items_is_fetched_once(tmp_path: Path, fetches: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    write_photos(tmp_path / "photos", 3, 0)
    photos = sorted((tmp_path / "photos").rglob("*.png"))
    over = _put("beach.png", photos[0].read_bytes())
    settings = Settings(model=str(write_model(tmp_path / "toy.pt")), kind="composite", over=over, refine="none")
    maker = Maker(Run(), scratch=str(tmp_path))
    records: list[Any] = [maker.make(Item(str(photo), str(tmp_path / "out" / photo.name), settings)) for photo in photos]
    assert [record["status"] for record in records] == ["ok"] * 3, records
    assert fetches == [over]


def test_a_changed_file_is_fetched_again(tmp_path: Path, fetches: list[str]) -> None:
    copies, url = Copies(str(tmp_path)), _put("a.txt", b"one")
    for content in (b"one", b"one", b"three"):
        if content != b"one":
            _put("a.txt", content)
        with copies.held([url, "local.png"]) as held:
            assert held.keys() == {url} and Path(held[url]).read_bytes() == content
    assert len(fetches) == 2


def test_the_number_of_copies_is_bounded_and_copies_in_use_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    copies = Copies(str(tmp_path))
    with copies.held([_put("first", b"first")]) as first:
        for number in range(5):
            with copies.held([_put(str(number), b"other")]):
                pass
        assert Path(*first.values()).read_bytes() == b"first"
        assert len(list(tmp_path.rglob("*-*/*"))) == 2
    with pytest.raises(InputError, match="missing"), copies.held(["memory://copies/missing"]):
        pass
