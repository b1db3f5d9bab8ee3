"""Results that are kept for links."""

from pathlib import Path

from mattecli.serve.results import ResultStore


def _file(folder: Path, name: str, size: int) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(bytes(size))
    return path


def test_a_link_serves_its_own_file_only(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    store = ResultStore(tmp_path / "results")
    links = store.keep(
        {"alpha": _file(tmp_path / "one", "result_alpha.png", 10), "cutout": _file(tmp_path / "one", "result_cutout.webp", 20)}
    )
    key, name = links["cutout"].split("/")
    found = store.find(key, name)
    assert found is not None and found.stat().st_size == 20 and name == "cutout.webp" and len(key) >= 32
    for wrong in ((key, "../../one"), (key, "cutout.png"), ("..", "one"), (key[:-1], name)):
        assert store.find(*wrong) is None
    assert store.bytes == 30


def test_results_expire_and_the_oldest_are_removed_when_space_runs_out(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    store = ResultStore(tmp_path / "results", most_bytes=100)
    links = [store.keep({"alpha": _file(tmp_path / str(n), "a.png", 60)})["alpha"] for n in range(3)]
    assert [store.find(*link.split("/")) is not None for link in links] == [False, False, True]
    assert len(list((tmp_path / "results").iterdir())) == 1, "what is no longer kept leaves the disk"
    soon = ResultStore(tmp_path / "results", seconds=0)
    link = soon.keep({"alpha": _file(tmp_path / "b", "a.png", 60)})["alpha"]
    assert soon.find(*link.split("/")) is None and soon.bytes == 0
